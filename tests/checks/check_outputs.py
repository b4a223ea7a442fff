#!/usr/bin/env python3
"""Reports in storage say what the report says: Parquet read by DuckDB, pandas and pyarrow, against the JSON, to the last bit."""

import json
import math
import struct

import duckdb
import pandas
import pyarrow.parquet

import common

SCOPE = ("control", "label", "annotator", "other")
FIGURES = ("value", "ci_low", "ci_high")
COUNTS = ("n_items", "n_ratings", "n_raters")
TEXTS = ("method", "undefined_reason")


def bits(value):
    """A number as its bits, so that equal means equal to the last one. Missing is None in every reader."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    return struct.pack(">d", value).hex() if isinstance(value, float) else value


def text(value):
    return value if isinstance(value, str) else None


def measure_of_json(measure):
    scope = measure["scope"]
    return (
        measure["measure"],
        scope["by"],
        *(scope.get(name) for name in SCOPE),
        scope.get("column"),
        scope.get("value"),
        *(bits(None if measure[name] is None else float(measure[name])) for name in FIGURES),
        *(measure[name] for name in COUNTS),
        *(measure[name] for name in TEXTS),
        json.dumps(measure["options"], sort_keys=True),
    )


def measure_of_row(row):
    return (
        row["measure"],
        row["by"],
        *(text(row[name]) for name in SCOPE),
        text(row["column"]),
        text(row["column_value"]),
        *(bits(row[name]) for name in FIGURES),
        *(int(row[name]) for name in COUNTS),
        *(text(row[name]) for name in TEXTS),
        json.dumps(json.loads(row["options"]), sort_keys=True),
    )


def read_duckdb(path):
    cursor = duckdb.connect().execute("SELECT * FROM read_parquet(?, hive_partitioning = false)", [str(path)])
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def read_pandas(path):
    return pandas.read_parquet(path).astype(object).to_dict("records")


def read_pyarrow(path):
    return pyarrow.parquet.ParquetFile(path).read().to_pylist()


READERS = {"DuckDB": read_duckdb, "pandas": read_pandas, "pyarrow": read_pyarrow}


def report_folder(data, project_id, snapshot):
    folders = list(common.Lake(data).project_folder(project_id).glob(f"_reports/{snapshot}/agreement-*"))
    if len(folders) != 1:
        raise common.Failed(f"expected one folder _reports/{snapshot}/agreement-*, found {[folder.name for folder in folders]}")
    return folders[0]


def check_measures(check, what, report, path):
    expected = [measure_of_json(measure) for measure in report["measures"]]
    check.true(f"{what}: the report has measures", len(expected) > 0)
    for reader, read in READERS.items():
        rows = [measure_of_row(row) for row in read(path)]
        check.equal(f"{what}: number of measures by {reader}", len(rows), len(expected))
        different = [(a, b) for a, b in zip(rows, expected, strict=False) if a != b]
        check.true(f"{what}: measures by {reader}", not different, f"{len(different)} differ, e.g. {different[:1]}")


def check_disagreements(check, what, path, report):
    """Every reader gives the same rows, and they agree with the report where it speaks of the same: which annotators, which controls."""
    rows = {reader: [comparable(row) for row in read(path)] for reader, read in READERS.items()}
    for reader in ("pandas", "pyarrow"):
        check.equal(f"{what}: disagreements by {reader} and DuckDB", rows[reader], rows["DuckDB"])
    table = read_duckdb(path)
    check.true(f"{what}: there are disagreements", len(table) > 0)
    check.true(f"{what}: scores lie in (0, 1]", all(0 < row["score"] <= 1 for row in table))
    controls = {control["control"] for control in report["data"]["controls"] if control["reported"]}
    check.true(f"{what}: only reported controls", {row["control"] for row in table} <= controls)
    return table


def comparable(row):
    return {name: bits(value) if isinstance(value, float) else str(value) for name, value in row.items() if name in ("item_id", "control", "score", "n_ratings")}


def check_against_api(check, what, rows, data, project):
    """The table and the API list the same disagreements."""
    import http.client
    import re

    log = data.parent / "serve.log"
    server = common.Server(["serve", "--listen", "127.0.0.1:0", "--data", data], re.compile(r"(127\.0\.0\.1:[1-9]\d*)"), log)
    try:
        listed, cursor = [], ""
        while True:
            connection = http.client.HTTPConnection(server.found, timeout=60)
            connection.request("GET", f"/v1/projects/{project}/disagreements?limit=7" + (f"&cursor={cursor}" if cursor else ""))
            response = connection.getresponse()
            body = response.read()
            if response.status != 200:
                raise common.Failed(f"{what}: disagreements answered {response.status}: {body[:300]!r}")
            page = json.loads(body)
            check.true(f"{what}: a page holds as many as asked for", len(page["items"]) == 7 or not page["next_cursor"], str(len(page["items"])))
            listed += page["items"]
            cursor = page["next_cursor"]
            if not cursor:
                break
    finally:
        code = server.stop()
    check.equal(f"{what}: the server ends well on SIGTERM", code, 0)
    key = lambda row: (row["item_id"], row["control"], bits(float(row["score"])), row["n_ratings"])  # noqa: E731
    check.equal(f"{what}: disagreements of the API and in storage", sorted(map(key, listed)), sorted(map(key, rows)))


def run(check):
    with common.scratch() as folder:
        for export in sorted(common.DEMO.glob("*.json")):
            what, data = export.stem, folder / export.stem / "data"
            data.mkdir(parents=True)
            summary = common.import_files(data, export.stem, export, config=export.with_suffix(".xml"))
            report = common.agreement(data, export.stem)
            if not report["measures"]:
                check.true(f"{what}: says why there are no figures", all(c["why_not"] for c in report["data"]["controls"]))
                continue
            stored = report_folder(data, summary["project_id"], summary["snapshot"])
            check_measures(check, what, report, stored / "measures.parquet")
            rows = check_disagreements(check, what, stored / "disagreements.parquet", report)
            check.equal(f"{what}: asked again, the report is the same", common.agreement(data, export.stem), report)
            check_against_api(check, what, rows, data, export.stem)
            print(f"{what}: {len(report['measures'])} measures, {len(rows)} disagreements", flush=True)


if __name__ == "__main__":
    common.main("outputs", run)
