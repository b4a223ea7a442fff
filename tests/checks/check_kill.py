#!/usr/bin/env python3
"""A process killed at any moment of an import leaves the old snapshot or the new one: check_kill.py ROUNDS [SEED]

Rounds take turns: an import into a lake that has a snapshot already, and the first import into an empty lake. The moment of each kill is
drawn from an even division of the time that an undisturbed import takes, half of them from its last third, where files are put in place
and the snapshot is committed. After each kill the catalog, the exact files, their checksums and their rows are checked; then the
import is run again, which must succeed, lose nothing and double nothing; and once more, which must change nothing.
"""

import json
import random
import shutil
import subprocess
import sys
import time
from collections import Counter

import common
from label_studio import Expected, easy_form, load

PROJECT = "reviews"
# Copies of the demo export in the file: enough for the import to take long in comparison to starting the process.
COPIES = 6


def copies(tasks, count):
    """More tasks of the same kind: every id is shifted."""
    for copy in range(count):
        shift = copy * 1_000_000
        for task in tasks:
            moved = json.loads(json.dumps(task))
            moved["id"] += shift
            for part in ("annotations", "drafts", "predictions"):
                for one in moved[part]:
                    if isinstance(one, dict):
                        one["id"] += shift
            moved["predictions"] = [p + shift if isinstance(p, int) else p for p in moved["predictions"]]
            yield moved


class Scenario:
    """A lake before an import, and what it must be like after it."""

    def __init__(self, name, folder, old, new):
        self.name, self.base, self.file = name, folder / name, folder / f"{name}.json"
        self.base.mkdir()
        self.file.write_text(json.dumps(new, ensure_ascii=False))
        self.old = Expected(old, PROJECT) if old else None
        self.new = Expected(new, PROJECT)
        if old:
            first = folder / f"{name}-old.json"
            first.write_text(json.dumps(old, ensure_ascii=False))
            common.import_files(self.base, PROJECT, first)
        self.seconds = min(self.undisturbed(folder / f"{name}-timed") for _ in range(3))

    def undisturbed(self, data):
        shutil.copytree(self.base, data)
        started = time.monotonic()
        common.import_files(data, PROJECT, self.file)
        seconds = time.monotonic() - started
        shutil.rmtree(data)
        return seconds

    def start(self, data):
        arguments = ["import", self.file, "--project", PROJECT, "--data", data]
        return subprocess.Popen(
            [common.binary(), *map(str, arguments)],
            env=common.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def moments(rounds, source):
    """One moment per round, as a share of the import's duration: spread evenly, and again over the last third."""
    half = (rounds + 1) // 2
    spread = [(n + source.random()) / half * 1.05 for n in range(half)]
    late = [0.67 + (n + source.random()) / (rounds - half) * 0.43 for n in range(rounds - half)]
    mixed = spread + late
    source.shuffle(mixed)
    return mixed


def contents(tables):
    """What is in a snapshot, to be compared with what must be in it."""
    ids = lambda table, column, where="true": {row[0] for row in tables.rows(table, column, where)}  # noqa: E731
    return (
        ids("items", "item_id"),
        ids("annotations", "annotation_id", "kind = 'annotation' AND NOT draft"),
        ids("annotations", "annotation_id", "draft"),
        ids("annotations", "annotation_id", "kind = 'prediction'"),
        tables.count("results"),
    )


def expected_contents(expected):
    return expected.items, expected.annotations, expected.drafts, expected.predictions, expected.rows.total()


def check_state(check, what, data, states):
    """The lake must be in one of `states`: {snapshot number: expected}. Returns the number."""
    catalog = common.Catalog(data)
    projects = [project for project in catalog.projects() if project["name"] == PROJECT]
    number = projects[0]["latest_snapshot"] if projects else 0
    if number not in states:
        check.true(f"{what}: snapshot", False, f"is {number}, must be one of {list(states)}")
        return number
    if number == 0:
        check.equal(f"{what}: files of a project without snapshot", catalog.query("SELECT count(*) n FROM files")[0]["n"], 0)
        return 0
    tables = common.Lake(data).tables(catalog.files(projects[0]["id"], number))
    for fault in [*tables.broken_files(), *tables.faults()]:
        check.true(f"{what}: {fault}", False)
    check.true(f"{what}: contents of snapshot {number}", contents(tables) == expected_contents(states[number]), "rows differ")
    return number


def check_rerun(check, what, data, scenario, last):
    summary = common.import_files(data, PROJECT, scenario.file)
    check.equal(f"{what}, run again: snapshot", summary["snapshot"], last)
    check_state(check, f"{what}, run again", data, {last: scenario.new})
    lake, [project] = common.Lake(data), common.Catalog(data).projects()
    numbers = list(range(1, last + 1))
    check.equal(f"{what}, run again: copies of the catalog's rows", lake.snapshot_numbers(project["id"]), numbers)
    for number in numbers:
        named = [file["path"] for file in lake.manifest(project["id"], number)["files"]]
        known = [file["path"] for file in common.Catalog(data).files(project["id"], number)]
        check.equal(f"{what}, run again: files named by copy {number}", sorted(named), known)
    before = common.stored(data)
    again = common.import_files(data, PROJECT, scenario.file)
    check.true(f"{what}, a third time: nothing changes", not again["committed"] and common.stored(data) == before)


def round_of(check, what, folder, scenario, moment):
    data = folder / "round"
    shutil.copytree(scenario.base, data)
    process = scenario.start(data)
    try:
        process.wait(moment * scenario.seconds)
        ended = "before the kill"
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        ended = "by the kill"
    old, last = (0, 1) if scenario.old is None else (1, 2)
    states = {last: scenario.new} if ended == "before the kill" else {old: scenario.old, last: scenario.new}
    number = check_state(check, what, data, states)
    check_rerun(check, what, data, scenario, last)
    shutil.rmtree(data)
    return ended, "new" if number == last else "old"


def run(check):
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 20261124
    source, outcomes = random.Random(seed), Counter()
    with common.scratch() as folder:
        full = load(common.DEMO / "review-sentiment.json")
        new = list(copies(full, COPIES))
        scenarios = [Scenario("update", folder, easy_form(copies(full, COPIES // 2)), new), Scenario("first", folder, None, new)]
        took = ", ".join(f"{scenario.name} {scenario.seconds:.2f} s" for scenario in scenarios)
        print(f"seed {seed}; undisturbed imports of {scenarios[0].file.stat().st_size / 1e6:.1f} MB: {took}", flush=True)
        for n, moment in enumerate(moments(rounds, source)):
            scenario = scenarios[n % len(scenarios)]
            what = f"round {n} ({scenario.name}, killed after {moment * scenario.seconds:.3f} s)"
            outcomes[round_of(check, what, folder, scenario, moment)] += 1
    for (ended, state), count in sorted(outcomes.items()):
        print(f"{count} ended {ended}, with the {state} snapshot", flush=True)
    killed = {state for ended, state in outcomes if ended == "by the kill"}
    check.true("kills came before the commit", "old" in killed, f"outcomes: {dict(outcomes)}")
    check.true("every round was counted", outcomes.total() == rounds)


if __name__ == "__main__":
    common.main("kill", run)
