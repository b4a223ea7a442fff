"""Plans for measures that take more than one figure of all ratings."""

import statistics

import compare
import runs
from compare import MISSING, Exactly, Part, Relative, Within, detail, interval_parts, value_part
from parts import NoData
from plan import NotCovered, Plan, coefficient, gwet, options
from runs import Options

# Assay's own choice.
FEWEST_SHARED = 2


def percent_agreement(record, part):
    """Agreement by item, pooled, and by label, with the counts of the data set; other peers say the first alone."""
    if "specific_agreement" not in record.extras:
        return coefficient("percent_agreement")(record, part)

    def parts(figures):
        whole, pooled = figures.whole("percent_agreement"), figures.whole("pooled_percent_agreement")
        dropped = sum(drop["rows"] for drop in figures.data["dropped"] if drop["reason"] == "repeat_by_same_annotator")
        counts = {
            "n_items": figures.data["items"],
            "n_labels": figures.data["ratings"],
            "duplicates_dropped_keep_first": dropped,
        }
        return [
            value_part(record.value, whole),
            value_part(record.extras["pooled_pairs"], pooled, name="pooled_pairs"),
            Part("n_items_2plus", record.extras["n_items_2plus"], whole["n_items"] if whole else MISSING, Exactly(), whole),
            *named("specific_agreement", record.extras["specific_agreement"], figures.by("specific_agreement", "label")),
            *(Part(name, record.options[name], ours, Exactly()) for name, ours in counts.items() if name in record.options),
        ]

    measures = ("percent_agreement", "pooled_percent_agreement", "specific_agreement")
    chosen = Options(*map(str, part.file()), repeats="all" if part.repeats else "first")
    return Plan(chosen, measures, parts, by=("label",))


def named(what, theirs, ours):
    """A number for each name, which is that of a label or an annotator. Where some names have a figure, all must."""
    absent = None if ours else MISSING
    found = ((name, number, runs.named(ours, name)) for name, number in theirs.items())
    return [Part(f"{what}[{name}]", number, figure["value"] if figure else absent, figure=figure) for name, number, figure in found]


def mean(figures):
    """The mean of the figures that are defined."""
    values = [figure["value"] for figure in figures.values() if figure["value"] is not None]
    return statistics.fmean(values) if values else None if figures else MISSING


def pairwise_cohen(record, part):
    """The mean over pairs of annotators with enough common items; what else a record says of pairs is made here from all their figures."""
    fewest = record.options.get("min_common_items", FEWEST_SHARED)
    name, chosen = "mean_pairwise_cohen_kappa", options(record, part, min_shared=None if fewest == FEWEST_SHARED else fewest)
    if "pairs" not in record.extras:
        return Plan(chosen, (name,), lambda figures: [value_part(record.value, figures.whole(name))])

    def parts(figures):
        pairs = [figure for figure in figures.by("cohen_kappa", "pair").values() if figure["n_items"] >= fewest]
        defined = [(figure["value"], figure["n_items"]) for figure in pairs if figure["value"] is not None]
        kappas = [kappa for kappa, _ in defined]
        shared = sum(n for _, n in defined)
        summary = {
            "overlap_weighted_mean": sum(kappa * n for kappa, n in defined) / shared if defined else None,
            "median": statistics.median(kappas) if defined else None,
            "min": min(kappas, default=None),
            "max": max(kappas, default=None),
        }
        found = [value_part(record.value, figures.whole(name))]
        found += [Part(extra, record.extras[extra], ours) for extra, ours in summary.items() if extra in record.extras]
        counts = {"pairs": len(pairs), "nan_pairs": len(pairs) - len(defined)}
        return found + [Part(extra, record.extras[extra], ours, Exactly()) for extra, ours in counts.items() if extra in record.extras]

    return Plan(chosen, (name, "cohen_kappa"), parts, by=("pair",))


def complete(record, part):
    """The run over the items that everybody rated: peers of numeric measures drop the others."""
    if part.repeats:
        raise NotCovered("repeats as annotators of their own are not made for numbers")
    for name, found in (("complete_items", part.complete_items), ("items", part.items), ("raters", part.annotators)):
        if name in record.options and record.options[name] != len(found):
            raise ValueError(f"the data set has {len(found)} {name}, the record says {record.options[name]}")
    file, label = part.file(part.numbers(), complete=True)
    return Options(str(file), label, level="interval")


def pairwise(measure):
    """The mean over all pairs of annotators, and the figure of the first pair."""

    def plan(record, part):
        def parts(figures):
            pairs = figures.by(measure, "pair")
            first = runs.named(pairs, *part.annotators[:2])
            return [
                Part("value", record.value, mean(pairs)),
                value_part(record.extras.get("first"), first, name="first"),
                Part("pairs", record.extras["pairs"], len(pairs), Exactly()),
            ]

        return Plan(complete(record, part), (measure,), parts, by=("pair",))

    return plan


ICC_FORMS = {"1": "1", "2": "a", "3": "c", "A": "a", "C": "c"}


def icc_measure(form):
    """`ICC(A,k)` and `ICC(2,4)` of papers and pingouin, `ICC2k` of psych."""
    letters = form.removeprefix("ICC").strip("()").replace(",", "")
    return f"icc_{ICC_FORMS[letters[0]]}_{'1' if letters[1:] in ('', '1') else 'k'}"


def icc(record, part):
    values = record.value if isinstance(record.value, dict) else {record.options.get("form", "ICC1"): record.value}
    rounded = compare.Printed(2) if record.peer == "pingouin" else None
    forms = {form: icc_measure(form) for form in values}

    def parts(figures):
        found = []
        for form, name in forms.items():
            figure = figures.whole(name)
            of_value = compare.printed(values[form]) if record.peer == "published" else None
            found.append(value_part(values[form], figure, of_value, form))
            found += interval_parts(record.extras.get("ci95", {}).get(form), figure, rounded, f"{form} ci95")
            for extra, ours in (("F", "f"), ("p", "p_value")):
                if form in record.extras.get(extra, {}):
                    found.append(Part(f"{form} {extra}", record.extras[extra][form], detail(figure, ours), Relative(), figure))
        return found

    return Plan(complete(record, part), tuple(forms.values()), parts)


def kendall_w(record, part):
    def parts(figures):
        figure = figures.whole("kendall_w")
        names = {"W_uncorrected": "w_uncorrected", "chi2": "chi_squared", "df": "degrees", "p_value": "p_value"}
        more = [Part(name, record.extras[name], detail(figure, ours), Relative(), figure) for name, ours in names.items() if name in record.extras]
        return [value_part(record.value, figure), *more]

    return Plan(complete(record, part), ("kendall_w",), parts)


def bland_altman(record, part):
    """Bias and limits of agreement. A paper that prints a mean, a deviation and limits prints them rounded."""
    measures = ("bland_altman_bias", "bland_altman_lower", "bland_altman_upper")
    told = record.value if isinstance(record.value, dict) else {"mean_diff": record.value, **record.extras}
    of = compare.printed if record.peer == "published" else lambda _: Relative()

    def parts(figures):
        # Two annotators are a pair, and all there is.
        bias, *limits = (figures.whole(measure) or runs.named(figures.by(measure, "pair"), *part.annotators) for measure in measures)
        found = [value_part(told["mean_diff"], bias, of(told["mean_diff"]))]
        if "sd" in told:
            found.append(Part("sd", told["sd"], detail(bias, "standard_deviation"), of(told["sd"]), bias))
        found += [value_part(number, figure, of(number), "loa") for number, figure in zip(told["loa"], limits, strict=True)]
        found += interval_parts(told.get("mean_ci"), bias, name="mean_ci")
        if "loa_se_exact" in told:
            found.append(Part("loa_se_exact", told["loa_se_exact"], detail(limits[0], "standard_error"), Relative(), limits[0]))
        return found

    return Plan(complete(record, part), measures, parts, by=("pair",))


def alpha_of_sets(record, part):
    name = {"binary": "krippendorff_alpha"}.get(record.options["distance"], f"krippendorff_alpha_{record.options['distance']}")
    chosen = sets(part, drop_empty="drop" in record.options.get("empty", ""))
    return Plan(chosen, (name,), lambda figures: [value_part(record.value, figures.whole(name))])


def alpha_by_label(record, part):
    """Alpha of each label against all others, and their mean."""

    def parts(figures):
        labels = figures.by("krippendorff_alpha", "label")
        return [
            value_part(record.value, figures.whole("krippendorff_alpha_per_label")),
            Part("n_labels", record.extras["n_labels"], len(labels), Exactly()),
            *named("per_label", record.extras["per_label"], labels),
        ]

    return Plan(sets(part), ("krippendorff_alpha_per_label",), parts, by=("label",))


def sets(part, drop_empty=False):
    if part.numeric:
        raise NoData("its labels are not sets")
    file, label = part.file(drop_empty=drop_empty)
    return Options(str(file), label, sets=",")


def jackknife(record, part):
    def parts(figures):
        figure = figures.whole("krippendorff_alpha")
        return [
            value_part(record.value, figure),
            Part("se", record.extras["se"], detail(figure, "standard_error"), Relative(), figure),
            Part("jackknife_bias_corrected", record.extras["jackknife_bias_corrected"], detail(figure, "bias_corrected"), Relative(), figure),
            Part("m", record.extras["m"], figure["n_items"] if figure else MISSING, Exactly(), figure),
        ]

    return Plan(options(record, part, interval="jackknife"), ("krippendorff_alpha",), parts)


def bootstrap(record, part):
    """Other draws than the peer's: the ends of the interval lie within a tenth of its width."""

    def parts(figures):
        figure = figures.whole("krippendorff_alpha")
        low, high = record.extras["ci"]
        near = Within(0.1 * (high - low))
        spread = Part("se", record.extras["se"], detail(figure, "standard_error"), Relative(0.1), figure)
        return [value_part(record.value, figure), *interval_parts((low, high), figure, near), spread]

    return Plan(options(record, part, interval="bootstrap", resamples=record.options["B"]), ("krippendorff_alpha",), parts)


def leave_one_out(record, part):
    def parts(figures):
        without = figures.by("krippendorff_alpha", "without_annotator")
        return [*named("per_annotator", record.extras["per_annotator"], without), value_part(record.value, figures.whole("krippendorff_alpha"))]

    return Plan(options(record, part), ("krippendorff_alpha",), parts, by=("annotator",))


PLANS = {
    "percent_agreement": percent_agreement,
    "cohen_kappa": coefficient("cohen_kappa"),
    "scott_pi": coefficient("scott_pi"),
    "fleiss_kappa": coefficient("fleiss_kappa"),
    "multi_pi": coefficient("fleiss_kappa"),
    "conger_kappa": coefficient("conger_kappa"),
    "davies_fleiss_multikappa": coefficient("conger_kappa"),
    "gwet_ac": coefficient(gwet),
    "brennan_prediger": coefficient("brennan_prediger"),
    "bennett_s": coefficient("brennan_prediger"),
    "randolph_kappa": coefficient("brennan_prediger"),
    "krippendorff_alpha": coefficient("krippendorff_alpha"),
    "cohen_kappa_pairwise": pairwise_cohen,
    "uncertainty_mean_entropy": coefficient("mean_label_entropy"),
    "krippendorff_alpha_sets": alpha_of_sets,
    "krippendorff_alpha_per_label_binary": alpha_by_label,
    "krippendorff_alpha_jackknife_items": jackknife,
    "krippendorff_alpha_bootstrap_items": bootstrap,
    "krippendorff_alpha_leave_one_annotator_out": leave_one_out,
    "icc": icc,
    "kendall_w": kendall_w,
    "kendall_tau_b_pairwise_mean": pairwise("kendall_tau_b"),
    "spearman_pairwise_mean": pairwise("spearman_rho"),
    "pearson_pairwise_mean": pairwise("pearson_r"),
    "lin_ccc_pairwise_mean": pairwise("lin_ccc"),
    "bland_altman": bland_altman,
}
