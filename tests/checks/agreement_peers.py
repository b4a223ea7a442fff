#!/usr/bin/env python3
"""Agreement figures of a real export against krippendorff, irrCAC, scikit-learn and statsmodels, to 1e-9.

    ASSAY_BIN=target/debug/assay agreement_peers.py EXPORT.json [--config config.xml] [--project NAME --data FOLDER]

Reads the export and applies the policies by itself (no code of Assay's), gives the ratings to the libraries, and compares every
value, interval and count with `assay report agreement --project NAME --format json`. With --data the project is there already;
else the export is imported into a scratch folder. Prints a table of comparisons and exits 1 on a difference.
"""

import argparse
import collections
import json
import pathlib
import sys
import xml.etree.ElementTree

import pandas as pd

import common

sys.path.insert(0, str(common.ROOT / "crates" / "stats" / "tests" / "data"))
import peers  # noqa: E402

TOLERANCE = 1e-9
# Names of peers.py -> (level, measure) of the report.
NAMES = {
    "percent_agreement": ("overall", "percent_agreement"),
    "krippendorff_alpha": ("overall", "krippendorff_alpha"),
    "fleiss_kappa": ("overall", "fleiss_kappa"),
    "gwet_ac1": ("overall", "gwet_ac1"),
    "mean_pairwise_cohen": ("overall", "mean_pairwise_cohen_kappa"),
    "pair_cohen_kappa": ("pair", "cohen_kappa"),
    "pair_percent_agreement": ("pair", "percent_agreement"),
    "rater_percent_agreement": ("annotator", "percent_agreement"),
    "rater_kappa": ("annotator", "kappa_against_others"),
    "label_krippendorff_alpha": ("label", "krippendorff_alpha"),
    "specific_agreement": ("label", "specific_agreement"),
}
SHARES = {"percent_agreement", "specific_agreement"}


def rater_of(annotation):
    """The end of the rater's id: what stands after the source."""
    by = annotation["completed_by"]
    by = by["id"] if isinstance(by, dict) else by
    return f"deleted-user/{annotation['id']}" if by is None else f"user/{by}"


def used_annotations(tasks, dropped):
    """The annotations that count, with their task; the others are counted in `dropped` by the first rule that leaves them out."""
    for task in tasks:
        dropped["draft"] += sum(isinstance(draft, dict) for draft in task.get("drafts") or [])
        dropped["prediction"] += sum(isinstance(prediction, dict) for prediction in task.get("predictions") or [])
        newest = {}
        for annotation in task["annotations"]:
            if annotation["was_cancelled"]:
                dropped["skipped"] += 1
            elif annotation["ground_truth"]:
                dropped["ground_truth"] += 1
            else:
                rater = rater_of(annotation)
                dropped["repeat_by_same_annotator"] += rater in newest
                if rater not in newest or annotation["id"] > newest[rater]["id"]:
                    newest[rater] = annotation
        yield from ((task["id"], rater, annotation) for rater, annotation in newest.items())


def single_choices(tasks, config):
    """The controls whose answers are one label each: of all that ever answered, no multiple choice, no region."""
    multiple = set()
    if config:
        tags = xml.etree.ElementTree.parse(config).iter("Choices")
        multiple = {tag.get("name") for tag in tags if tag.get("choice") == "multiple"}
    kinds, several = collections.defaultdict(set), set()
    for task in tasks:
        answers = [*task["annotations"], *(task.get("drafts") or []), *(task.get("predictions") or [])]
        for answer in (answer for answer in answers if isinstance(answer, dict)):
            seen = collections.Counter()
            for result in answer["result"]:
                if "from_name" not in result:
                    continue
                value = result["value"]
                kinds[result["from_name"]].add(result["type"])
                seen[result["from_name"]] += len(value.get("choices", []))
                if {"x", "points", "start", "rle"} & set(value):
                    several.add(result["from_name"])
            several |= {control for control, labels in seen.items() if labels > 1}
    return sorted(control for control, of in kinds.items() if of == {"choices"} and control not in several | multiple)


def ratings(used, control):
    rows = [
        (item, rater, result["value"]["choices"][0])
        for item, rater, annotation in used
        for result in annotation["result"]
        if result.get("from_name") == control and result["value"].get("choices")
    ]
    return pd.DataFrame(rows, columns=["item", "rater", "label"]).pivot(index="item", columns="rater", values="label")


def counts(frame, measure, scope):
    """Items, ratings and raters behind an overall, pair or label figure."""
    if measure == "mean_pairwise_cohen":
        return None  # Depends on which pairs are defined; the crate's tests hold it.
    if measure.startswith("pair_"):
        n = len(frame[scope.split("|")].dropna())
        return n, 2 * n, 2
    if measure.startswith("rater_"):
        mine = frame[frame[scope].notna() & (frame.count(axis=1) > 1)]
        met = int(mine.notna().any().sum()) if len(mine) else 1
        return len(mine), int(mine.count().sum()), met
    rows = frame if measure in ("fleiss_kappa", "gwet_ac1") else frame[frame.count(axis=1) > 1]
    return len(rows), int(rows.count().sum()), int(rows.notna().any().sum())


def end_of(rater_id):
    return None if rater_id is None else "/".join(rater_id.split("/")[-2:])


def by_scope(report, control):
    found = {}
    for measure in report["measures"]:
        scope = measure["scope"]
        if scope["control"] == control:
            ends = tuple(sorted(filter(None, (end_of(scope.get("annotator")), end_of(scope.get("other"))))))
            key = (scope["by"], measure["measure"], scope.get("label") or "|".join(ends))
            if key in found:
                raise common.Failed(f"{key} stands twice in the report")
            found[key] = measure
    return found


def same(ours, theirs):
    return ours is None and theirs is None or None not in (ours, theirs) and abs(ours - theirs) <= TOLERANCE


def compare(check, control, frame, report):
    """One line a kind of figure: how many were compared and the largest difference."""
    reported = by_scope(report, control)
    lines = collections.defaultdict(lambda: [0, 0, 0.0])
    for name, scope, (value, low, high) in peers.figures(frame):
        level, measure = NAMES[name]
        if measure in SHARES and low is not None:
            low = max(low, 0.0)
        ours = reported.pop((level, measure, "|".join(sorted(scope.split("|"))) if level == "pair" else scope), None)
        what = f"{control}: {measure} {level} {scope}".rstrip()
        if ours is None:
            check.true(what, False, "not in the report")
            continue
        line = lines[level, measure]
        for field, theirs in (("value", value), ("ci_low", low), ("ci_high", high)):
            check.true(f"{what}: {field}", same(ours[field], theirs), f"assay {ours[field]!r}, peer {theirs!r}")
            if None not in (ours[field], theirs):
                line[0], line[2] = line[0] + 1, max(line[2], abs(ours[field] - theirs))
            else:
                line[1] += 1
        check.true(f"{what}: a reason for null", (ours["value"] is None) == (ours["undefined_reason"] is not None))
        expected = counts(frame, name, scope)
        if expected:
            check.equal(f"{what}: n", (ours["n_items"], ours["n_ratings"], ours["n_raters"]), expected)
    for key in reported:
        check.true(f"{control}: {key}", False, "in the report, unknown to the peers")
    for (level, measure), (numbers, nulls, difference) in sorted(lines.items()):
        print(f"{control:<20} {level:<10} {measure:<26} {numbers:>6} numbers {nulls:>4} null   largest difference {difference:.1e}")


def run(check, arguments):
    tasks = json.loads(arguments.export.read_text())
    with common.scratch() as folder:
        data, project = arguments.data or folder / "data", arguments.project or "peers"
        if not arguments.data:
            common.import_files(data, project, arguments.export, config=arguments.config)
        report = common.agreement(data, project)
    dropped = collections.Counter()
    used = list(used_annotations(tasks, dropped))
    found = {row["reason"]: row["annotations"] for row in report["data"]["dropped"]}
    check.equal("annotations left out", found, {reason: n for reason, n in sorted(dropped.items()) if n})
    check.equal("annotations that count", report["data"]["annotations"], len(used))
    controls = single_choices(tasks, arguments.config)
    reported = [control["control"] for control in report["data"]["controls"] if control["answers"] == "label"]
    check.equal("controls with figures", sorted(reported), controls)
    for control in controls:
        compare(check, control, ratings(used, control), report)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("export", type=pathlib.Path)
    parser.add_argument("--config", type=pathlib.Path)
    parser.add_argument("--project")
    parser.add_argument("--data", type=pathlib.Path)
    arguments = parser.parse_args()
    common.main(f"agreement figures of {arguments.export}", lambda check: run(check, arguments))


if __name__ == "__main__":
    main()
