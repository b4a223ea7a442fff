"""What the checks share: running the binary, reading a lake as an outsider would, and reporting differences.

The checks take the binary from ASSAY_BIN. They read Parquet with DuckDB through the exact file list of a snapshot, and never through
Assay itself.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import sys
import tempfile

import duckdb

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEMO = ROOT / "fixtures" / "demo"
# Real exports that lie beside a clone of the project on the machines that test it; nothing depends on them being there.
SHARED = pathlib.Path(os.environ.get("ASSAY_SHARED", ROOT.parent / "shared"))
TABLES = ("items", "annotations", "results", "raters", "rejects")
DATABASE_FILES = ("assay.db", "assay.db-wal", "assay.db-shm", "assay.db-journal")


def binary():
    path = os.environ.get("ASSAY_BIN")
    if not path or not os.access(path, os.X_OK):
        sys.exit(f"ASSAY_BIN must name the assay binary, found {path!r}: run this through ./tests/run")
    return path


def environment(**extra):
    """The environment of a clean shell: nothing of Assay's or of a cloud's settings leaks into a check."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ASSAY_", "AWS_", "RUST_"))}
    return {**kept, **extra}


def assay(*arguments, env=None, timeout=300, **options):
    """Runs the binary to its end; never raises for its exit code."""
    return subprocess.run(
        [binary(), *map(str, arguments)],
        env=env or environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
        **options,
    )


def succeed(*arguments, **options):
    done = assay(*arguments, **options)
    if done.returncode != 0:
        raise Failed(f"assay {' '.join(map(str, arguments))}\n  exit code {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def import_files(data, project, *files, **options):
    """Imports into a lake and returns the summary."""
    arguments = ["import", *files, "--project", project, "--data", data, "--format", "json"]
    for name in ("config", "source", "db"):
        if options.get(name):
            arguments += [f"--{name}", options.pop(name)]
    return json.loads(succeed(*arguments, **options))


def agreement(data, project, *more, **options):
    """The agreement report as JSON."""
    return json.loads(succeed("report", "agreement", "--project", project, "--data", data, "--format", "json", *more, **options))


class Failed(Exception):
    """The check cannot go on."""


class Check:
    """Counts comparisons, prints what differs, and ends the process with the outcome."""

    def __init__(self, name):
        self.name, self.compared, self.differences = name, 0, 0

    def equal(self, what, found, expected):
        self.true(what, found == expected, f"found {shorten(found)}, expected {shorten(expected)}")

    def true(self, what, condition, detail=""):
        self.compared += 1
        if not condition:
            self.differences += 1
            print(f"DIFFERS {what}: {detail}" if detail else f"DIFFERS {what}", flush=True)

    def finish(self):
        print(f"{self.name}: {self.compared} comparisons, {self.differences} differences", flush=True)
        sys.exit(1 if self.differences or not self.compared else 0)


def main(name, run):
    """Runs `run(check)` and exits: 0 when everything compared equal and something was compared."""
    check = Check(name)
    try:
        run(check)
    except Failed as failed:
        check.true(str(failed), False)
    check.finish()


def shorten(value, limit=600):
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]} … ({len(text)} characters)"


@contextlib.contextmanager
def scratch():
    with tempfile.TemporaryDirectory(prefix="assay-check-") as folder:
        yield pathlib.Path(folder)


class Lake:
    """A lake in a folder, read without Assay."""

    def __init__(self, data):
        self.data = pathlib.Path(data)

    def project_folder(self, project_id):
        [folder] = self.data.glob(f"*/{project_id}")
        return folder

    def snapshot_numbers(self, project_id):
        return sorted(int(path.stem) for path in self.project_folder(project_id).glob("_snapshots/*.json"))

    def manifest(self, project_id, number):
        return json.loads((self.project_folder(project_id) / "_snapshots" / f"{number}.json").read_text())

    def tables(self, files):
        return Tables(self.data, files)


class Tables:
    """The tables of one snapshot in DuckDB, from its exact files."""

    def __init__(self, data, files):
        self.data, self.files = pathlib.Path(data), files
        self.db = duckdb.connect()
        self.db.execute("SET TimeZone = 'UTC'")
        for table in TABLES:
            paths = [str(self.data / file["path"]) for file in files if file["table"] == table]
            if paths:
                listed = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
                self.db.execute(f"CREATE VIEW {table} AS SELECT * FROM read_parquet([{listed}], hive_partitioning = false)")

    def has(self, table):
        return any(file["table"] == table for file in self.files)

    def rows(self, table, columns, where="true"):
        """Selected columns of a table; a table without files has no rows."""
        return self.db.execute(f"SELECT {columns} FROM {table} WHERE {where}").fetchall() if self.has(table) else []

    def count(self, table, where="true"):
        return self.rows(table, "count(*)", where)[0][0] if self.has(table) else 0

    def broken_files(self):
        """What the catalog says about its files and the files do not bear out."""
        for file in self.files:
            path = self.data / file["path"]
            if not path.is_file():
                yield f"{file['path']} is missing"
                continue
            content = path.read_bytes()
            if len(content) != file["bytes"]:
                yield f"{file['path']} has {len(content)} bytes, the catalog says {file['bytes']}"
            if hashlib.sha256(content).hexdigest() != file["checksum"]:
                yield f"{file['path']} does not have the catalog's checksum"

    def faults(self):
        """Rules that hold for every snapshot: each is a count of rows that break it."""
        rules = {
            "items with one id": "SELECT count(*) - count(DISTINCT item_id) FROM items",
            "annotations with one id": "SELECT count(*) - count(DISTINCT annotation_id) FROM annotations",
            "raters with one id": "SELECT count(*) - count(DISTINCT rater_id) FROM raters",
            "result rows with one place": "SELECT count(*) - count(DISTINCT (annotation_id, result_index, label_index)) FROM results",
            "annotations without item": "SELECT count(*) FROM annotations ANTI JOIN items USING (item_id)",
            "annotations without rater": "SELECT count(*) FROM annotations ANTI JOIN raters USING (rater_id)",
            "results without annotation": "SELECT count(*) FROM results ANTI JOIN annotations USING (annotation_id, item_id, rater_id)",
            "annotations whose result_count is wrong": (
                "SELECT count(*) FROM annotations a LEFT JOIN (SELECT annotation_id, count(DISTINCT result_index) n FROM results "
                "GROUP BY 1) r USING (annotation_id) WHERE a.result_count <> coalesce(r.n, 0)"
            ),
        }
        for rule, sql in rules.items():
            if all(self.has(table) for table in TABLES if f" {table}" in sql):
                found = self.db.execute(sql).fetchone()[0]
                if found:
                    yield f"{found} {rule}"


class Catalog:
    """A metadata database in SQLite; by default the one of a lake in a folder."""

    def __init__(self, data, name="assay.db"):
        self.path = pathlib.Path(data) / name

    def query(self, sql, *values):
        # Opening a database that a killed process left behind replays its write-ahead log, as Assay itself would.
        # One that is not there, or not made yet, holds nothing.
        if not self.path.exists():
            return []
        with contextlib.closing(sqlite3.connect(self.path, timeout=10)) as db:
            db.row_factory = sqlite3.Row
            if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'snapshots'").fetchone():
                return []
            return [dict(row) for row in db.execute(sql, values)]

    def projects(self):
        return self.query("SELECT id, name, latest_snapshot FROM projects ORDER BY name")

    def files(self, project_id, number):
        return self.query(
            "SELECT tbl AS 'table', bucket, path, rows, bytes, checksum FROM files "
            "WHERE project_id = ?1 AND added_in <= ?2 AND (removed_in IS NULL OR removed_in > ?2) ORDER BY path",
            project_id,
            number,
        )

    def dump(self):
        """Everything in it, as SQL text, but for the audit trail: that notes every attempt, also one that changes nothing."""
        if not self.path.exists():
            return None
        with contextlib.closing(sqlite3.connect(self.path, timeout=10)) as db:
            return [line for line in db.iterdump() if not line.startswith('INSERT INTO "audit" ')]


def tree(folder):
    """Path and SHA-256 of every file below a folder, but for the database's (see `Catalog.dump`)."""
    folder = pathlib.Path(folder)
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in DATABASE_FILES
    }


def stored(folder):
    """All that is in storage: two equal values mean that nothing changed."""
    return tree(folder), Catalog(folder).dump()


class Server:
    """A running `assay serve` or `assay demo`; its address is taken from what it says on start."""

    def __init__(self, arguments, ready, log, env=None, timeout=120):
        self.log = open(log, "w+")  # noqa: SIM115 (closed in stop)
        self.process = subprocess.Popen(
            [binary(), *map(str, arguments)], env=env or environment(), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log
        )
        self.found = self.wait(ready, timeout)

    def output(self):
        return pathlib.Path(self.log.name).read_text()

    def wait(self, ready, timeout):
        import time

        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise Failed(f"the server ended with {self.process.returncode}:\n{self.output()}")
            found = ready.search(self.output())
            if found:
                return found.group(1)
            time.sleep(0.05)
        self.stop()
        raise Failed(f"the server did not say that it is ready within {timeout} s:\n{self.output()}")

    def stop(self):
        """Ends it as an operator would; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        return self.process.returncode
