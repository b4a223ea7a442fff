#!/usr/bin/env python3
"""The same Label Studio export to Parquet by Assay, Python json + pandas, Polars and DuckDB, in one run.

    benches/landing.py [MB] [ROUNDS]      default 200 MB, 1 round; the programs take turns in each round

Each program runs as a process of its own: wall and CPU seconds, peak memory, bytes of Parquet. All write three tables (items, annotations,
one row per result) with zstd, and keep what has no column as JSON text. Assay's are typed (geometry, times, labels in columns), sorted,
checked (ids, references, rejects), checksummed, synced to disk and committed as a snapshot; the others' are not.

Needs duckdb, polars, pandas and pyarrow in the Python that runs it; the binary is found as in bench.py.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import bench

ANNOTATION = (
    "id", "completed_by", "created_at", "updated_at", "lead_time", "was_cancelled", "ground_truth", "parent_prediction", "result_count",
)
PEERS = ("pandas", "polars", "duckdb")


def with_pandas(export, out):
    import pandas

    tasks = json.loads(pathlib.Path(export).read_bytes())
    items, annotations, results = [], [], []
    for task in tasks:
        items.append({
            "id": task["id"], "data": json.dumps(task["data"]), "meta": json.dumps(task["meta"]),
            "created_at": task["created_at"], "updated_at": task["updated_at"],
        })
        for kind in ("annotations", "predictions", "drafts"):
            for entry in task[kind]:
                annotations.append({"kind": kind, "task": task["id"], **{name: entry.get(name) for name in ANNOTATION}})
                annotations[-1]["completed_by"] = str(entry.get("completed_by"))
                for index, result in enumerate(entry["result"] or []):
                    results.append({
                        "task": task["id"], "annotation": entry["id"], "index": index, "from_name": result.get("from_name"),
                        "to_name": result.get("to_name"), "type": result.get("type"), "value": json.dumps(result.get("value")),
                    })
    del tasks
    for name, rows in (("items", items), ("annotations", annotations), ("results", results)):
        frame = pandas.DataFrame(rows)
        for column in ("created_at", "updated_at"):
            if column in frame:
                frame[column] = pandas.to_datetime(frame[column], format="ISO8601")
        frame.to_parquet(f"{out}/{name}.parquet", compression="zstd", compression_level=1)


def with_polars(export, out):
    import polars as pl

    # Inferred types fail where a field holds a text in one value and a list in another, as `text` does: it is left out here.
    texts = {name: pl.String for name in ("created_at", "updated_at")}
    value = pl.Struct({
        "choices": pl.List(pl.String), "labels": pl.List(pl.String), "rectanglelabels": pl.List(pl.String), "selected": pl.String,
        **{name: pl.Float64 for name in ("rating", "number", "start", "end", "x", "y", "width", "height", "rotation")},
    })
    result = pl.Struct({"from_name": pl.String, "to_name": pl.String, "type": pl.String, "value": value})
    author = pl.Struct({"id": pl.Int64, "email": pl.String})
    entry = pl.Struct({
        "id": pl.Int64, "completed_by": author, **texts, "lead_time": pl.Float64, "was_cancelled": pl.Boolean, "ground_truth": pl.Boolean,
        "parent_prediction": pl.Int64, "result_count": pl.Int64, "result": pl.List(result),
    })
    data = pl.Struct({name: pl.String for name in ("text", "question", "answer", "prompt", "image", "language", "locale", "channel")})
    lists = {name: pl.List(entry) for name in ("annotations", "predictions", "drafts")}
    tasks = pl.read_json(export, schema={"id": pl.Int64, "data": data, **texts, **lists})
    times = [pl.col(name).str.to_datetime(time_zone="UTC") for name in ("created_at", "updated_at")]
    tasks.select("id", pl.col("data").struct.json_encode(), *times).write_parquet(f"{out}/items.parquet", compression="zstd", compression_level=1)
    kinds = [
        tasks.select(pl.col("id").alias("task"), pl.lit(kind).alias("kind"), pl.col(kind).alias("entry"))
        .explode("entry").drop_nulls("entry").unnest("entry")
        for kind in ("annotations", "predictions", "drafts")
    ]
    annotations = pl.concat(kinds)
    annotations.drop("result").with_columns(times).write_parquet(
        f"{out}/annotations.parquet", compression="zstd", compression_level=1
    )
    annotations.select("task", pl.col("id").alias("annotation"), "result").explode("result").drop_nulls("result").unnest(
        "result"
    ).with_columns(pl.col("value").struct.json_encode()).write_parquet(f"{out}/results.parquet", compression="zstd", compression_level=1)


def with_duckdb(export, out):
    import duckdb

    db = duckdb.connect(f"{out}/work.duckdb")
    db.execute("SET preserve_insertion_order = false")
    entry = (
        "STRUCT(id BIGINT, completed_by JSON, created_at TIMESTAMPTZ, updated_at TIMESTAMPTZ, lead_time DOUBLE, was_cancelled BOOLEAN, "
        "ground_truth BOOLEAN, parent_prediction BIGINT, result_count BIGINT, "
        "result STRUCT(from_name VARCHAR, to_name VARCHAR, type VARCHAR, value JSON)[])[]"
    )
    columns = (
        "{id: 'BIGINT', data: 'JSON', meta: 'JSON', created_at: 'TIMESTAMPTZ', updated_at: 'TIMESTAMPTZ', "
        f"annotations: '{entry}', predictions: '{entry}', drafts: '{entry}'}}"
    )
    db.execute(
        f"CREATE TABLE tasks AS SELECT * FROM read_json('{export}', format='array', columns={columns}, maximum_object_size=268435456)"
    )
    parquet = "(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
    db.execute(f"COPY (SELECT id, data, meta, created_at, updated_at FROM tasks) TO '{out}/items.parquet' {parquet}")
    entries = " UNION ALL ".join(
        f"SELECT id AS task, '{kind}' AS kind, unnest({kind}) AS entry FROM tasks" for kind in ("annotations", "predictions", "drafts")
    )
    names = ", ".join(f"entry.{name}" for name in ANNOTATION)
    db.execute(f"COPY (SELECT task, kind, {names} FROM ({entries})) TO '{out}/annotations.parquet' {parquet}")
    db.execute(
        f"COPY (SELECT task, annotation, unnest(result, recursive := true) FROM (SELECT task, entry.id AS annotation, "
        f"unnest(entry.result) AS result FROM ({entries}))) TO '{out}/results.parquet' {parquet}"
    )


def parquet_bytes(folder):
    return sum(path.stat().st_size for path in pathlib.Path(folder).rglob("*.parquet"))


def rows_of(folder):
    import pyarrow.parquet

    return {path.stem: pyarrow.parquet.read_metadata(path).num_rows for path in pathlib.Path(folder).glob("*.parquet")}


def compare(what, rounds):
    """`what` is a number of megabytes to generate, or the name of an export."""
    with tempfile.TemporaryDirectory(prefix="assay-landing-", dir=os.environ.get("TMPDIR")) as folder:
        export = what
        if not os.path.exists(export):
            export = f"{folder}/export.json"
            bench.generate(export, int(what))
        size = os.path.getsize(export) / 1e6
        print(f"{size:.0f} MB of JSON; {os.cpu_count()} cores")
        print(f"{'':<8} {'wall s':>8} {'MB/s':>7} {'CPU s':>8} {'peak MB':>8} {'Parquet MB':>10}")
        for _ in range(rounds):
            for name in ("assay", *PEERS):
                out = f"{folder}/{name}"
                os.makedirs(out)
                subprocess.run(["cat", export], stdout=subprocess.DEVNULL, check=True)
                command = [bench.BINARY, "import", export, "--project", "bench", "--data", out, "--format", "json"]
                if name != "assay":
                    command = [sys.executable, __file__, "peer", name, export, out]
                try:
                    wall, cpu, peak, output = bench.measure(command)
                except SystemExit as failed:
                    print(f"{name:<8} did not finish: {failed}")
                else:
                    stored = parquet_bytes(out) / 1e6
                    if name == "assay":
                        summary = json.loads(output)
                        rows = {"items": summary["items"]["new"], "results": summary["results"]}
                    else:
                        rows = rows_of(out)
                    print(f"{name:<8} {wall:8.1f} {size / wall:7.0f} {cpu:8.1f} {peak:8.0f} {stored:10.1f}   {rows}", flush=True)
                shutil.rmtree(out)


def main(arguments):
    match arguments:
        case ["peer", name, export, out]:
            {"pandas": with_pandas, "polars": with_polars, "duckdb": with_duckdb}[name](export, out)
        case []:
            compare("200", 1)
        case [what]:
            compare(what, 1)
        case [what, rounds]:
            compare(what, int(rounds))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
