#!/usr/bin/env python3
"""Figures of `assay report agreement` equal those of the peers on the same data, to 1e-9.

Ratings are read from the JSON anew, by the documented policies. Peers: krippendorff (alpha, also per label and without each annotator),
irrCAC (the coefficients of many raters with their standard errors, percent agreement, Scott's pi of two), scikit-learn (Cohen's kappa of each
pair). Pooled and specific agreement and an annotator against the others are worked out here, from their definitions. Ratings, numbers and sets
of labels are compared with scale_peers.py. So are the scores of disagreements. Where real exports lie in ../shared they are checked too.
"""

import datetime
import functools
import math
import warnings
import xml.etree.ElementTree
from collections import Counter, defaultdict
from itertools import combinations

import duckdb
import krippendorff
import numpy
import pandas
from irrCAC.raw import CAC
from sklearn.metrics import cohen_kappa_score

import common
from label_studio import load
from scale_peers import DISTANCES, Scale, Sets, masi

TOLERANCE = 1e-9
PARTS = ("period", "slice")


class Controls:
    """The controls of a labelling config whose answers are about the whole task, by what their answers are."""

    def __init__(self, config):
        tags = [tag for tag in xml.etree.ElementTree.parse(config).iter() if tag.get("toName") and tag.get("perRegion") != "true"]
        choices = [tag for tag in tags if tag.tag == "Choices"]
        self.single = [tag.get("name") for tag in choices if tag.get("choice", "single") != "multiple"]
        self.multiple = [tag.get("name") for tag in choices if tag.get("choice") == "multiple"]
        self.grades = {tag.get("name"): range(1, int(tag.get("maxRating", 5)) + 1) for tag in tags if tag.tag == "Rating"}
        self.numbers = [tag.get("name") for tag in tags if tag.tag == "Number"]
        self.order = {tag.get("name"): [choice.get("alias", choice.get("value")) for choice in tag.iter("Choice")] for tag in choices}


def user(annotation, source):
    by = annotation["completed_by"]
    if by is None:
        return f"{source}/deleted-user/{annotation['id']}"
    return f"{source}/user/{by['id'] if isinstance(by, dict) else by}"


def used(tasks, source):
    """(item, {annotator: annotation}): submitted, not skipped, no ground truth, of several by one annotator the highest id."""
    for task in tasks:
        counts = [a for a in task["annotations"] if not a["was_cancelled"] and not a["ground_truth"]]
        yield f"{source}/task/{task['id']}", {user(a, source): a for a in sorted(counts, key=lambda a: a["id"])}


def answers(tasks, source, control, key="choices"):
    """item -> {annotator: answer}, of those that have one: the label, or the number under `key`."""
    ratings = {}
    for item, latest in used(tasks, source):
        values = {
            rater: result["value"][key]
            for rater, annotation in latest.items()
            for result in annotation["result"]
            if result.get("from_name") == control and result["value"].get(key) not in (None, [])
        }
        if values:
            ratings[item] = {rater: value[0] if key == "choices" else float(value) for rater, value in values.items()}
    return ratings


def chosen_sets(tasks, source, control):
    """item -> {annotator: frozenset}: every annotation that counts is an answer, one without labels is the empty set."""
    ratings = {}
    for item, latest in used(tasks, source):
        if latest:
            ratings[item] = {
                rater: frozenset(
                    label
                    for result in annotation["result"]
                    if result.get("from_name") == control
                    for label in result["value"]["choices"]
                )
                for rater, annotation in latest.items()
            }
    return ratings


def newest_answers(tasks, source, control, ratings):
    """item -> day of its newest answer that counts."""
    days = {}
    for task in tasks:
        item = f"{source}/task/{task['id']}"
        for rater in ratings.get(item, {}):
            by_rater = [a for a in task["annotations"] if user(a, source) == rater and not a["was_cancelled"] and not a["ground_truth"]]
            latest = max(by_rater, key=lambda a: a["id"])
            day = datetime.datetime.fromisoformat(latest["updated_at"]).astimezone(datetime.UTC).date()
            days[item] = max(day, days.get(item, day))
    return days


def period_of(day, period):
    year, week, _ = day.isocalendar()
    return {"day": day.isoformat(), "week": f"{year:04}-W{week:02}", "month": day.isoformat()[:7]}[period]


class Peers:
    """What the peers say about one control."""

    def __init__(self, ratings):
        self.ratings = ratings
        self.pairable = {item: given for item, given in ratings.items() if len(given) > 1}
        self.labels = sorted({label for given in ratings.values() for label in given.values()})
        self.raters = sorted({rater for given in ratings.values() for rater in given})

    def alpha(self, label=None):
        """Krippendorff's alpha; of one label against all others."""
        group = (lambda given: int(given == label)) if label else self.labels.index
        rows = [[sum(group(g) == k for g in given.values()) for k in range(2 if label else len(self.labels))] for given in self.ratings.values()]
        alpha = krippendorff.alpha(value_counts=numpy.array(rows), level_of_measurement="nominal")
        return None if math.isnan(alpha) else alpha

    def irrcac(self):
        """Measure -> (value, standard error). It divides by zero when one item alone can be compared; then there is no peer."""
        if len(self.pairable) < 2:
            return {}
        table = pandas.DataFrame([[given.get(rater) for rater in self.raters] for given in self.ratings.values()])
        peer = CAC(table, digits=15)
        found = {}
        estimates = {
            "fleiss_kappa": peer.fleiss(),
            "gwet_ac1": peer.gwet(),
            "krippendorff_alpha": peer.krippendorff(),
            "conger_kappa": peer.conger(),
            "brennan_prediger": peer.bp(),
        }
        for name, estimate in estimates.items():
            est = estimate["est"]
            found[name] = (est["coefficient_value"], est["se"])
        found["percent_agreement"] = (peer.fleiss()["est"]["pa"], None)
        return found

    def pooled(self):
        """The share of equal labels among all pairs of ratings of one item."""
        pairs = [x == y for given in self.pairable.values() for x, y in combinations(given.values(), 2)]
        return sum(pairs) / len(pairs) if pairs else None

    def without(self, rater):
        """Krippendorff's alpha of the other annotators; None where it does not exist."""
        rest = Peers({item: {r: label for r, label in given.items() if r != rater} for item, given in self.ratings.items()})
        used = {label for given in rest.pairable.values() for label in given.values()}
        return rest.alpha() if len(used) > 1 else None

    def defined_alpha(self):
        """Krippendorff's alpha; None where it does not exist."""
        used = {label for given in self.pairable.values() for label in given.values()}
        return self.alpha() if len(used) > 1 else None

    def percent(self):
        """The mean over items of the share of equal pairs."""
        shares = [numpy.mean([x == y for x, y in combinations(given.values(), 2)]) for given in self.pairable.values()]
        return numpy.mean(shares) if shares else None

    def scott(self):
        """Scott's pi of two annotators; None where it does not exist."""
        both = [list(given.values()) for given in self.pairable.values()]
        used = Counter(label for two in both for label in two)
        expected = sum((n / used.total()) ** 2 for n in used.values())
        return None if len(used) < 2 else (sum(x == y for x, y in both) / len(both) - expected) / (1 - expected)

    def shared(self, a, b):
        both = [given for given in self.ratings.values() if a in given and b in given]
        return [given[a] for given in both], [given[b] for given in both]

    def pabak(self, agreement):
        """Byrt, Bishop and Carlin (1993), for any number of labels: kappa if all labels that occur were equally frequent."""
        q = len({label for given in self.pairable.values() for label in given.values()})
        return (q * agreement - 1) / (q - 1) if q > 1 else None

    def pairs(self):
        """(annotator, annotator) -> (share of equal labels, Cohen's kappa or None)."""
        found = {}
        for a, b in combinations(self.raters, 2):
            ours, theirs = self.shared(a, b)
            if ours:
                kappa = cohen_kappa_score(ours, theirs)
                found[a, b] = (numpy.mean([x == y for x, y in zip(ours, theirs, strict=True)]), None if math.isnan(kappa) else kappa)
        return found

    def specific(self, label):
        """Given that one annotator chose the label: the share of the item's others who did too."""
        counts = [(sum(g == label for g in given.values()), len(given)) for given in self.pairable.values()]
        chances = sum(n * (all_ - 1) for n, all_ in counts)
        return sum(n * (n - 1) for n, _ in counts) / chances if chances else None

    def against_others(self, rater):
        """(mean share of the others who agree, kappa of the annotator against the pooled others)."""
        items = [given for given in self.pairable.values() if rater in given]
        if not items:
            return None, None
        own, pooled, agree = Counter(), defaultdict(float), 0.0
        for given in items:
            others = Counter(label for other, label in given.items() if other != rater)
            own[given[rater]] += 1
            for label, n in others.items():
                pooled[label] += n / others.total()
            agree += others[given[rater]] / others.total()
        n = len(items)
        observed, expected = agree / n, sum(own[label] / n * pooled[label] / n for label in own)
        return observed, (observed - expected) / (1 - expected) if expected < 1 else None


class Comparison:
    def __init__(self, check, what, report, control):
        self.check, self.what = check, what
        self.measures = {}
        for measure in report["measures"]:
            scope = measure["scope"]
            # Figures of parts of the items are compared part by part.
            if scope["control"] == control and scope["by"] not in PARTS:
                key = (measure["measure"], scope["by"], scope.get("label"), scope.get("annotator"), scope.get("other"))
                check.true(f"{what}: {key} stands once", key not in self.measures)
                self.measures[key] = measure
        self.left = set(self.measures)

    def figure(self, name, by, value, error=None, label=None, annotator=None, other=None):
        key = (name, by, label, annotator, other)
        where = f"{self.what}: {name} of {by} {' and '.join(filter(None, key[2:]))}".rstrip()
        measure = self.measures.get(key)
        self.left.discard(key)
        if measure is None:
            self.check.true(where, False, "is not in the report")
            return
        self.check.true(f"{where}: has a value or a reason", (measure["value"] is None) == (measure["undefined_reason"] is not None))
        self.check.true(f"{where}: value", near(measure["value"], value), f"found {measure['value']}, the peer has {value}")
        # irrCAC has 1e-15 where there is no spread, which is a figure without a standard error here.
        if error is not None and error > 1e-14:
            found = measure.get("detail", {}).get("standard_error")
            self.check.true(f"{where}: standard error", near(found, error), f"found {found}, the peer has {error}")


def near(found, expected):
    if found is None or expected is None:
        return found is expected
    return abs(found - float(expected)) <= TOLERANCE


def compare(check, what, report, control, ratings):
    peers, compared = Peers(ratings), Comparison(check, what, report, control)
    for name, (value, error) in peers.irrcac().items():
        compared.figure(name, "overall", value, error)
    compared.figure("krippendorff_alpha", "overall", peers.alpha())
    pairs = peers.pairs()
    kappas = [kappa for pair, (_, kappa) in pairs.items() if kappa is not None and len(peers.shared(*pair)[0]) > 1]
    compared.figure("mean_pairwise_cohen_kappa", "overall", numpy.mean(kappas) if kappas else None)
    compared.figure("pooled_percent_agreement", "overall", peers.pooled())
    if len(peers.raters) == 2:
        compared.figure("cohen_kappa", "overall", next((kappa for _, kappa in pairs.values()), None))
        compared.figure("scott_pi", "overall", peers.scott() if peers.pairable else None)
        compared.figure("pabak", "overall", next((peers.pabak(agreement) for agreement, _ in pairs.values()), None))
    for (a, b), (agreement, kappa) in pairs.items():
        compared.figure("percent_agreement", "pair", agreement, annotator=a, other=b)
        compared.figure("cohen_kappa", "pair", kappa, annotator=a, other=b)
        compared.figure("pabak", "pair", peers.pabak(agreement), annotator=a, other=b)
    for label in peers.labels:
        compared.figure("krippendorff_alpha", "label", peers.alpha(label), label=label)
        compared.figure("specific_agreement", "label", peers.specific(label), label=label)
    for rater in peers.raters:
        agreement, kappa = peers.against_others(rater)
        compared.figure("percent_agreement", "annotator", agreement, annotator=rater)
        compared.figure("kappa_against_others", "annotator", kappa, annotator=rater)
        compared.figure("krippendorff_alpha", "without_annotator", peers.without(rater), annotator=rater)
    if len(peers.pairable) > 1:
        check.equal(f"{what}: figures that no peer was asked for", sorted(map(str, compared.left)), [])
    overall = compared.measures.get(("krippendorff_alpha", "overall", None, None, None), {})
    counted = (overall.get("n_items"), overall.get("n_ratings"), overall.get("n_raters"))
    raters = {rater for given in peers.pairable.values() for rater in given}
    check.equal(f"{what}: n of alpha", counted, (len(peers.pairable), sum(map(len, peers.pairable.values())), len(raters)))


def compare_parts(check, what, report, control, by, parts):
    """The figures of each part of the items are those of its ratings alone; `parts`: name -> ratings."""
    figures = {"krippendorff_alpha": Peers.defined_alpha, "percent_agreement": Peers.percent}
    found = [m for m in report["measures"] if m["scope"]["control"] == control and m["scope"]["by"] == by]
    check.equal(f"{what}: parts by {by}", sorted({m["scope"]["value"] for m in found}), sorted(parts))
    for measure in found:
        peer, part = figures.get(measure["measure"]), parts.get(measure["scope"]["value"])
        if peer and part is not None:
            value = peer(Peers(part))
            where = f"{what}: {measure['measure']} of {by} {measure['scope']['value']}"
            check.true(where, near(measure["value"], value), f"found {measure['value']}, the peer has {value}")


def compare_scale(check, what, report, control, scale):
    """The figures of ratings (ordinal) and of numbers (interval)."""
    compared = Comparison(check, what, report, control)
    for name, (value, error) in (scale.weighted() if len(scale.pairable) > 1 else {}).items():
        compared.figure(name, "overall", value, error)
    compared.figure("krippendorff_alpha", "overall", scale.alpha())
    compared.figure("kendall_w", "overall", scale.kendall_w())
    pairs = scale.pairs()
    means = ["spearman_rho", "kendall_tau_b"]
    if scale.level == "interval":
        for name, value in scale.icc().items():
            compared.figure(name, "overall", value)
        means += ["pearson_r", "lin_ccc"]
    for name in means:
        found = [pair[name] for pair in pairs.values() if pair[name] is not None]
        compared.figure(name, "overall", numpy.mean(found) if found else None)
    kappas = [pair["cohen_kappa"] for two, pair in pairs.items() if pair["cohen_kappa"] is not None and scale.shared(*two).shape[1] > 1]
    compared.figure("mean_pairwise_cohen_kappa", "overall", numpy.mean(kappas) if kappas else None)
    for (one, other), pair in pairs.items():
        for name, value in pair.items():
            compared.figure(name, "pair", value, annotator=one, other=other)
    for rater in scale.raters:
        compared.figure("krippendorff_alpha", "without_annotator", scale.without(rater), annotator=rater)
    # These look at labels alone, whatever their scale.
    texts = {item: {rater: f"{value:.17g}" for rater, value in given.items()} for item, given in scale.ratings.items()}
    nominal = Peers(texts)
    for rater in scale.raters:
        agreement, kappa = nominal.against_others(rater)
        compared.figure("percent_agreement", "annotator", agreement, annotator=rater)
        compared.figure("kappa_against_others", "annotator", kappa, annotator=rater)
    if len(scale.values) <= 12:
        for value in scale.values:
            text = f"{value:.17g}"
            used_by_two = any(text in given.values() for given in nominal.pairable.values())
            compared.figure("krippendorff_alpha", "label", nominal.alpha(text) if used_by_two else None, label=text)
            compared.figure("specific_agreement", "label", nominal.specific(text) if used_by_two else None, label=text)
    check.equal(f"{what}: figures that no peer was asked for", sorted(map(str, compared.left)), [])
    counted = compared.measures[("krippendorff_alpha", "overall", None, None, None)]
    check.equal(f"{what}: n of alpha", (counted["n_items"], counted["n_ratings"]), (len(scale.pairable), sum(map(len, scale.pairable.values()))))
    check.equal(f"{what}: level", counted["options"]["level"], scale.level)


def compare_sets(check, what, report, control, sets):
    compared = Comparison(check, what, report, control)
    for name in DISTANCES:
        compared.figure(name, "overall", sets.alpha(name))
    compared.figure("krippendorff_alpha_per_label", "overall", sets.mean_of_labels())
    for label in sets.labels:
        compared.figure("krippendorff_alpha", "label", sets.of_label(label), label=label)
    check.equal(f"{what}: figures that no peer was asked for", sorted(map(str, compared.left)), [])
    [data] = [entry for entry in report["data"]["controls"] if entry["control"] == control]
    empty = sum(not own for given in sets.ratings.values() for own in given.values())
    check.equal(f"{what}: empty sets", data["empty_sets"], empty)


def compare_cautions(check, what, report):
    """The marks beside figures follow docs/INTERVALS.md where n alone decides."""
    for measure in report["measures"]:
        by, caution = measure["scope"]["by"], measure.get("caution")
        if measure["ci_low"] is None:
            check.equal(f"{what}: a figure without an interval has no mark", caution, None)
        elif measure["n_items"] < 50:
            expected = {"pair": {"few_shared_items"}, "annotator": {"few_shared_items"}, "label": {"few_items", "rare_label"}}
            check.true(f"{what}: {measure['measure']} of {by} is marked", caution in expected.get(by, {"few_items", "few_shared_items"}), caution)
        elif measure["n_items"] >= 100 and by not in ("label", "overall"):
            check.equal(f"{what}: {measure['measure']} of {by} rests on enough", caution, None)


def compare_scores(check, what, found, ratings, distance):
    """The list of disagreements has every item on which two annotators differ, with the mean distance of its pairs."""
    expected = {}
    for item, given in ratings.items():
        pairs = [distance(a, b) for a, b in combinations(given.values(), 2)]
        if pairs and sum(pairs):
            expected[item] = numpy.mean(pairs)
    check.equal(f"{what}: items in disagreement", sorted(found), sorted(expected))
    for item in found.keys() & expected.keys():
        check.true(f"{what}: score of {item}", near(found[item], expected[item]), f"found {found[item]}, expected {expected[item]}")


def by_range(ratings, grades=()):
    values = [value for given in ratings.values() for value in given.values()] + list(grades)
    span = max(values) - min(values)
    return lambda a, b: abs(a - b) / span if span else float(a != b)


def unequal(a, b):
    return float(a != b)


def check_scores(check, folder, project, found):
    """`found`: control -> (ratings, distance)."""
    [path] = folder.glob("*/*/_reports/*/agreement-*/disagreements.parquet")
    rows = duckdb.sql(f"SELECT control, item_id, score FROM read_parquet('{path}')").fetchall()
    for control, (ratings, distance) in found.items():
        listed = {item: score for own, item, score in rows if own == control}
        compare_scores(check, f"{project}/{control}", listed, ratings, distance)


def check_level(check, folder, project, tasks, controls):
    """Choices as an ordinal scale, in the order of the labelling config."""
    for control in controls.single:
        order = controls.order[control]
        places = {item: {rater: float(order.index(label)) for rater, label in given.items()} for item, given in answers(tasks, project, control).items()}
        if not places or len(order) < 3:
            continue
        report = common.agreement(folder, project, "--control", control, "--level", "ordinal")
        found = {m["measure"]: m["value"] for m in report["measures"] if m["scope"]["by"] == "overall"}
        scale = Scale(places, "ordinal", range(len(order)))
        expected = {name: value for name, (value, _) in scale.weighted().items()} | {"krippendorff_alpha": scale.alpha(), "kendall_w": scale.kendall_w()}
        for name, value in expected.items():
            check.true(f"{project}/{control} as ordinal: {name}", near(found.get(name), value), f"found {found.get(name)}, the peer has {value}")


def check_periods(check, project, control, tasks, report, ratings):
    [data] = [entry for entry in report["data"]["controls"] if entry["control"] == control]
    parts = defaultdict(dict)
    for item, day in newest_answers(tasks, project, control, ratings).items():
        parts[period_of(day, data["time"]["period"])][item] = ratings[item]
    check.equal(f"{project}/{control}: periods", data["time"]["periods"], len(parts))
    newest = sorted(parts)[-data["time"]["shown"] :]
    compare_parts(check, f"{project}/{control}", report, control, "period", {name: parts[name] for name in newest})


def check_by_slice(check, project, tasks, report_of):
    """The figures by the values of a field are those of the items with each value."""
    report, ratings = report_of("--by-slice", "source"), answers(tasks, project, "sentiment")
    parts = defaultdict(dict)
    for task in tasks:
        item = f"{project}/task/{task['id']}"
        if item in ratings:
            parts[str(task["data"]["source"])][item] = ratings[item]
    compare_parts(check, f"{project}, by source", report, "sentiment", "slice", parts)


def sources():
    real = common.SHARED / "label-studio"
    if real.is_dir():
        for folder in sorted(path for path in real.iterdir() if (path / "snapshot_full.json").exists()):
            yield folder.name, folder / "snapshot_full.json", folder / "config.xml"
    for export in sorted(common.DEMO.glob("*.json")):
        yield export.stem, export, export.with_suffix(".xml")


def check_slice(check, folder, project, tasks, report_of):
    """A slice's figures are those of its items alone."""
    values = Counter(str(task["data"].get("source")) for task in tasks)
    value, _ = values.most_common(1)[0]
    part = [task for task in tasks if str(task["data"].get("source")) == value]
    report = report_of("--slice", f"source={value}", "--control", "sentiment")
    compare(check, f"{project}, source = {value}", report, "sentiment", answers(part, project, "sentiment"))
    check.equal(f"{project}, source = {value}: items", report["data"]["items"], len(part))


def run(check):
    # Peers answer 0/0 with nan and a warning; Assay must answer with a reason, which is compared.
    warnings.filterwarnings("ignore", module="sklearn")
    warnings.filterwarnings("ignore", module="krippendorff")
    with common.scratch() as folder:
        controls = 0
        for project, export, config in sources():
            tasks = load(export)
            common.import_files(folder / project, project, export, config=config)
            report = common.agreement(folder / project, project)
            declared = Controls(config)
            ratings = {control: answers(tasks, project, control) for control in declared.single}
            scales = {control: (answers(tasks, project, control, "rating"), "ordinal", grades) for control, grades in declared.grades.items()}
            scales |= {control: (answers(tasks, project, control, "number"), "interval", ()) for control in declared.numbers}
            sets = {control: chosen_sets(tasks, project, control) for control in declared.multiple}
            reported = {entry["control"] for entry in report["data"]["controls"] if entry["reported"]}
            given = {control for control, given in ratings.items() if given} | {control for control, (given, *_) in scales.items() if given} | sets.keys()
            check.equal(f"{project}: controls with figures", reported, given)
            for control in sorted(reported & ratings.keys()):
                compare(check, f"{project}/{control}", report, control, ratings[control])
                check_periods(check, project, control, tasks, report, ratings[control])
            for control in sorted(reported & scales.keys()):
                compare_scale(check, f"{project}/{control}", report, control, Scale(*scales[control]))
            for control in sorted(reported & sets.keys()):
                compare_sets(check, f"{project}/{control}", report, control, Sets(sets[control]))
            compare_cautions(check, project, report)
            distances = {control: (given, unequal) for control, given in ratings.items()}
            distances |= {control: (given, by_range(given, grades)) for control, (given, _, grades) in scales.items() if given}
            distances |= {control: (given, masi) for control, given in sets.items()}
            check_scores(check, folder / project, project, distances)
            check_level(check, folder / project, project, tasks, declared)
            controls += len(reported)
            if project == "review-sentiment":
                report_of = functools.partial(common.agreement, folder / project, project)
                check_slice(check, folder, project, tasks, report_of)
                check_by_slice(check, project, tasks, report_of)
        print(f"{controls} controls compared", flush=True)


if __name__ == "__main__":
    common.main("figures", run)
