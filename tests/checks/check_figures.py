#!/usr/bin/env python3
"""Figures of `assay report agreement` equal those of the peers on the same data, to 1e-9.

Ratings are read from the JSON anew, by the documented policies. Peers: krippendorff (alpha, also per label and without each annotator),
irrCAC (the coefficients of many raters with their standard errors, percent agreement, Scott's pi of two), scikit-learn (Cohen's kappa of each
pair). Pooled and specific agreement and an annotator against the others are worked out here, from their definitions. Where real exports
lie in ../shared they are checked too.
"""

import datetime
import functools
import math
import warnings
import xml.etree.ElementTree
from collections import Counter, defaultdict
from itertools import combinations

import krippendorff
import numpy
import pandas
from irrCAC.raw import CAC
from sklearn.metrics import cohen_kappa_score

import common
from label_studio import load

TOLERANCE = 1e-9
PARTS = ("period", "slice")


def single_choice_controls(config):
    """Controls in which one label is chosen for the whole task."""
    for tag in xml.etree.ElementTree.parse(config).iter("Choices"):
        if tag.get("choice", "single") != "multiple" and tag.get("perRegion") != "true":
            yield tag.get("name")


def user(annotation, source):
    by = annotation["completed_by"]
    if by is None:
        return f"{source}/deleted-user/{annotation['id']}"
    return f"{source}/user/{by['id'] if isinstance(by, dict) else by}"


def answers(tasks, source, control):
    """item -> {annotator: label}: submitted, not skipped, no ground truth, of several by one annotator the highest id."""
    ratings = {}
    for task in tasks:
        used = [a for a in task["annotations"] if not a["was_cancelled"] and not a["ground_truth"]]
        latest = {user(a, source): a for a in sorted(used, key=lambda a: a["id"])}
        chosen = {
            rater: result["value"]["choices"][0]
            for rater, annotation in latest.items()
            for result in annotation["result"]
            if result.get("from_name") == control and result["value"]["choices"]
        }
        if chosen:
            ratings[f"{source}/task/{task['id']}"] = chosen
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
            reported = {entry["control"] for entry in report["data"]["controls"] if entry["reported"]}
            ratings = {control: answers(tasks, project, control) for control in single_choice_controls(config)}
            check.equal(f"{project}: controls with figures", reported, {control for control, given in ratings.items() if given})
            for control in sorted(reported & ratings.keys()):
                compare(check, f"{project}/{control}", report, control, ratings[control])
                check_periods(check, project, control, tasks, report, ratings[control])
                controls += 1
            if project == "review-sentiment":
                report_of = functools.partial(common.agreement, folder / project, project)
                check_slice(check, folder, project, tasks, report_of)
                check_by_slice(check, project, tasks, report_of)
        print(f"{controls} controls compared", flush=True)


if __name__ == "__main__":
    common.main("figures", run)
