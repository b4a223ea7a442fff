#!/usr/bin/env python3
"""A lake in an S3 bucket works like one in a folder: same rows, same figures. The bucket is moto's, on this machine."""

import json

import bucket
import common

PREFIX = "team/lake"
EXPORTS = ("review-sentiment", "response-review")
# What differs between two lakes by design: ids and times.
OWN = ("project_id", "seconds", "phases")


def rows(tables):
    """Every table's rows, in one order."""
    return {table: sorted(map(repr, tables.rows(table, "*"))) for table in common.TABLES}


def same(summary):
    return {name: value for name, value in summary.items() if name not in OWN}


def newest(data, summary):
    lake = common.Lake(data)
    manifest = lake.manifest(summary["project_id"], summary["snapshot"])
    return manifest, lake.tables(manifest["files"])


def compare(check, store, folder, name):
    export = common.DEMO / f"{name}.json"
    url, local = f"s3://{bucket.NAME}/{PREFIX}", folder / "local"
    remote = {"env": store.environment(), "db": f"sqlite://{folder}/metadata.db"}
    config = export.with_suffix(".xml")
    here = common.import_files(local, name, export, config=config)
    there = common.import_files(url, name, export, config=config, **remote)
    check.equal(f"{name}: summary", same(there), same(here))

    keys = store.objects()
    again = common.import_files(url, name, export, **remote)
    check.equal(f"{name}, imported again: committed", again["committed"], False)
    check.equal(f"{name}, imported again: objects", store.objects(), keys)

    report = common.agreement(url, name, "--db", remote["db"], env=remote["env"])
    check.equal(f"{name}: report", report, common.agreement(local, name))

    copy = store.download(PREFIX, folder / f"copy-{name}")
    (manifest, tables), (local_manifest, local_tables) = newest(copy, there), newest(local, here)
    check.equal(f"{name}: counts of the snapshot", manifest["counts"], local_manifest["counts"])
    check.equal(f"{name}: files that are not as the catalog says", list(tables.broken_files()), [])
    for table, found in rows(tables).items():
        check.equal(f"{name}: rows of {table}", found, rows(local_tables)[table])
    published = list(copy.glob(f"*/{there['project_id']}/_reports/*/*/measures.parquet"))
    check.equal(f"{name}: published reports in the bucket", len(published), 1 if report["measures"] else 0)


def check_ownership(check, store, folder):
    """A second database must not write into a lake that belongs to a first one; a bucket without --db is refused."""
    export, url, keys = common.DEMO / "review-sentiment.json", f"s3://{bucket.NAME}/{PREFIX}", store.objects()
    attempts = {
        "another database": ["--db", f"sqlite://{folder}/other.db"],
        "no database": [],
        "a bucket that does not exist": ["--db", f"sqlite://{folder}/other.db", "--data", "s3://assay-absent/x"],
    }
    for what, more in attempts.items():
        data = [] if "--data" in more else ["--data", url]
        done = common.assay("import", export, "--project", "x", *data, *more, env=store.environment())
        check.true(f"{what}: refused", done.returncode in (1, 3), f"exit code {done.returncode}")
        check.true(f"{what}: says so", done.stderr.startswith("error: ") and "panicked" not in done.stderr, done.stderr)
        check.equal(f"{what}: the bucket is as it was", store.objects(), keys)


def run(check):
    store = bucket.Bucket()
    try:
        with common.scratch() as folder:
            for name in EXPORTS:
                compare(check, store, folder, name)
                print(f"{name}: compared", flush=True)
            outside = [key for key in store.objects() if not key.startswith(f"{PREFIX}/")]
            check.equal("objects outside the prefix", outside, [])
            mark = json.loads(store.client.get_object(Bucket=bucket.NAME, Key=f"{PREFIX}/_assay.json")["Body"].read())
            check.true("the lake names its database", bool(mark.get("database")), str(mark))
            check_ownership(check, store, folder)
    finally:
        store.stop()


if __name__ == "__main__":
    common.main("s3", run)
