#!/usr/bin/env python3
"""Compares Assay with the figures of reference libraries in a folder: `tests/goldens FOLDER`.

The folder holds `goldens/*.jsonl` and the data sets they are about, `datasets/annotators/NAME/NAME.parquet`. Each record is matched, explained
(`explained.py` says why it differs, and the difference is what that predicts), differs, or is not covered, with the reason. It differs also when
it could not be compared. Exit code 1 when anything differs.
"""

import argparse
import pathlib
import sys
import tempfile
from dataclasses import dataclass, field

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import definitions
import explained
import not_covered
import records
import report
from measures import PLANS
from parts import Folder, NoData
from plan import NotCovered
from runs import Refused, Runs

MATCHED, EXPLAINED, DIFFERS, NOT_COVERED = "matched", "explained", "differs", "not covered"


@dataclass
class Outcome:
    record: records.Record
    kind: str
    # Why it is not covered, the explanations that hold, or what differs.
    reasons: list = field(default_factory=list)
    # Numbers of the record that Assay has no counterpart to.
    unreported: list = field(default_factory=list)


def plans(folder, found):
    """record -> its plan, or the outcome of a record that has none."""
    for record in found:
        if why := not_covered.reason(record):
            yield record, Outcome(record, NOT_COVERED, [why])
        elif record.metric not in PLANS:
            yield record, Outcome(record, NOT_COVERED, ["the measure is not known here"])
        else:
            try:
                yield record, PLANS[record.metric](record, folder.part(record.dataset))
            except NoData as why:
                yield record, Outcome(record, NOT_COVERED, [f"no data: {why}"])
            except NotCovered as why:
                yield record, Outcome(record, NOT_COVERED, [str(why)])
            except Exception as error:
                yield record, not_comparable(record, error)


def not_comparable(record, error):
    """A record that is not as expected counts as one that differs: it must not pass for one that is fine."""
    return Outcome(record, DIFFERS, [f"could not be compared: {type(error).__name__}: {error}"])


def judge(record, plan, figures, data, unknown):
    """One record against the figures of its run; `unknown` are measures that the binary does not have."""
    if isinstance(figures, Refused):
        return refused(record, figures, data)
    if lacking := set(plan.measures) & unknown:
        return Outcome(record, NOT_COVERED, [f"Assay has no measure {', '.join(sorted(lacking))}"])
    parts = plan.parts(figures)
    missing = [part.name for part in parts if part.missing]
    compared = [part for part in parts if not part.missing]
    if parts[0].missing:
        return Outcome(record, DIFFERS, [f"the run gave no figure for {parts[0].name}, asked for {', '.join(plan.measures)}"])
    reasons, differing = [], []
    for part in compared:
        if not agrees(record, part, data):
            why = explained.reason(record, part, data)
            (reasons if why else differing).append(why or str(part))
    kind = DIFFERS if differing else EXPLAINED if reasons else MATCHED
    return Outcome(record, kind, differing or sorted(set(reasons)), missing)


def agrees(record, part, data):
    """That neither has a figure counts only where the ratings define none."""
    if part.ours is None and part.theirs is None and part.figure and part.figure["value"] is None:
        return not record.error and definitions.is_undefined(part.figure, data)
    return part.matches()


def refused(record, figures, data):
    """Assay gave an error; that can be the right answer where the peer gave none either."""
    why = explained.refusal(record, figures.why, data)
    return Outcome(record, EXPLAINED, [why]) if why else Outcome(record, DIFFERS, [figures.why])


def compare(path, scratch):
    folder, runs = Folder(path, scratch), Runs()
    planned = list(plans(folder, records.read(path)))
    for _, plan in planned:
        if not isinstance(plan, Outcome):
            runs.want(plan.options, plan.measures, plan.by)
    runs.run_all()
    return [outcome(record, plan, runs, folder) for record, plan in planned], len(runs.given)


def outcome(record, plan, runs, folder):
    if isinstance(plan, Outcome):
        return plan
    try:
        return judge(record, plan, runs.given[plan.options], folder.part(record.dataset), runs.unknown)
    except Exception as error:
        return not_comparable(record, error)


def main():
    parser = argparse.ArgumentParser(prog="tests/goldens", description="Compares Assay with the figures of reference libraries in a folder.")
    parser.add_argument("folder", type=pathlib.Path, help="a folder with goldens/*.jsonl and datasets/annotators")
    parser.add_argument("--long", action="store_true", help="list every record that is explained or not covered")
    arguments = parser.parse_args()
    if not list(arguments.folder.glob("goldens/*.jsonl")):
        sys.exit(f"{arguments.folder}: no goldens/*.jsonl there; give a folder that holds goldens and datasets")
    with tempfile.TemporaryDirectory(prefix="assay-goldens-") as scratch:
        outcomes, made = compare(arguments.folder.resolve(), pathlib.Path(scratch))
    report.write(outcomes, made, arguments.long)
    sys.exit(1 if any(outcome.kind == DIFFERS for outcome in outcomes) else 0)


if __name__ == "__main__":
    main()
