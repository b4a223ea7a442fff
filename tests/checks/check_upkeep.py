#!/usr/bin/env python3
"""Retention, sweep, compaction, erasure and rebuild by the binary, in a folder and in a bucket: the same is kept, and nothing else is left."""

import json

import duckdb

import bucket
import common

PREFIX = "team/lake"
PROJECT, EMAIL = "sentiment", "bo.lee@example.com"
EXPORTS = ("review-sentiment", "news-entities", "response-review")


class Folder:
    """A lake in a folder, as the story below sees it."""

    def __init__(self, root):
        self.data, self.env = root / "lake", common.environment()

    def objects(self):
        """Path and bytes of every object, without the database."""
        paths = [path for path in self.data.rglob("*") if path.is_file() and path.name not in common.DATABASE_FILES]
        return {str(path.relative_to(self.data)): path.read_bytes() for path in paths}

    def put(self, path, content):
        place = self.data / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)


class Remote:
    """The same in a bucket."""

    def __init__(self, store):
        self.store, self.data, self.env = store, f"s3://{bucket.NAME}/{PREFIX}", store.environment()

    def objects(self):
        read = self.store.client.get_object
        keys = self.store.objects()
        return {key.removeprefix(f"{PREFIX}/"): read(Bucket=bucket.NAME, Key=key)["Body"].read() for key in keys}

    def put(self, path, content):
        self.store.client.put_object(Bucket=bucket.NAME, Key=f"{PREFIX}/{path}", Body=content)


class Story:
    def __init__(self, check, name, place, root):
        self.check, self.name, self.place, self.root = check, name, place, root
        root.mkdir()
        self.db = root / "metadata.db"

    def run(self, *arguments, expect=0):
        done = common.assay(*arguments, "--data", self.place.data, "--db", f"sqlite://{self.db}", env=self.place.env)
        what = f"{self.name}: assay {' '.join(map(str, arguments))}"
        self.check.true(what, done.returncode == expect, f"exit code {done.returncode}: {done.stderr}")
        if expect:
            self.check.true(f"{what}: says why", done.stderr.startswith("error: "), done.stderr)
            return done.stderr
        return json.loads(done.stdout)

    def act(self, *arguments, **options):
        return self.run(*arguments, "--format", "json", **options)

    def equal(self, what, found, expected):
        self.check.equal(f"{self.name}: {what}", found, expected)

    def measures(self):
        return self.act("report", "agreement", "--project", PROJECT)["measures"]

    def files(self, number):
        copy = self.place.objects()[f"default/{self.project}/_snapshots/{number}.json"]
        return sorted(file["path"] for file in json.loads(copy)["files"])

    def data_files(self):
        return sorted(path for path in self.place.objects() if "/bucket=" in path)

    def tell(self):
        for number, name in enumerate(EXPORTS, 1):
            summary = self.act("import", common.DEMO / f"{name}.json", "--project", PROJECT, "--source", name)
            self.equal(f"snapshot of {name}", summary["snapshot"], number)
        self.project = summary["project_id"]
        self.retain_and_sweep()
        self.compact()
        self.erase()
        self.rebuild()
        return self.outcome

    def retain_and_sweep(self):
        measures = self.measures()
        done = self.act("retain", "--project", PROJECT, "--keep", "last=1")
        self.equal("retired", [one["number"] for one in done["retired"]], [2, 1])
        self.place.put(f"default/{self.project}/items/bucket=0000/0.parquet", b"left by an import that was killed")
        self.place.put("notes.txt", b"not ours")
        refused = self.run("sweep", "--older-than", "1h", expect=1)
        self.check.true(f"{self.name}: the way out", "--nothing-else-runs" in refused, refused)
        self.equal("swept within the grace time", self.act("sweep")["deleted"], [])
        swept = self.act("sweep", "--older-than", "0h", "--nothing-else-runs")
        kinds = sorted(one["kind"] for one in swept["deleted"])
        self.equal("kinds swept", sorted(set(kinds)), ["orphan", "retired"])
        self.equal("bytes of retired files", sum(one["bytes"] for one in swept["deleted"] if one["kind"] == "retired"), done["unnamed_bytes"])
        self.equal("left alone", swept["unknown"], ["notes.txt"])
        self.equal("data files left", self.data_files(), self.files(3))
        self.equal("figures after the sweep", self.measures(), measures)
        self.outcome = {"kinds": kinds, "measures": measures}

    def compact(self):
        before = self.outcome["measures"]
        done = self.act("compact", "--project", PROJECT, "--buckets", "4")
        self.equal("compacted", (done["snapshot"], done["buckets"]), (4, 4))
        self.equal("figures after compaction", self.measures(), before)
        self.outcome["compacted"] = (done["files"], done["bytes"])

    def erase(self):
        self.check.true(f"{self.name}: {EMAIL} is there", self.holding(EMAIL), "nothing to erase")
        self.run("erase", "--project", PROJECT, "--annotator", EMAIL, expect=1)
        done = self.act("erase", "--project", PROJECT, "--annotator", EMAIL, "--yes")
        self.equal("retired by the erasure", done["retired"], [4, 3])
        self.equal(f"objects that hold {EMAIL}", self.holding(EMAIL), [])
        wal = self.db.with_name(self.db.name + "-wal")
        for path in (self.db, wal):
            held = path.exists() and EMAIL.encode() in path.read_bytes()
            self.check.true(f"{self.name}: {path.name} without {EMAIL}", not held)
        self.outcome["removed"] = done["removed"]

    def holding(self, text):
        """Objects in which the text is, as bytes or in the rows."""
        found = []
        for path, content in self.place.objects().items():
            texts = [content]
            if path.endswith(".parquet"):
                copy = self.root / "copy.parquet"
                copy.write_bytes(content)
                texts.append(repr(duckdb.sql(f"SELECT * FROM read_parquet('{copy}')").fetchall()).encode())
            if any(text.encode() in one for one in texts):
                found.append(path)
        return found

    def rebuild(self):
        measures = self.measures()
        self.db.unlink()
        refused = self.run("catalog", "rebuild", expect=1)
        self.check.true(f"{self.name}: the way out", "--take-over" in refused, refused)
        done = self.act("catalog", "rebuild", "--take-over", "--verify")
        [project] = done["projects"]
        self.equal("restored", (project["readable"], project["retired"], done["lost"]), ([5], [1, 2, 3, 4], []))
        self.equal("figures after the rebuild", self.measures(), measures)
        self.equal("swept after the rebuild", self.act("sweep", "--older-than", "0h", "--nothing-else-runs")["held_back"], [])
        self.equal("data files after it", self.data_files(), self.files(5))


def run(check):
    store = bucket.Bucket()
    try:
        with common.scratch() as scratch:
            local = Story(check, "folder", Folder(scratch), scratch / "local").tell()
            remote = Story(check, "bucket", Remote(store), scratch / "remote").tell()
            check.equal("the same in both", remote, local)
    finally:
        store.stop()


if __name__ == "__main__":
    common.main("upkeep", run)
