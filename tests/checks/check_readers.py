#!/usr/bin/env python3
"""What is published reads the same in Spark, DuckDB, Polars, pandas, pyarrow and deltalake, stays whole while imports go on, and fits the
rules of the warehouses that cannot be asked here."""

import json
import logging
import pathlib
import re
import threading
import time

import boto3
from moto.server import ThreadedMotoServer

import common

# Before what reads them, so that a missing binary is told at once.
common.binary()

import sqlfluff  # noqa: E402
import sqlglot  # noqa: E402

import bigquery_rules  # noqa: E402
import readers  # noqa: E402

DIALECTS = ("bigquery", "spark", "duckdb", "snowflake", "trino")
ROUNDS = 8


def publish(data, project, *more, **options):
    return json.loads(common.succeed("publish", "--project", project, "--data", data, "--output", "json", *more, **options))


def outputs(data, project, *more, **options):
    return json.loads(common.succeed("outputs", "--project", project, "--data", data, "--format", "json", *more, **options))


def ddl(data, project, dialect, *more, **options):
    return common.succeed("outputs", "ddl", "--project", project, "--dialect", dialect, "--data", data, *more, **options)


def hand_made(path):
    """What the demo lacks: several files to a table, rejects, and values that readers stumble over. The blanks count for the number of
    buckets alone."""
    times = ("1905-03-04T05:06:07.123456Z", "1969-12-31T23:59:59.999999Z", "2026-01-05T10:00:00Z", "2300-01-01T00:00:00.000001Z")
    texts = ("", "it's \"quoted\"\n\ttwice", "שלום \u202e 感情 🧀", "a" * 100_000, "null", "\\")
    seconds = (0.1, 1e300, 5e-324, -0.0)

    def annotation(n, k):
        whole = {
            "id": n * 10 + k,
            "completed_by": {"id": k + 1, "email": f"a{k}@example.com"},
            "result": [{"id": f"r{n}", "from_name": "s", "to_name": "t", "type": "choices", "value": {"choices": [texts[n % 6] or "empty", "b"]}}],
            "lead_time": seconds[n % 4],
            "created_at": times[n % 4],
            "updated_at": times[(n + 1) % 4],
        }
        return whole if (n, k) != (7, 1) else {key: value for key, value in whole.items() if key != "id"}

    tasks = [{"id": n, "data": {"text": texts[n % 6], "language": "de"}, "created_at": times[n % 4], "annotations": [annotation(n, k) for k in range(3)]} for n in range(60)]
    path.write_text("[" + " " * (65 << 20) + json.dumps(tasks)[1:])
    return path


def prepare(data):
    """The demo exports (two as projects of their own, with their reports), one export made by hand, and where there are real exports a
    project of all of them, with a name that needs care."""
    projects = ["review-sentiment", "response-review", "demo", "hand-made"]
    for export in sorted(common.DEMO.glob("*.json")):
        if export.stem in projects:
            common.import_files(data, export.stem, export, config=export.with_suffix(".xml"))
        else:
            common.import_files(data, "demo", export, source=export.stem)
    summary = common.import_files(data, "hand-made", hand_made(data.parent / "hand-made.json"))
    if summary["rejected"] != 1:
        raise common.Failed(f"one annotation of the hand-made export has no id, {summary['rejected']} are rejected")
    real = sorted((common.SHARED / "label-studio").glob("*/snapshot_full.json"))
    for export in real:
        common.import_files(data, "Käse & 感情 “all”", export, source=export.parent.name)
    return projects + (["Käse & 感情 “all”"] if real else [])


def compare(check, project, table, profiles):
    """Every reader against what the manifest says and against the first one."""
    what = f"{project} {table['name']}"
    first = next(iter(profiles.values()))
    for reader, found in profiles.items():
        check.equal(f"{what}: rows by {reader}", found.rows, table["rows"])
        check.equal(f"{what}: schema by {reader}", found.schema, readers.schema_of(table))
        check.equal(f"{what}: sums by {reader}", found.sums, first.sums)
        check.equal(f"{what}: distinct ids by {reader}", found.distinct, first.distinct)
        check.equal(f"{what}: content by {reader}", found.content, first.content)


def check_tables(check, data, projects, found_readers):
    """All readers × all tables. Returns the profiles, by project and table."""
    profiles, cells = {}, {}
    for project in projects:
        manifest = publish(data, project, "--format", "delta")["manifest"]
        check.true(f"{project}: there are rows", any(table["rows"] for table in manifest["tables"]))
        for table in manifest["tables"]:
            found = {name: read(manifest["url"], table) for name, read in found_readers.items()}
            compare(check, project, table, found)
            profiles[project, table["name"]] = next(iter(found.values()))
            for name, profile in found.items():
                rows, total = cells.get((name, table["name"]), (0, 0.0))
                cells[name, table["name"]] = rows + profile.rows, total + sum(profile.sums.values())
    check.true("a table of several files was read", any(len(table["files"]) > 1 for table in outputs(data, "hand-made")["tables"]))
    print_matrix(found_readers, cells)
    return profiles


def print_matrix(found_readers, cells):
    tables = list(dict.fromkeys(table for _, table in cells))
    print(f"{'rows / sum of numbers':<22}" + "".join(f"{table:>24}" for table in tables))
    for reader in found_readers:
        row = [cells[reader, table] for table in tables]
        print(f"{reader:<22}" + "".join(f"{rows:>8} {total:>15.6g}" for rows, total in row), flush=True)


def check_ddl(check, data, projects, profiles, spark, folder):
    """DuckDB and Spark run their statements and read the tables that these make; every dialect's parser takes its statements."""
    duck = readers.duckdb_connection(str(folder / "ddl.duckdb"))
    for project in projects:
        manifest = outputs(data, project)
        schema = manifest["url"].rsplit("/", 1)[1].replace("-", "_")
        duck.execute(ddl(data, project, "duckdb"))
        for statement in statements(ddl(data, project, "spark")):
            spark.session.sql(statement)
        for table in manifest["tables"]:
            found = {
                "DuckDB's view": readers.by_duckdb(None, table, duck, f'SELECT * FROM "{schema}"."{table["name"]}"'),
                "Spark's table": spark.of_table(table, f"`{schema}`.`{table['name']}`"),
            }
            for reader, profile in found.items():
                check.equal(f"{project} {table['name']}: schema of {reader}", profile.schema, readers.schema_of(table))
                check.equal(f"{project} {table['name']}: content of {reader}", profile.content, profiles[project, table["name"]].content)
            comment = spark.session.table(f"`{schema}`.`{table['name']}`").schema.fields[0].metadata.get("comment")
            check.equal(f"{project} {table['name']}: comment in Spark", comment, table["columns"][0]["comment"])
    for dialect in ("bigquery", "snowflake", "trino"):
        refused = common.assay("outputs", "ddl", "--project", projects[0], "--dialect", dialect, "--data", data)
        check.true(f"{dialect}: says that a folder cannot be read", refused.returncode == 1 and "buckets only" in refused.stderr, refused.stderr)


def statements(text):
    """Statements end with a semicolon at the end of a line; no text holds one there."""
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    return [statement for statement in re.split(r";\s*(?:\n|$)", lines) if statement.strip()]


def check_parsers(check, manifest, texts):
    """Each dialect's grammar, and the columns that it sees."""
    sqlfluff.parse(texts["bigquery"], dialect="bigquery")
    for dialect, text in texts.items():
        if dialect == "bigquery":
            # Clauses that sqlglot does not know; sqlfluff has read them.
            text = re.sub(r"^WITH (PARTITION COLUMNS|CONNECTION) .*\n", "", text, flags=re.MULTILINE)
        parsed = sqlglot.parse(text, read=dialect, error_level=sqlglot.ErrorLevel.RAISE)
        parsed = [one for one in parsed if one is not None]
        check.true(f"{dialect}: sqlglot knows every statement", all(one.key != "command" for one in parsed), [one.sql()[:200] for one in parsed if one.key == "command"])
        made = {}
        for one in parsed:
            if one.key == "create" and one.kind in ("TABLE", "VIEW"):
                made[one.find(sqlglot.exp.Table).name] = one
        check.equal(f"{dialect}: tables", list(made), [table["name"] for table in manifest["tables"]])
        for table in manifest["tables"]:
            names = [column["name"] for column in table["columns"]]
            if dialect == "duckdb":
                found = [one.alias for one in made[table["name"]].expression.selects]
            else:
                found = [column.name for column in made[table["name"]].this.expressions if isinstance(column, sqlglot.exp.ColumnDef)]
            check.equal(f"{dialect}: columns of {table['name']}", found, names)


def check_bigquery(check, data, projects):
    """The layout, point by point; and published under the address of a bucket."""
    counted = []
    for project in projects:
        manifest = outputs(data, project)
        for rule, faults in bigquery_rules.rules(manifest, manifest["url"]):
            check.true(f"BigQuery, {project}: {rule}", not faults, common.shorten(faults))
            counted.append(rule)
    project = projects[-1]
    manifest = publish(data, project, "--base-url", "gs://bucket/lake")["manifest"]
    texts = {dialect: ddl(data, project, dialect) for dialect in DIALECTS}
    check_parsers(check, manifest, texts)
    place = f"gs://bucket/lake/published/default/{manifest['url'].rsplit('/', 1)[1]}"
    check.equal("BigQuery: address", manifest["url"], place)
    for table in manifest["tables"]:
        for part in (f"uris = ['{place}/{table['list']}']", f"hive_partition_uri_prefix = '{place}/{table['name']}'"):
            check.true(f"BigQuery, {table['name']}: {part}", part in texts["bigquery"], common.shorten(texts["bigquery"]))
        lines = (data / "published" / "default" / manifest["url"].rsplit("/", 1)[1] / table["list"]).read_text().splitlines()
        check.equal(f"BigQuery, {table['name']}: the list", lines, [f"{place}/{file['path']}" for file in table["files"]])
    check.equal("BigQuery: tables are partitioned", texts["bigquery"].count("WITH PARTITION COLUMNS (`snapshot` INT64)"), len(manifest["tables"]))
    connected = ddl(data, project, "bigquery", "--connection", "us.lake")
    check.true("BigQuery: a connection is named", "WITH CONNECTION `us.lake`" in connected, common.shorten(connected))
    sqlfluff.parse(connected, dialect="bigquery")
    print(f"BigQuery: {len(counted)} checks of {len(set(counted))} rules", flush=True)


def check_examples(check, data, project, spark, profiles):
    """The example queries run as they are printed."""
    manifest = outputs(data, project)
    for table in manifest["tables"]:
        rows = profiles[project, table["name"]].rows
        examples = table["examples"]
        check.equal(f"example for DuckDB, {table['name']}", sum(row[-1] for row in readers.duckdb_connection().execute(examples["duckdb"]).fetchall()), rows)
        for reader in ("polars", "pandas", "spark", "delta"):
            result = evaluate(examples[reader], {"spark": spark.session})
            if reader == "polars":
                counted = sum(result["len"].to_list())
            elif reader == "pandas":
                counted = int(result.sum())
            elif reader == "spark":
                counted = sum(row["count"] for row in result.collect())
            else:
                counted = result.num_rows
            check.equal(f"example for {reader}, {table['name']}", counted, rows)
        parsed = sqlglot.parse_one(examples["bigquery"], read="bigquery", error_level=sqlglot.ErrorLevel.RAISE)
        check.equal(f"example for BigQuery, {table['name']}", parsed.find(sqlglot.exp.Table).name, table["name"])


def evaluate(text, names):
    """The value of the last line of a Python example."""
    *before, last = text.split("\n")
    scope = dict(names)
    exec("\n".join(before), scope)  # noqa: S102
    return eval(last, scope)  # noqa: S307


class Writer(threading.Thread):
    """Imports and publishes, again and again: item n has n annotations, all of them in snapshot n."""

    def __init__(self, folder, data):
        super().__init__()
        self.folder, self.data, self.faults, self.done = folder, data, [], threading.Event()

    def step(self, n):
        export = self.folder / f"step-{n}.json"
        annotations = [
            {
                "id": n * 1000 + k,
                "completed_by": 1 + k,
                "result": [{"id": "r", "from_name": "s", "to_name": "t", "type": "choices", "value": {"choices": ["a"]}}],
                "created_at": "2026-01-05T10:00:00Z",
                "updated_at": "2026-01-05T10:00:00Z",
            }
            for k in range(n)
        ]
        export.write_text(json.dumps([{"id": n, "data": {"text": "x"}, "annotations": annotations}]))
        common.import_files(self.data, "moving", export)
        publish(self.data, "moving", "--format", "delta", "--keep", "4")

    def run(self):
        try:
            for n in range(2, 2 + ROUNDS):
                self.step(n)
        except Exception as error:  # noqa: BLE001 (told by the check)
            self.faults.append(error)
        finally:
            self.done.set()


def check_moving(check, folder, found_readers):
    """Readers that follow the manifest see one snapshot: with n items there are 1 + 2 + … + n annotations and as many results."""
    data = folder / "moving"
    data.mkdir()
    writer = Writer(folder, data)
    writer.step(1)
    manifest_path = pathlib.Path(outputs(data, "moving")["manifest"])
    writer.start()
    seen = {reader: set() for reader in found_readers}
    reads = 0
    while not writer.done.is_set():
        for reader, read in found_readers.items():
            manifest = json.loads(manifest_path.read_text())
            tables = {table["name"]: table for table in manifest["tables"]}
            if reader == "deltalake":
                counts = delta_counts(check, manifest_path.parent)
            else:
                try:
                    counts = {name: read(manifest["url"], tables[name]).rows for name in ("items", "annotations", "results")}
                except Exception as error:  # noqa: BLE001 (told by the check)
                    check.true(f"{reader} reads while imports go on", False, repr(error)[:600])
                    continue
                check.equal(f"{reader}, snapshot {manifest['snapshot']}: annotations fit the items", counts["annotations"], triangle(counts["items"]))
                check.equal(f"{reader}, snapshot {manifest['snapshot']}: results fit the annotations", counts["results"], counts["annotations"])
                check.equal(f"{reader}, snapshot {manifest['snapshot']}: items", counts["items"], manifest["snapshot"])
            seen[reader].add(counts["items"])
            reads += 1
        for table in ("items", "annotations", "results"):
            check_list(check, manifest_path.parent / f"{table}.files")
    writer.join()
    check.equal("imports and publications beside the readers", writer.faults, [])
    check.true("readers saw the tables move", all(len(found) > 1 for found in seen.values()), str(seen))
    kept = sorted(int(path.name.split("=")[1]) for path in (manifest_path.parent / "items").glob("snapshot=*"))
    check.equal("snapshots kept in the end", kept, list(range(ROUNDS - 2, ROUNDS + 2)))
    print(f"one snapshot while {ROUNDS} imports went on: {reads} reads of three tables; snapshots seen: " + ", ".join(f"{reader} {len(found)}" for reader, found in seen.items()), flush=True)


def triangle(n):
    return n * (n + 1) // 2


def delta_counts(check, root):
    """Each Delta table is one snapshot of its own."""
    counts = {}
    for name, rows_of in (("items", lambda n: n), ("annotations", triangle), ("results", triangle)):
        table = readers.deltalake.DeltaTable(str(root / name)).to_pyarrow_table(columns=["snapshot"])
        numbers = set(table["snapshot"].to_pylist())
        check.equal(f"deltalake, {name}: rows are of one snapshot", len(numbers), 1)
        check.equal(f"deltalake, {name}: rows of snapshot {numbers}", table.num_rows, rows_of(max(numbers)))
        counts[name] = table.num_rows
    return counts


def check_list(check, path):
    files = path.read_text().splitlines()
    folders = {pathlib.Path(file).parent for file in files}
    check.true(f"{path.name} names one complete folder", len(folders) == 1 and (next(iter(folders)) / "_SUCCESS").exists(), str(folders))


def check_checkpoint(check, data, project):
    """A log with a checkpoint, whose beginning is gone, reads as any other."""
    for n in range(45):
        publish(data, project, "--tables", "rejects" if n % 2 else "raters,rejects", "--reports", "none", "--format", "delta")
    manifest = outputs(data, project)
    [table] = [one for one in manifest["tables"] if one["name"] == "raters"]
    log = pathlib.Path(manifest["url"], "raters", "_delta_log")
    check.true("the log has a checkpoint and lost its beginning", (log / "_last_checkpoint").exists() and not (log / f"{0:020}.json").exists(), str(sorted(log.iterdir())))
    check.equal("rows of a Delta table with a checkpoint", readers.by_deltalake(manifest["url"], table).rows, table["rows"])


class Bucket:
    """A server of the S3 protocol on this machine."""

    def __init__(self):
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self.server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self.server.start()
        host, port = self.server.get_host_and_port()
        self.options = {
            "aws_endpoint_url": f"http://{host}:{port}",
            "aws_access_key_id": "check",
            "aws_secret_access_key": "check",
            "aws_region": "us-east-1",
            "aws_allow_http": "true",
        }
        self.client = boto3.client(
            "s3",
            endpoint_url=self.options["aws_endpoint_url"],
            aws_access_key_id="check",
            aws_secret_access_key="check",
            region_name="us-east-1",
        )
        self.client.create_bucket(Bucket="readers")

    def objects(self):
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket="readers")
        return {one["Key"]: (one["ETag"], one["LastModified"]) for page in pages for one in page.get("Contents", [])}

    def text(self, url):
        return self.client.get_object(Bucket="readers", Key=url.removeprefix("s3://readers/"))["Body"].read().decode()


def check_bucket(check, folder):
    """The same from a bucket: copies are made within storage, and readers of S3 read what is listed."""
    bucket = Bucket()
    try:
        url, name = "s3://readers/team/lake", "review-sentiment"
        remote = {"env": common.environment(AWS_ENDPOINT_URL=bucket.options["aws_endpoint_url"], AWS_ACCESS_KEY_ID="check", AWS_SECRET_ACCESS_KEY="check", AWS_REGION="us-east-1")}
        more = ["--db", f"sqlite://{folder}/bucket.db"]
        common.import_files(url, name, common.DEMO / f"{name}.json", db=f"sqlite://{folder}/bucket.db", **remote)
        manifest = publish(url, name, "--format", "delta", *more, **remote)["manifest"]
        before = bucket.objects()
        check.equal("bucket: published again, nothing changes", publish(url, name, *more, **remote)["changed"], False)
        check.equal("bucket: objects", bucket.objects(), before)
        for table in manifest["tables"]:
            found = {
                "Polars": readers.by_polars(manifest["url"], table, storage_options=bucket.options),
                "deltalake": readers.by_deltalake(manifest["url"], table, storage_options=bucket.options),
            }
            compare(check, "bucket", table, found)
            lines = bucket.text(f"{manifest['url']}/{table['list']}").splitlines()
            check.equal(f"bucket: list of {table['name']}", lines, [f"{manifest['url']}/{file['path']}" for file in table["files"]])
        check_parsers(check, manifest, {dialect: ddl(url, name, dialect, *more, **remote) for dialect in DIALECTS})
        print(f"bucket: {sum(table['rows'] for table in manifest['tables'])} rows of {len(manifest['tables'])} tables", flush=True)
    finally:
        bucket.server.stop()


def check_after_import(check, folder):
    """An import that publishes; and one that cannot publish stands."""
    data = folder / "after"
    data.mkdir()
    first, second = sorted(common.DEMO.glob("*.json"))[:2]
    common.succeed("import", first, "--project", "p", "--data", data, "--publish=delta")
    check.equal("import --publish=delta: formats", outputs(data, "p")["formats"], ["parquet", "delta"])
    common.succeed("import", second, "--project", "p", "--data", data, env=common.environment(ASSAY_PUBLISH="parquet"))
    check.equal("ASSAY_PUBLISH=parquet: snapshot", outputs(data, "p")["snapshot"], 2)
    check.equal("ASSAY_PUBLISH=parquet: formats stay", outputs(data, "p")["formats"], ["parquet", "delta"])
    manifest = data / "published" / "default" / "p" / "manifest.json"
    manifest.write_text("broken")
    third = sorted(common.DEMO.glob("*.json"))[2]
    done = common.assay("import", third, "--project", "p", "--data", data, "--publish")
    check.true("an import that cannot publish stands", done.returncode == 0 and "warning: imported, but not published" in done.stderr, done.stderr)
    check.equal("… and is committed", common.Lake(data).snapshot_numbers(json.loads(common.succeed("import", third, "--project", "p", "--data", data, "--format", "json"))["project_id"]), [1, 2, 3])
    manifest.unlink()
    common.succeed("import", third, "--project", "p", "--data", data, "--publish")
    check.equal("the next import catches up, though it changes nothing", outputs(data, "p")["snapshot"], 3)


def timed(stage, *arguments):
    started = time.monotonic()
    outcome = stage(*arguments)
    print(f"{stage.__name__}: {time.monotonic() - started:.1f} s", flush=True)
    return outcome


def run(check):
    with common.scratch() as folder:
        data = folder / "data"
        data.mkdir()
        projects = timed(prepare, data)
        with readers.all_readers(folder) as found:
            profiles = timed(check_tables, check, data, projects, found)
            timed(check_ddl, check, data, projects, profiles, found["Spark"], folder)
            timed(check_examples, check, data, projects[-1], found["Spark"], profiles)
            timed(check_moving, check, folder, found)
        timed(check_bigquery, check, data, projects)
        timed(check_checkpoint, check, data, projects[0])
        timed(check_bucket, check, folder)
        timed(check_after_import, check, folder)


if __name__ == "__main__":
    common.main("readers", run)
