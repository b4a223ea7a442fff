"""The readers that published tables must agree in: each gives rows and schema of a table in one common form.

Rows are compared to the last bit: floating-point numbers as their bits, times as microseconds since 1970, binary as hexadecimal digits.
A schema is a list of (column, type) with the manifest's names of types.
"""

import contextlib
import datetime
import hashlib
import json
import math
import os
import pathlib
import struct
import time

import deltalake
import duckdb
import pandas
import polars
import pyarrow
import pyarrow.parquet

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
SIMPLE = ("string", "boolean", "int64", "float32", "float64", "timestamp", "binary")


def type_text(declared):
    """A type of the manifest as text."""
    if isinstance(declared, str):
        return declared
    [(kind, inner)] = declared.items()
    if kind == "list":
        return f"list<{type_text(inner)}>"
    if kind == "map":
        return f"map<string, {type_text(inner)}>"
    return "struct<" + ", ".join(f"{field['name']}: {type_text(field['type'])}" for field in inner) + ">"


def schema_of(table):
    return [(column["name"], type_text(column["type"])) for column in table["columns"]]


def canonical(value, declared):
    """A value of a reader in the form in which all must agree."""
    if value is None or value is pandas.NA or value is pandas.NaT:
        return None
    if isinstance(declared, dict):
        [(kind, inner)] = declared.items()
        if kind == "list":
            return [canonical(element, inner) for element in value]
        if kind == "map":
            pairs = value.items() if isinstance(value, dict) else value
            return sorted([key, canonical(one, inner)] for key, one in pairs)
        return {field["name"]: canonical(value[field["name"]], field["type"]) for field in inner}
    if declared == "timestamp":
        # A reader without zones gives UTC: the checks run with TZ=UTC.
        moment = value.to_pydatetime() if isinstance(value, pandas.Timestamp) else value
        moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)
        return (moment - EPOCH) // datetime.timedelta(microseconds=1)
    if declared == "binary":
        return bytes(value).hex()
    if declared in ("float32", "float64"):
        return struct.pack(">d", value).hex()
    return {"string": str, "boolean": bool, "int64": int}[declared](value)


class Profile:
    """What a reader found in a table."""

    def __init__(self, table, schema, records):
        self.schema = schema
        types = {column["name"]: column["type"] for column in table["columns"]}
        self.records = [{name: canonical(record[name], types[name]) for name in types} for record in records]
        self.rows = len(self.records)
        texts = sorted(json.dumps(record, sort_keys=True) for record in self.records)
        self.content = hashlib.sha256("\n".join(texts).encode()).hexdigest()
        # Hashes are compared as every value is; adding them up says nothing.
        self.sums = {name: self.total(name, kind) for name, kind in types.items() if name != "content_hash" and kind in ("int64", "float32", "float64", "boolean")}
        ids = [name for name in types if name.endswith("_id")]
        self.distinct = {name: len({record[name] for record in self.records}) for name in ids}

    def total(self, name, kind):
        values = [record[name] for record in self.records if record[name] is not None]
        if kind.startswith("float"):
            return math.fsum(struct.unpack(">d", bytes.fromhex(value))[0] for value in values)
        return sum(values)


def arrow_type(found):
    simple = {
        pyarrow.string(): "string",
        pyarrow.large_string(): "string",
        pyarrow.bool_(): "boolean",
        pyarrow.int64(): "int64",
        pyarrow.float32(): "float32",
        pyarrow.float64(): "float64",
        pyarrow.timestamp("us", "UTC"): "timestamp",
        pyarrow.binary(): "binary",
        pyarrow.large_binary(): "binary",
    }
    if found in simple:
        return simple[found]
    if pyarrow.types.is_map(found):
        return f"map<{arrow_type(found.key_type)}, {arrow_type(found.item_type)}>"
    if pyarrow.types.is_list(found) or pyarrow.types.is_large_list(found):
        return f"list<{arrow_type(found.value_type)}>"
    if pyarrow.types.is_struct(found):
        return "struct<" + ", ".join(f"{field.name}: {arrow_type(field.type)}" for field in found) + ">"
    return str(found)


def polars_type(found):
    simple = {
        polars.String: "string",
        polars.Boolean: "boolean",
        polars.Int64: "int64",
        polars.Float32: "float32",
        polars.Float64: "float64",
        polars.Binary: "binary",
    }
    if found == polars.Datetime("us", "UTC"):
        return "timestamp"
    if isinstance(found, polars.Struct):
        return "struct<" + ", ".join(f"{field.name}: {polars_type(field.dtype)}" for field in found.fields) + ">"
    if isinstance(found, polars.List):
        return f"list<{polars_type(found.inner)}>"
    if type(found).__name__ == "Map":
        return f"map<{polars_type(found.key)}, {polars_type(found.value)}>"
    return next((name for kind, name in simple.items() if found == kind), str(found))


def duckdb_type(found):
    simple = {
        "VARCHAR": "string",
        "BOOLEAN": "boolean",
        "BIGINT": "int64",
        "FLOAT": "float32",
        "DOUBLE": "float64",
        "TIMESTAMP WITH TIME ZONE": "timestamp",
        "BLOB": "binary",
    }
    if found.id == "list":
        return f"list<{duckdb_type(found.child)}>"
    if found.id == "map":
        [(_, key), (_, value)] = found.children
        return f"map<{duckdb_type(key)}, {duckdb_type(value)}>"
    if found.id == "struct":
        return "struct<" + ", ".join(f"{name}: {duckdb_type(child)}" for name, child in found.children) + ">"
    return simple.get(str(found), str(found))


def spark_type(found):
    name = type(found).__name__
    if name == "ArrayType":
        return f"list<{spark_type(found.elementType)}>"
    if name == "MapType":
        return f"map<{spark_type(found.keyType)}, {spark_type(found.valueType)}>"
    if name == "StructType":
        return "struct<" + ", ".join(f"{field.name}: {spark_type(field.dataType)}" for field in found.fields) + ">"
    simple = {
        "StringType": "string",
        "BooleanType": "boolean",
        "LongType": "int64",
        "FloatType": "float32",
        "DoubleType": "float64",
        "TimestampType": "timestamp",
        "BinaryType": "binary",
    }
    return simple.get(name, name)


def by_duckdb(root, table, connection=None, query=None):
    connection = connection or duckdb_connection()
    cursor = connection.execute(query or "SELECT * FROM read_parquet($1, hive_partitioning = false)", None if query else [f"{root}/{table['path']}/*.parquet"])
    schema = [(column[0], duckdb_type(column[1])) for column in cursor.description]
    names = [name for name, _ in schema]
    return Profile(table, schema, [dict(zip(names, row, strict=True)) for row in cursor.fetchall()])


def duckdb_connection(database=":memory:"):
    connection = duckdb.connect(database)
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def by_polars(root, table, **options):
    frame = polars.read_parquet(f"{root}/{table['path']}/*.parquet", hive_partitioning=False, **options)
    return Profile(table, [(name, polars_type(kind)) for name, kind in frame.schema.items()], frame.to_dicts())


def by_pandas(root, table):
    """Types of Arrow: with those of NumPy, pandas turns missing integers into floating-point numbers."""
    frame = pandas.read_parquet(f"{root}/{table['path']}", dtype_backend="pyarrow")
    schema = [(name, arrow_type(pyarrow.string() if kind == "string" else kind.pyarrow_dtype)) for name, kind in frame.dtypes.items()]
    return Profile(table, schema, frame.to_dict("records"))


def by_pyarrow(root, table):
    found = pyarrow.parquet.read_table([f"{root}/{file['path']}" for file in table["files"]], partitioning=None)
    return Profile(table, [(field.name, arrow_type(field.type)) for field in found.schema], found.to_pylist())


def by_deltalake(root, table, **options):
    """Delta makes a column of the folder's name: it must hold the snapshot's number."""
    found = deltalake.DeltaTable(f"{root}/{table['name']}", **options).to_pyarrow_table()
    numbers = set(found["snapshot"].to_pylist())
    if numbers - {int(table["path"].rsplit("=", 1)[1])}:
        raise AssertionError(f"rows of {table['path']} say they are of snapshots {numbers}")
    found = found.drop_columns(["snapshot"])
    return Profile(table, [(field.name, arrow_type(field.type)) for field in found.schema], found.to_pylist())


class Spark:
    """One session: it takes seconds to start."""

    def __init__(self, folder):
        from pyspark.sql import SparkSession

        settings = {
            "spark.ui.enabled": "false",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.shuffle.partitions": "2",
            "spark.sql.warehouse.dir": str(folder / "warehouse"),
            "spark.local.dir": str(folder / "spark"),
            "spark.driver.extraJavaOptions": f"-Dderby.system.home={folder / 'derby'}",
            "spark.driver.memory": "1g",
            "spark.log.level": "ERROR",
            "spark.ui.showConsoleProgress": "false",
        }
        builder = SparkSession.builder.master("local[2]").appName("check")
        for name, value in settings.items():
            builder = builder.config(name, value)
        self.session = builder.getOrCreate()

    def __call__(self, root, table):
        return self.profile(table, self.session.read.parquet(f"{root}/{table['path']}"))

    def of_table(self, table, name):
        return self.profile(table, self.session.table(name))

    def profile(self, table, frame):
        schema = [(field.name, spark_type(field.dataType)) for field in frame.schema.fields]
        return Profile(table, schema, [row.asDict(recursive=True) for row in frame.collect()])

    def stop(self):
        self.session.stop()


@contextlib.contextmanager
def all_readers(folder):
    """By name. Times without a zone are UTC while they are in use."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    spark = Spark(pathlib.Path(folder))
    try:
        yield {
            "Spark": spark,
            "DuckDB": by_duckdb,
            "Polars": by_polars,
            "pandas": by_pandas,
            "pyarrow": by_pyarrow,
            "deltalake": by_deltalake,
        }
    finally:
        spark.stop()
