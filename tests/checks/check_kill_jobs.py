#!/usr/bin/env python3
"""Whoever works on a job is killed at any moment of it, and the job is done once all the same: check_kill_jobs.py ROUNDS [SEED]

Rounds take turns between the kinds of job (import, report, compaction, publication, erasure), and between a server on SQLite that works
on its own jobs and `assay worker` beside a server on Postgres (where ASSAY_TEST_POSTGRES_URL names a server). The caller, who may have got
no answer, sends its request again with the same key; the lease of the dead runs out; somebody else works on. Then the job is done, its row in
the audit trail is complete and the only one, and what it was to do has happened once: one more snapshot, one report in the index, one
publication, and of an erased annotator nothing is left in any file or row.
"""

import contextlib
import itertools
import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter

import common
from label_studio import copies, easy_form, load

PROJECT, EMAIL = "reviews", "bo.lee@example.com"
READY, WORKING = re.compile(r"(127\.0\.0\.1:[1-9]\d*)"), re.compile(r"(working)")
PATIENCE = 240
# What the route is called, and what is sent.
ORDERS = {
    "import": ("imports?filename=more.json", None),
    "report": ("reports", {"control": "sentiment"}),
    "compact": ("compactions", {"buckets": 8}),
    "publish": ("publications", {"format": "delta"}),
    "erase": ("erasures", {"annotator": EMAIL}),
}
TEXTS = ("jobs", "audit", "idempotency", "snapshots", "schedules")


class Sqlite:
    """A server that works on its own jobs is killed."""

    name = "SQLite"

    def __init__(self, folder):
        self.data = folder / "lake"

    def prepare(self, base):
        shutil.copytree(base, self.data)

    def arguments(self):
        return ["--data", self.data]

    def query(self, sql):
        with contextlib.closing(sqlite3.connect(self.data / "assay.db", timeout=20, isolation_level=None)) as db:
            return db.execute(sql).fetchall()

    def texts(self):
        return [str(row) for table in TEXTS for row in self.query(f"SELECT * FROM {table}")]

    @contextlib.contextmanager
    def served(self, folder):
        server = common.Server(["serve", "--listen", "127.0.0.1:0", *self.arguments()], READY, folder / "server.log")
        try:
            yield Running(server, server)
        finally:
            server.stop()

    def discard(self):
        shutil.rmtree(self.data)


class Postgres(Sqlite):
    """A server without workers stays; a worker beside it is killed."""

    name = "Postgres"
    numbers = itertools.count()

    def __init__(self, folder, server):
        super().__init__(folder)
        self.server, self.database = server, None

    def psql(self, database, *commands):
        address = self.server.rsplit("/", 1)[0] + f"/{database}"
        asked = [part for command in commands for part in ("-c", command)]
        done = subprocess.run(["psql", "-qAt", "-v", "ON_ERROR_STOP=1", "-d", address, *asked], capture_output=True, text=True)
        if done.returncode:
            raise common.Failed(f"psql: {done.stderr}")
        return done.stdout.splitlines()

    def create(self, *more):
        self.database = f"kill_{os.getpid()}_{next(self.numbers)}"
        self.psql("postgres", f"CREATE DATABASE {self.database} {' '.join(more)}")

    def prepare(self, base):
        """The catalog is rebuilt from the lake: what an operator would do who changes the database."""
        shutil.copytree(base, self.data)
        for file in common.DATABASE_FILES:
            (self.data / file).unlink(missing_ok=True)
        self.create()
        common.succeed("catalog", "rebuild", "--take-over", *self.arguments())

    def arguments(self):
        return ["--data", self.data, "--db", self.server.rsplit("/", 1)[0] + f"/{self.database}"]

    def query(self, sql):
        return [tuple(row.split("|")) for row in self.psql(self.database, sql)]

    def texts(self):
        return [row for table in TEXTS for row in self.psql(self.database, f"SELECT t::text FROM {table} t")]

    @contextlib.contextmanager
    def served(self, folder):
        server = common.Server(["serve", "--workers", "0", "--listen", "127.0.0.1:0", *self.arguments()], READY, folder / "server.log")
        try:
            worker = common.Server(["worker", *self.arguments()], WORKING, folder / "worker.log")
            try:
                yield Running(server, worker)
            finally:
                worker.stop()
        finally:
            server.stop()

    def discard(self):
        super().discard()
        self.psql("postgres", f"DROP DATABASE {self.database} WITH (FORCE)")


class Running:
    """Processes that serve and work; the one that works is killed."""

    def __init__(self, server, victim):
        self.address, self.victim = server.found, victim

    def kill(self):
        self.victim.process.kill()
        self.victim.process.wait()

    def ask(self, path, body=None, method="GET", **headers):
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        kind = {"Content-Type": "application/octet-stream" if isinstance(body, bytes) else "application/json"} if data else {}
        request = urllib.request.Request(f"http://{self.address}/v1/{path}", data, {**kind, **headers}, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def order(self, kind, file):
        route, body = ORDERS[kind]
        sent = file.read_bytes() if body is None else body
        return self.ask(f"projects/{PROJECT}/{route}", sent, "POST", **{"Idempotency-Key": f"the {kind}"})["id"]

    def wait(self, job, wanted):
        end = time.monotonic() + PATIENCE
        while True:
            found = self.ask(f"jobs/{job}")
            if found["state"] in wanted:
                return found
            if time.monotonic() > end:
                raise common.Failed(f"job {job} is {found['state']} and does not become {wanted}: {found}")
            time.sleep(0.004)


ENDED = ("done", "failed", "cancelled")


class Scenario:
    """A kind of job in one of the places, and how long it runs when nobody disturbs it."""

    def __init__(self, kind, make_place, base, file, folder):
        self.kind, self.make_place, self.base, self.file, self.folder = kind, make_place, base, file, folder
        self.place = make_place()
        self.seconds, self.before = self.undisturbed()

    def undisturbed(self):
        self.place.prepare(self.base)
        with self.place.served(self.folder) as run:
            before = self.effect(run)
            job = run.order(self.kind, self.file)
            run.wait(job, ("running", *ENDED))
            started = time.monotonic()
            run.wait(job, ENDED)
            seconds = time.monotonic() - started
        self.place.discard()
        return seconds, before

    def effect(self, run):
        """What there is of everything that jobs make."""
        snapshots = run.ask(f"projects/{PROJECT}/snapshots")["items"]
        project = run.ask(f"projects/{PROJECT}")["id"]
        [manifest] = [*self.place.data.glob("published/*/*/manifest.json")] or [None]
        return {
            "snapshots": Counter(snapshot["operation"] for snapshot in snapshots),
            "reports": len(self.place.query(f"SELECT path FROM reports WHERE project_id = '{project}'")),
            "published": manifest and json.loads(manifest.read_text())["snapshot"],
            "newest": max(snapshot["number"] for snapshot in snapshots),
        }

    def round(self, check, what, share):
        self.place = self.make_place()
        self.place.prepare(self.base)
        with self.place.served(self.folder) as run:
            job = run.order(self.kind, self.file)
            run.wait(job, ("running", *ENDED))
            time.sleep(share * self.seconds)
            run.kill()
        self.place.query("UPDATE jobs SET lease_until = 1 WHERE state = 'running'")
        [(state,)] = self.place.query("SELECT state FROM jobs")
        with self.place.served(self.folder) as run:
            check.equal(f"{what}: the request sent again is the same job", run.order(self.kind, self.file), job)
            ended = run.wait(job, ENDED)
            self.check(check, what, run, ended)
        self.place.discard()
        return state

    def check(self, check, what, run, ended):
        check.equal(f"{what}: state", (ended["state"], ended["error"]), ("done", None))
        check.equal(f"{what}: jobs", len(run.ask("jobs")["items"]), 1)
        rows = [row["outcome"] for row in run.ask("audit")["items"] if row["job_id"] == ended["id"]]
        check.equal(f"{what}: outcomes in the audit trail", rows, ["done"])
        expected = {**self.before, "snapshots": Counter(self.before["snapshots"])}
        made = {"import": "import", "compact": "compact", "erase": "erase"}.get(self.kind)
        if made:
            expected["snapshots"][made] += 1
            expected["newest"] += 1
        found = self.effect(run)
        if self.kind == "publish":
            # A publication has a report made for its tables.
            expected.update(published=expected["newest"], reports=found["reports"])
            check.true(f"{what}: reports", found["reports"] == self.before["reports"] + 1, f"{found}")
        if self.kind == "report":
            expected["reports"] += 1
            path = self.place.data / ended["result"]["path"]
            check.equal(f"{what}: its tables", sorted(file.name for file in path.iterdir()), ["disagreements.parquet", "measures.parquet"])
        check.equal(f"{what}: effect", found, expected)
        self.check_newest(check, what, found["newest"])

    def check_newest(self, check, what, number):
        [copy] = self.place.data.glob(f"*/*/_snapshots/{number}.json")
        tables = common.Lake(self.place.data).tables(json.loads(copy.read_text())["files"])
        for fault in [*tables.broken_files(), *tables.faults()]:
            check.true(f"{what}: {fault}", False)
        if self.kind == "erase":
            holding = [str(path) for path in self.place.data.rglob("*") if path.is_file() and EMAIL.encode() in path.read_bytes()]
            check.equal(f"{what}: files that name the annotator", holding, [])
            check.equal(f"{what}: rows that name the annotator", [row for row in self.place.texts() if EMAIL in row], [])
            check.equal(f"{what}: raters of that name", tables.count("raters", f"email = '{EMAIL}'"), 0)


def make_base(folder):
    """A lake of two snapshots, and a file with more items."""
    full = load(common.DEMO / "review-sentiment.json")
    base, files = folder / "base", []
    for name, tasks in [("first", easy_form(full)), ("second", copies(full, 2)), ("more", copies(full, 3))]:
        files.append(folder / f"{name}.json")
        files[-1].write_text(json.dumps([*tasks], ensure_ascii=False))
    for file in files[:2]:
        common.import_files(base, PROJECT, file)
    return base, files[2]


def run(check):
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    source = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 20261130)
    server, outcomes = os.environ.get("ASSAY_TEST_POSTGRES_URL"), Counter()
    with common.scratch() as folder:
        base, file = make_base(folder)
        places = [lambda: Sqlite(folder)] + ([lambda: Postgres(folder, server)] if server else [])
        if not server:
            print("left out: Postgres (ASSAY_TEST_POSTGRES_URL is not set)", flush=True)
        scenarios = [Scenario(kind, place, base, file, folder) for kind in ORDERS for place in places]
        for scenario in scenarios:
            print(f"{scenario.kind}, {scenario.place.name}: {scenario.seconds * 1000:.0f} ms undisturbed", flush=True)
        for n in range(rounds):
            scenario = scenarios[n % len(scenarios)]
            share = source.uniform(0, 1.1)
            what = f"round {n} ({scenario.kind}, {scenario.place.name}, killed at {share:.0%})"
            outcomes[scenario.kind, scenario.place.name, scenario.round(check, what, share)] += 1
    for (kind, place, state), count in sorted(outcomes.items()):
        print(f"{kind}, {place}: {count} found {state} after the kill", flush=True)
    check.true("every round was counted", outcomes.total() == rounds)
    if rounds >= len(scenarios):
        check.true("kills came while jobs ran", any(state == "running" for *_, state in outcomes), f"{dict(outcomes)}")


if __name__ == "__main__":
    common.main("kill_jobs", run)
