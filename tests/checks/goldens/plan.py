"""Which run of the binary gives the figures of a record, and which of its figures they are."""

import hashlib
import json
import re
from dataclasses import dataclass, field

import compare
from compare import MISSING, Part, Relative, detail, interval_parts, value_part
from parts import NoData
from runs import Options

SCHEMES = ("linear", "quadratic", "ordinal", "radical", "ratio", "circular", "bipolar")
# Peers whose weights go by the place of a category in the list of categories, also where the categories are numbers.
BY_PLACE = ("scikit-learn", "statsmodels", "psych", "vcd")


class NotCovered(Exception):
    """Assay does not compute this, or the folder does not hold what it takes."""


@dataclass
class Plan:
    options: Options
    measures: tuple
    # figures of the run -> parts to compare
    parts: object
    by: tuple = field(default_factory=tuple)


# The weights of a level. Krippendorff's own metric of an ordinal scale, which depends on the ratings, is no scheme.
OF_LEVEL = {"nominal": "identity", "interval": "quadratic", "ratio": "ratio"}


def scheme(record):
    """The weights of a record: the name of a scheme, `identity`, or a matrix of disagreements."""
    if level := record.options.get("level"):
        return OF_LEVEL.get(level, level)
    told = next((record.options[name] for name in ("weights", "wt") if record.options.get(name)), "identity")
    if matrix := disagreements(told):
        return matrix
    words = str(told).lower()
    if words in ("identity", "none", "unweighted"):
        return "identity"
    named = [name for name in SCHEMES if re.search(rf"\b{name}\b", words)]
    if len(named) != 1:
        raise NotCovered(f"weights {told!r} are not known")
    return named[0]


def disagreements(told):
    """A matrix of disagreements: `disagreement [[0,1],[1,0]]`, or with slashes between its rows. A list alone can be of agreements."""
    if isinstance(told, list):
        return [[1 - cell for cell in row] for row in told] if told[0][0] == 1 else told
    if "disagreement" not in str(told):
        return None
    if "[" in told:
        return json.loads(told[told.index("[") :])
    return [[float(cell) for cell in row.split(",")] for row in re.search(r"[\d.,/]+$", told)[0].split("/")]


def domain(record):
    """The categories that a record names."""
    return next((record.options[name] for name in ("categories", "value_domain") if isinstance(record.options.get(name), list)), None)


def numbers(record, part, weighted):
    """Where the labels are text and the record computes with them as numbers: label -> number."""
    if part.numeric or not weighted:
        return None
    named = domain(record)
    if named and not any(isinstance(category, str) for category in named):
        return part.numbers(named)
    try:
        return part.numbers() if not named and all(re.fullmatch(r"[+-]?\d+(\.\d+)?", label) for label in part.labels) else None
    except NoData:
        return None


def unused(record, part, of_labels):
    """All categories in order, where the record names some that nobody used and that count: they widen what chance alone would give."""
    named = domain(record)
    if not named or "value_domain" in record.options:
        return ()
    used, names = {text(label) for label in (of_labels.values() if of_labels else part.labels)}, [text(category) for category in sorted(named)]
    if len(names) == len(used):
        return ()
    if not used <= set(names):
        raise NoData(f"its labels are not among the record's categories {named}")
    return tuple(names)


def text(category):
    return str(int(category)) if isinstance(category, float) and category.is_integer() else str(category)


def options(record, part, **more):
    """The run for a coefficient with the record's level or weights."""
    level = record.options.get("level")
    weights = scheme(record)
    weighted = weights != "identity"
    of_labels = numbers(record, part, weighted)
    if of_labels is None and level in ("ordinal", "interval", "ratio"):
        of_labels = part.numbers()
    file, label = part.file(of_labels)
    numeric = part.numeric or of_labels is not None
    place = record.peer in BY_PLACE or "table API" in str(record.options.get("input")) or not numeric
    named = {"repeats": "all" if part.repeats else "first", **more}
    if level:
        return Options(str(file), label, level=level, **named)
    if isinstance(weights, list):
        named["weights"] = matrix_file(weights, part)
    elif weights != "identity":
        named.update(weights=weights, weights_by="rank" if place else "value")
    ordered = () if numeric or weights == "identity" else tuple(part.labels)
    return Options(str(file), label, categories=unused(record, part, of_labels) or ordered, **named)


def matrix_file(rows, part):
    """Weights as agreements between 0 and 1, a row and a column for each label."""
    if len(part.labels) != len(rows):
        raise NoData(f"its {len(part.labels)} labels do not fit weights for {len(rows)}")
    largest = max(max(row) for row in rows)
    lines = [",".join(repr(1 - cell / largest) for cell in row) for row in rows]
    path = part.scratch / f"weights-{hashlib.sha256(str(lines).encode()).hexdigest()[:16]}.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def tolerance(record):
    """How far a coefficient may lie from the record's."""
    if record.peer == "published":
        return compare.printed(record.value)
    if record.peer == "irrCAC-R":
        return compare.Printed(5)
    return Relative()


def coefficient(measure):
    """A figure of all ratings, with what the record says about its interval and chance agreement."""

    def plan(record, part):
        chosen = options(record, part)
        name = measure(chosen) if callable(measure) else measure

        def parts(figures):
            figure = figures.whole(name)
            found = [value_part(record.value, figure, tolerance(record))]
            rounded = record.peer == "irrCAC-R"
            if record.value is not None and record.extras.get("ci"):
                found += interval_parts(record.extras["ci"], figure, compare.Printed(3) if rounded else None)
            for extra, named in EXTRAS.items():
                if record.extras.get(extra) is not None:
                    printed = compare.Printed(5) if rounded and extra == "se" else Relative()
                    ours = uncorrected(figure, extra) if name == "percent_agreement" else MISSING
                    found.append(Part(extra, record.extras[extra], detail(figure, named) if ours is MISSING else ours, printed, figure))
            return found

        return Plan(chosen, (name,), parts)

    return plan


# Numbers beside a figure, and what Assay calls them.
EXTRAS = {
    "se": "standard_error",
    "pa": "observed_agreement",
    "pe": "expected_agreement",
    "p_value": "p_value",
    "se0": "standard_error_null",
    "z0": "z_null",
    "kappa_max": "kappa_max",
}


def uncorrected(figure, extra):
    """Percent agreement as a coefficient that corrects nothing: peers say its observed agreement, and 0 for chance."""
    return {"pa": compare.value(figure), "pe": 0.0}.get(extra, MISSING)


def gwet(chosen):
    return "gwet_ac2" if chosen.weights else "gwet_ac1"
