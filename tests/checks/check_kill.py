#!/usr/bin/env python3
"""A process killed at any moment of an import leaves the old snapshot or the new one: check_kill.py ROUNDS [SEED]

Rounds take turns between the first import into an empty lake, one that merges into a lake of several buckets, and an upload to a server
whose worker merges it. Some kills are spread evenly over the time that an undisturbed run takes; others come when something is seen to
happen: the first new file, the commit. After each kill the catalog, the exact files, their checksums and their rows are checked;
then the same is done again, which must succeed, lose nothing and double nothing; and once more, which must change nothing.
"""

import contextlib
import json
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter

import common
from label_studio import Expected, contents, copies, easy_form, expected_contents, load

PROJECT = "reviews"
# Copies of the demo export in the file: enough for the import to take long in comparison to starting the process.
COPIES = 6
# An import chooses its buckets by the size of its files, blanks included: more than three times 64 MB makes four.
PADDING = 200_000_000
BUCKETS = 4
READY = re.compile(r"(127\.0\.0\.1:[1-9]\d*)")
PATIENCE = 120


class Scenario:
    """A lake before an act, the act, and what the lake must be like after it."""

    def __init__(self, name, folder, base, old, new):
        self.name, self.folder, self.base = name, folder, base
        self.old, self.new = old and Expected(old, PROJECT), Expected(new, PROJECT)
        self.last = 2 if old else 1
        self.file = folder / f"{name}.json"
        self.file.write_text(json.dumps(new, ensure_ascii=False))
        self.seconds = min(self.undisturbed() for _ in range(3))

    def undisturbed(self):
        data = self.folder / f"{self.name}-timed"
        self.copy_base(data)
        started = time.monotonic()
        with self.running(data) as run:
            run.wait()
        seconds = time.monotonic() - started
        shutil.rmtree(data)
        return seconds

    def copy_base(self, data):
        shutil.copytree(self.base, data) if self.old else data.mkdir()


class Import(Scenario):
    @contextlib.contextmanager
    def running(self, data):
        arguments = ["import", self.file, "--project", PROJECT, "--data", data]
        out = subprocess.DEVNULL
        process = subprocess.Popen(
            [common.binary(), *map(str, arguments)], env=common.environment(), stdin=out, stdout=out, stderr=out
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def again(self, data):
        return common.import_files(data, PROJECT, self.file)


class Upload(Scenario):
    """The same through a server. What is killed is the server, from the moment at which the upload begins."""

    @contextlib.contextmanager
    def running(self, data):
        server = self.serve(data)
        try:
            yield Following(server, lambda: send(server.found, self.file), lambda: jobs_wait(data))
        finally:
            server.process.kill()
            server.stop()

    def serve(self, data):
        return common.Server(["serve", "--listen", "127.0.0.1:0", "--data", data], READY, self.folder / "server.log")

    def again(self, data):
        """The client sends again what it got no answer to; the lease of the killed worker runs out."""
        with contextlib.closing(sqlite3.connect(data / "assay.db", timeout=10)) as db, db:
            db.execute("UPDATE jobs SET lease_until = 1 WHERE state = 'running'")
        server = self.serve(data)
        try:
            Following(server, lambda: send(server.found, self.file), lambda: jobs_wait(data)).wait(PATIENCE)
        finally:
            code = server.stop()
        jobs = common.Catalog(data).query("SELECT state, error, result FROM jobs")
        if code or [job["state"] for job in jobs] != ["done"]:
            raise common.Failed(f"the server ended with {code}, jobs: {jobs}")
        return json.loads(jobs[0]["result"])


def send(address, file):
    url = f"http://{address}/v1/projects/{PROJECT}/imports?filename={file.name}"
    request = urllib.request.Request(url, data=file.read_bytes(), method="POST", headers={"Idempotency-Key": file.stem})
    with urllib.request.urlopen(request, timeout=60) as answer:
        answer.read()


def jobs_wait(data):
    return bool(common.Catalog(data).query("SELECT 1 FROM jobs WHERE state IN ('queued', 'running')"))


class Following:
    """An upload and its job, waited for and killed like a process."""

    def __init__(self, server, upload, waits):
        self.server, self.waits, self.error = server, waits, None
        self.thread = threading.Thread(target=self.upload, args=(upload,))
        self.thread.start()

    def upload(self, upload):
        try:
            upload()
        except (OSError, urllib.error.URLError) as error:
            self.error = error

    def poll(self):
        """None while the upload or its job goes on."""
        if self.server.process.poll() is not None:
            return self.server.process.returncode
        return None if self.thread.is_alive() or self.waits() else 0

    def wait(self, timeout=None):
        end = time.monotonic() + (timeout or PATIENCE)
        while self.poll() is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired("upload", timeout)
            time.sleep(0.005)
        self.thread.join()
        if self.error and self.server.process.poll() is None:
            raise common.Failed(f"the upload failed: {self.error}")
        return self.poll()

    def kill(self):
        self.server.process.kill()
        self.server.process.wait()
        self.thread.join()


class Moment:
    """When to kill: at a share of the usual duration, or so many seconds after something was seen."""

    def __init__(self, after, delay):
        self.after, self.delay = after, delay

    def __str__(self):
        return f"{self.delay:.0%} of the usual time" if self.after == "start" else f"{self.delay * 1000:.0f} ms after {self.after}"

    def come(self, run, data, scenario):
        """Waits for it; false when the run has ended before."""
        if self.after == "start":
            return still_running(run, self.delay * scenario.seconds)
        there = {"the first file": self.has_files, "the commit": self.has_commit}[self.after]
        before = there(data)
        while there(data) == before:
            if run.poll() is not None:
                return False
            time.sleep(0.001)
        return still_running(run, self.delay)

    @staticmethod
    def has_files(data):
        return len([*data.glob("*/*/items/bucket=*/*")])

    @staticmethod
    def has_commit(data):
        return len(common.Catalog(data).query("SELECT 1 FROM snapshots"))


def still_running(run, seconds):
    try:
        run.wait(seconds) if seconds > 0 else None
    except subprocess.TimeoutExpired:
        return True
    return run.poll() is None


def moments(count, source):
    """Half of them spread evenly over the run, a quarter after the first new file, a quarter right after the commit."""
    kinds = ["start", "the commit", "start", "the first file"]
    evenly = [kinds[n % 4] for n in range(count)].count("start")
    spread = iter(source.sample([(n + source.random()) / max(evenly, 1) for n in range(evenly)], evenly))
    delays = {"start": lambda: next(spread), "the first file": lambda: source.uniform(0, 0.2), "the commit": lambda: source.choice([0, 0, 0.002, 0.01])}
    return [Moment(kind, delays[kind]()) for kind in (kinds[n % 4] for n in range(count))]


def check_state(check, what, data, states):
    """The lake must be in one of `states`: {snapshot number: expected}. Returns the number."""
    catalog = common.Catalog(data)
    projects = [project for project in catalog.projects() if project["name"] == PROJECT]
    number = projects[0]["latest_snapshot"] if projects else 0
    if number not in states:
        check.true(f"{what}: snapshot", False, f"is {number}, must be one of {list(states)}")
        return number
    if number == 0:
        check.equal(f"{what}: files of a project without snapshot", catalog.query("SELECT * FROM files"), [])
        return 0
    tables = common.Lake(data).tables(catalog.files(projects[0]["id"], number))
    for fault in [*tables.broken_files(), *tables.faults()]:
        check.true(f"{what}: {fault}", False)
    check.true(f"{what}: contents of snapshot {number}", contents(tables) == expected_contents(states[number]), "rows differ")
    return number


def check_rerun(check, what, data, scenario):
    summary, last = scenario.again(data), scenario.last
    check.equal(f"{what}, run again: snapshot", summary["snapshot"], last)
    check_state(check, f"{what}, run again", data, {last: scenario.new})
    if isinstance(scenario, Upload):
        # The job was done already: the copy that its killed worker could not make is made by the next import.
        common.import_files(data, PROJECT, scenario.file)
    lake, [project] = common.Lake(data), common.Catalog(data).projects()
    numbers = list(range(1, last + 1))
    check.equal(f"{what}, run again: copies of the catalog's rows", lake.snapshot_numbers(project["id"]), numbers)
    for number in numbers:
        named = [file["path"] for file in lake.manifest(project["id"], number)["files"]]
        known = [file["path"] for file in common.Catalog(data).files(project["id"], number)]
        check.equal(f"{what}, run again: files named by copy {number}", sorted(named), known)
    before = common.stored(data)
    third = common.import_files(data, PROJECT, scenario.file)
    check.true(f"{what}, a third time: nothing changes", not third["committed"] and common.stored(data) == before)


def round_of(check, what, folder, scenario, moment):
    data = folder / "round"
    scenario.copy_base(data)
    with scenario.running(data) as run:
        ended = "by the kill" if moment.come(run, data, scenario) else "before the kill"
        run.kill()
    states = {scenario.last: scenario.new}
    if ended == "by the kill":
        states[scenario.last - 1] = scenario.old
    number = check_state(check, what, data, states)
    check_rerun(check, what, data, scenario)
    shutil.rmtree(data)
    state = "new" if number == scenario.last else "old" if number else "no"
    return scenario.name, ended, state


def make_base(folder, old):
    """A lake of several buckets."""
    base, file = folder / "base", folder / "old.json"
    tasks = ",".join(json.dumps(task, ensure_ascii=False) for task in old)
    file.write_text(f"[{' ' * PADDING}{tasks}]")
    common.import_files(base, PROJECT, file)
    file.unlink()
    return base


def make_scenarios(check, folder):
    full = load(common.DEMO / "review-sentiment.json")
    old, new = easy_form(copies(full, COPIES // 2)), list(copies(full, COPIES))
    base = make_base(folder, old)
    [snapshot] = common.Catalog(base).query("SELECT buckets FROM snapshots")
    check.equal("buckets of the lake that is merged into", snapshot["buckets"], BUCKETS)
    return [
        Import("merge", folder, base, old, new),
        Import("first", folder, base, None, new),
        Upload("upload", folder, base, old, new),
    ]


def run(check):
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 12
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 20261124
    source, outcomes = random.Random(seed), Counter()
    with common.scratch() as folder:
        scenarios = make_scenarios(check, folder)
        took = ", ".join(f"{scenario.name} {scenario.seconds:.2f} s" for scenario in scenarios)
        print(f"seed {seed}; undisturbed, {scenarios[0].file.stat().st_size / 1e6:.1f} MB: {took}", flush=True)
        each = {scenario.name: moments(-(-rounds // len(scenarios)), source) for scenario in scenarios}
        for n in range(rounds):
            scenario = scenarios[n % len(scenarios)]
            moment = each[scenario.name][n // len(scenarios)]
            outcomes[round_of(check, f"round {n} ({scenario.name}, killed at {moment})", folder, scenario, moment)] += 1
    for (name, ended, state), count in sorted(outcomes.items()):
        print(f"{name}: {count} ended {ended}, with {'the ' if state != 'no' else ''}{state} snapshot", flush=True)
    killed = {(name, state) for name, ended, state in outcomes if ended == "by the kill"}
    for scenario in scenarios:
        before = "old" if scenario.old else "no"
        check.true(f"{scenario.name}: kills came before the commit", (scenario.name, before) in killed, f"outcomes: {dict(outcomes)}")
    check.true("kills came after the commit", any(state == "new" for _, state in killed), f"outcomes: {dict(outcomes)}")
    check.true("every round was counted", outcomes.total() == rounds)


if __name__ == "__main__":
    common.main("kill", run)
