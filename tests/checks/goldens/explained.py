"""Where Assay differs from a reference library on purpose, or because the library is wrong: by peer and measure, never by data set.

Every entry says which relation then holds between the two numbers, and the relation is checked: an explanation that does not predict the number
leaves it differing. Formulas that take more than a line are in `formulas.py`.
"""

import re
from dataclasses import dataclass
from functools import partial

import definitions
from formulas import NORMAL, agreement_error, differences, end, krippendorff_error, near, student, weighted_kappa_error

COEFFICIENTS = r"percent_agreement|fleiss_kappa|conger_kappa|gwet_ac|brennan_prediger|krippendorff_alpha|cohen_kappa|scott_pi"
INTERVAL = r"se|ci low|ci high"
# How far SciPy's quantile of t may be off, relative to itself.
ROUGHLY = 1e-8
# irrCAC for R prints intervals with 3 decimals and standard errors with 5.
R_DECIMALS = (3, 5)


@dataclass
class Explanation:
    peer: str
    # Patterns of the measure, of the name of the number, and of an option of the record, where only some options are meant.
    measure: str
    part: str
    why: str
    # (record, part, data) -> whether the two numbers are as the reason says they must be
    holds: object
    options: dict

    def fits(self, record, part):
        return (
            re.fullmatch(self.peer, record.peer)
            and re.fullmatch(self.measure, record.metric)
            and re.fullmatch(self.part, part.name)
            and all(re.search(pattern, str(record.options.get(name, ""))) for name, pattern in self.options.items())
        )


def reason(record, part, data):
    """Why a number differs, or None."""
    for explanation in EXPLANATIONS:
        if explanation.fits(record, part) and holds(explanation, record, part, data):
            return f"{record.peer}: {explanation.why}"
    return None


def holds(explanation, record, part, data):
    """Where the record lacks a number that the relation needs, nothing is explained."""
    try:
        return explanation.holds(record, part, data)
    except (KeyError, TypeError, ValueError):
        return False


def refusal(record, message, data):
    """Why Assay gives an error in place of a figure, or None."""
    found = next((why for pattern, why, is_so in REFUSALS if re.search(pattern, message) and is_so(record, data)), None)
    return found and f"{record.peer}: {found}"


def with_error(half_width, error, record, part, lowest=float("-inf"), tolerance=1e-9):
    """Assay's standard error, or end of the interval that it makes, is the one that this error makes."""
    return near(part.ours, error) if part.name == "se" else near(part.ours, end(part, record.value, half_width * error, lowest), tolerance)


def table_api(record, part, data):
    n = part.figure["n_items"]
    lowest = 0.0 if record.metric == "percent_agreement" else float("-inf")
    return part.ours is not None and with_error(student(n - 1), record.extras["se"] * (n / (n - 1)) ** 0.5, record, part, lowest)


def rough_quantile(record, part, data):
    """Both ends are value and standard error of the peer with the quantile of t, Assay's to all digits and the peer's to 8."""
    half_width = student(part.figure["n_items"] - 1) * record.extras["se"]
    expected = end(part, record.value, half_width)
    return part.ours is not None and near(part.ours, expected) and abs(part.theirs - expected) <= ROUGHLY * half_width


def normal_for_t(record, part, data):
    """Both intervals are the peer's standard error times a quantile: t for the peer, normal for Assay."""
    error, n = record.extras["se"], part.figure["n_items"]
    theirs, ours = (end(part, record.value, quantile * error) for quantile in (student(n - 1), NORMAL))
    return part.ours is not None and abs(part.theirs - theirs) <= ROUGHLY * student(n - 1) * error and near(part.ours, ours)


def worked_out(theirs, ours, degrees=None, decimals=None):
    """Both standard errors are worked out from the ratings: the peer's is the record's and Assay's is Assay's. By default the distribution is
    normal; with `degrees` the peer takes t with so many degrees of freedom, and Assay t of its items."""

    def holds(record, part, data):
        if part.ours is None:
            return False
        quantile = student(part.figure["n_items"] - 1) if degrees else NORMAL
        of_peer, of_peers_quantile = theirs(record, data), student(degrees(data)) if degrees else NORMAL
        expected = of_peer if part.name == "se" else end(part, record.value, of_peers_quantile * of_peer)
        # Where an interval is printed, so is the value that it lies around.
        rounding = 0.0 if decimals is None else 0.51 * 10.0 ** -decimals[part.name == "se"]
        of_assay = ours(record, data) if part.name == "se" else end(part, part.figure["value"], quantile * ours(record, data))
        return (near(part.theirs, expected) or abs(part.theirs - expected) <= rounding) and near(part.ours, of_assay)

    return holds


def all_items(data):
    return len(data.items) - 1


def left_out(record, part, data):
    """The peer leaves its result at 0; Assay's figure and observed agreement say what it is."""
    return part.theirs == 0 and near(record.value, (record.extras["pa"] - part.ours) / (1 - part.ours))


def not_cut(record, part, data):
    return part.ours == 1.0 and part.theirs > 1.0


def no_width(record, part, data):
    """The peer's interval, or standard error, has no width, and Assay says that the ratings have no spread."""
    error = record.extras.get("se")
    return part.ours is None and error is not None and error <= 1e-12 and "zero_variance" in part.figure["method"]


def printed_limits(record, part, data):
    """The limits printed are those of mean and deviation as printed, and 2 SD; Assay's are 1.96 SD of the ratings."""
    told, (mean, deviation) = record.value, differences(data)
    sign = 1 if part.theirs > told["mean_diff"] else -1
    return near(part.theirs, told["mean_diff"] + sign * 2 * told["sd"]) and near(part.ours, mean + sign * 1.96 * deviation)


def has_figure(of_data):
    """The peer has no figure, the data are such that it has none, and Assay's is what the definition makes of the ratings."""

    def holds(record, part, data):
        return part.theirs is None and part.ours is not None and of_data(record, data) and definitions.is_defined(record, data, part.ours)

    return holds


def has_none(record, part, data):
    """Assay gives null, with a reason that is true of the ratings."""
    return part.figure and part.figure["value"] is None and definitions.is_undefined(part.figure, data)


def entry(peer, measure, part, why, holds, **options):
    return Explanation(peer, measure, part, why, holds, options)


EXPLANATIONS = [
    entry(r".*", r".*", r".*", "has a figure, or an error, where the ratings define none; Assay gives null with the reason", has_none),
    entry(
        "irrCAC",
        r"percent_agreement|scott_pi|gwet_ac|brennan_prediger|krippendorff_alpha",
        INTERVAL,
        "its table form divides the variance by n, Assay by n - 1: standard error and width times sqrt(n / (n - 1))",
        table_api,
        input="table API",
    ),
    entry("irrCAC", COEFFICIENTS, "ci low|ci high", "SciPy's quantile of t is right to 8 digits only", rough_quantile),
    entry("irrCAC", "scott_pi", "pe", "its table form leaves chance agreement at 0 in the result", left_out, input="table API"),
    entry(
        "irrCAC",
        "cohen_kappa",
        "ci low|ci high",
        "t(n - 1) times the standard error of Fleiss, Cohen and Everitt, where they and Assay take the normal",
        normal_for_t,
    ),
    entry(
        "irrCAC-R",
        "krippendorff_alpha",
        INTERVAL,
        "its standard error of alpha has another centre than that for Python, which Assay has, and its t counts items with one rating",
        worked_out(partial(krippendorff_error, pooled=True), partial(krippendorff_error, pooled=False), all_items, R_DECIMALS),
    ),
    entry(
        "irrCAC-R",
        "percent_agreement",
        INTERVAL,
        "its standard error of percent agreement takes items with one rating for items without agreement; Assay leaves them out",
        worked_out(partial(agreement_error, singles=True), partial(agreement_error, singles=False), all_items, R_DECIMALS),
    ),
    entry(
        "irrCAC-R",
        r"percent_agreement|fleiss_kappa|conger_kappa|gwet_ac|brennan_prediger|krippendorff_alpha",
        "value",
        "its ratio weights are 0/0 where a category is 0; the distance of a label from itself is 0",
        has_figure(lambda record, data: 0 in data.labels),
        weights="ratio",
    ),
    entry(r"statsmodels|vcd|psych", "cohen_kappa", "ci high", "the interval is not cut at 1, the largest possible value", not_cut),
    entry(
        "psych",
        "cohen_kappa",
        INTERVAL,
        "a wrong margin in its standard error of weighted kappa; Assay and vcd have that of Fleiss, Cohen and Everitt",
        worked_out(partial(weighted_kappa_error, psych=True), partial(weighted_kappa_error, psych=False)),
    ),
    entry(
        "nltk",
        r"cohen_kappa_pairwise|davies_fleiss_multikappa|multi_pi|bennett_s|percent_agreement",
        "value",
        "raises StopIteration where an annotator did not rate an item",
        has_figure(lambda record, data: data.incomplete and "StopIteration" in (record.error or "")),
    ),
    entry("published", "bland_altman", "loa", "limits of mean and deviation as printed and 2 SD, where Assay has 1.96 SD", printed_limits),
    entry(
        r"irrCAC|irrCAC-R",
        COEFFICIENTS,
        INTERVAL,
        "a standard error of 0 is replaced by 1e-15; Assay gives no interval when the ratings have no spread",
        no_width,
    ),
    entry(
        r".*",
        r".*",
        "value",
        "has no figure, or an error; Assay has what the definition makes of the ratings",
        has_figure(lambda record, data: True),
    ),
]

# (what the message says, why Assay refuses, the data and the record must be such): a peer computes something all the same.
REFUSALS = [
    (
        "no negative values",
        "computes on; Assay refuses negative values on a ratio scale",
        lambda record, data: "ratio" in (record.options.get("level"), record.options.get("weights")) and min(data.labels) < 0,
    ),
]
