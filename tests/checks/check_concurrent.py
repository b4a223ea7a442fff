#!/usr/bin/env python3
"""Four importers at once on one project: all land, nothing is lost, nothing doubled. check_concurrent.py ROUNDS [SEED]

On SQLite with a folder, SQLite with a bucket, and Postgres with a bucket (where ASSAY_TEST_POSTGRES_URL names a server); as four
processes on a lake that does not exist yet, as two processes and two jobs of one server, and as two jobs each of two servers. Each
importer brings items of its own, items that all bring alike, and items that each has in another version: of those the newest wins.
"""

import concurrent.futures
import json
import os
import random
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request
import uuid

import bucket
import common
from label_studio import Expected, contents, expected_contents, load, shifted

PROJECT = "reviews"
IMPORTERS = 4
READY = re.compile(r"(127\.0\.0\.1:[1-9]\d*)")
JOB_SECONDS = 120


class Exports:
    """A file for the start and one for each importer, of the same size; and what must come of all of them."""

    def __init__(self, folder):
        tasks = load(common.DEMO / "review-sentiment.json")
        third = len(tasks) // 3
        alike, contested = tasks[:third], [task for task in tasks[third : 2 * third] if task["annotations"]]
        self.base = folder / "base.json"
        self.base.write_text(json.dumps(tasks[third:]))
        self.files, imported = [], {task["id"]: task for task in [*alike, *contested]}
        for n in range(IMPORTERS):
            own = list(shifted(tasks[2 * third :], (n + 1) * 1_000_000))
            imported.update({task["id"]: task for task in own})
            self.files.append(folder / f"importer-{n}.json")
            self.files[-1].write_text(json.dumps([*own, *alike, *(version(task, n) for task in contested)]))
        # With the start and without it.
        self.everything = Expected(list(({task["id"]: task for task in tasks} | imported).values()), PROJECT)
        self.imported = Expected(list(imported.values()), PROJECT)
        self.contested = {f"{PROJECT}/annotation/{task['annotations'][0]['id']}" for task in contested}


def version(task, n):
    """The task with its first annotation as importer `n` has it: a later time, and a lead time by which it is known."""
    first, *others = task["annotations"]
    changed = {**first, "updated_at": f"2031-01-01T00:00:0{n}.000000Z", "lead_time": 1000.0 + n}
    return {**task, "annotations": [changed, *others]}


class Place:
    """An empty lake with its database."""

    def __init__(self, folder, name, store, postgres):
        self.folder, self.store, self.prefix = folder / name, store, name
        self.folder.mkdir()
        self.env = store.environment() if store else common.environment()
        data = f"s3://{bucket.NAME}/{name}" if store else self.folder / "data"
        self.arguments = ["--data", data, "--db", make_database(postgres) if postgres else f"sqlite://{self.folder}/metadata.db"]

    def lake(self):
        return common.Lake(self.store.download(self.prefix, self.folder / "copy") if self.store else self.folder / "data")

    def start(self, file):
        command = [common.binary(), "import", file, "--project", PROJECT, "--format", "json", *self.arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen([*map(str, command)], env=self.env, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True)

    def serve(self, name):
        return common.Server(["serve", "--listen", "127.0.0.1:0", *self.arguments], READY, self.folder / f"{name}.log", env=self.env)


def make_database(server):
    name = f"concurrent_{uuid.uuid4().hex}"
    made = subprocess.run(["psql", "-q", "-d", server, "-c", f"CREATE DATABASE {name}"], capture_output=True, text=True)
    if made.returncode:
        raise common.Failed(f"psql: {made.stderr}")
    return urllib.parse.urlsplit(server)._replace(path=f"/{name}").geturl()


def finished(process):
    """The summary of an import that a process has made."""
    out, error = process.communicate(timeout=300)
    if process.returncode:
        raise common.Failed(f"an importer ended with {process.returncode}: {error.strip()}")
    return json.loads(out)


def upload(address, file):
    """Sends a file and follows its job to the end; returns the job."""
    url = f"http://{address}/v1/projects/{PROJECT}/imports?filename={file.name}"
    with urllib.request.urlopen(urllib.request.Request(url, data=file.read_bytes(), method="POST"), timeout=60) as answer:
        place = f"http://{address}{answer.headers['Location']}"
    end = time.monotonic() + JOB_SECONDS
    while time.monotonic() < end:
        with urllib.request.urlopen(place, timeout=60) as answer:
            job = json.load(answer)
        if job["finished_at"]:
            return job
        time.sleep(0.1)
    raise common.Failed(f"job {job['id']} does not end: {job}")


def by_processes(place, files):
    """Four processes."""
    return [finished(process) for process in [place.start(file) for file in files]]


def by_servers(place, files, processes, servers):
    """Some processes, and jobs through servers."""
    running = [place.serve(f"server-{n}") for n in range(servers)]
    try:
        with concurrent.futures.ThreadPoolExecutor(len(files)) as pool:
            uploads = [
                pool.submit(upload, running[n % servers].found, file) for n, file in enumerate(files[processes:])
            ]
            summaries = [finished(process) for process in [place.start(file) for file in files[:processes]]]
            jobs = [one.result() for one in uploads]
    finally:
        codes = [server.stop() for server in running]
    if any(codes) or any(job["state"] != "done" for job in jobs):
        raise common.Failed(f"servers ended with {codes}, jobs: {jobs}")
    return summaries + [job["result"] for job in jobs]


WAYS = {
    "four processes, no lake yet": lambda place, files: by_processes(place, files),
    "two processes and two jobs of one server": lambda place, files: by_servers(place, files, 2, 1),
    "two jobs each of two servers": lambda place, files: by_servers(place, files, 0, 2),
}


def check_way(check, what, place, exports, way):
    begun = 0
    if "no lake" not in way:
        finished(place.start(exports.base))
        begun = 1
    summaries = WAYS[way](place, exports.files)
    check.equal(f"{what}: committed", [summary["committed"] for summary in summaries], [True] * IMPORTERS)
    numbers = sorted(summary["snapshot"] for summary in summaries)
    check.equal(f"{what}: snapshots made", numbers, list(range(begun + 1, begun + IMPORTERS + 1)))
    [project] = {summary["project_id"] for summary in summaries}
    lake = place.lake()
    check.equal(f"{what}: copies of the catalog's rows", lake.snapshot_numbers(project), list(range(1, numbers[-1] + 1)))
    for number in range(1, numbers[-1] + 1):
        manifest = lake.manifest(project, number)
        tables = lake.tables(manifest["files"])
        for fault in [*tables.broken_files(), *tables.faults()]:
            check.true(f"{what}: snapshot {number}: {fault}", False)
        check.equal(f"{what}: parent of snapshot {number}", manifest["parent"], number - 1)
        check.equal(f"{what}: items that snapshot {number} counts", manifest["counts"]["items"], tables.count("items"))
    expected = exports.everything if begun else exports.imported
    check.true(f"{what}: contents", contents(tables) == expected_contents(expected), "rows are lost or doubled")
    rows = tables.rows("annotations", "annotation_id, lead_time_s", "lead_time_s >= 1000")
    newest = dict.fromkeys(exports.contested, 1000.0 + IMPORTERS - 1)
    check.true(f"{what}: of several versions the newest", dict(rows) == newest, f"{len(rows)} rows, e.g. {rows[:3]}")
    new = sum(summary["items"]["new"] for summary in summaries)
    check.equal(f"{what}: items that were new to an importer", new, tables.count("items") - begun * len(load(exports.base)))


def run(check):
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 20261124
    source, postgres = random.Random(seed), os.environ.get("ASSAY_TEST_POSTGRES_URL")
    store = bucket.Bucket()
    surroundings = {"folder, SQLite": (None, None), "bucket, SQLite": (store, None), "bucket, Postgres": (store, postgres)}
    if not postgres:
        print("bucket, Postgres: left out, ASSAY_TEST_POSTGRES_URL is not set", flush=True)
        del surroundings["bucket, Postgres"]
    try:
        for turn in range(rounds):
            for name, (place_store, server) in surroundings.items():
                with common.scratch() as folder:
                    exports = Exports(folder)
                    for n, way in enumerate(WAYS):
                        source.shuffle(exports.files)
                        started = time.monotonic()
                        place = Place(folder, f"lake-{turn}-{n}-{'postgres' if server else 'sqlite'}", place_store, server)
                        check_way(check, f"{name}, {way}, round {turn}", place, exports, way)
                        print(f"{name}, {way}: {time.monotonic() - started:.1f} s", flush=True)
    finally:
        store.stop()


if __name__ == "__main__":
    common.main("concurrent", run)
