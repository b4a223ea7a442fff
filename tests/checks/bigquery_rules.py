"""BigQuery's documented rules for external tables over Parquet with hive partitions, each with the check that holds us to it.

BigQuery itself cannot be asked here. The rules are those of its pages "Use externally partitioned data", "Loading Parquet data",
"CREATE EXTERNAL TABLE statement" and "External table options".
"""

import pathlib
import re

import pyarrow.parquet

MAX_PARTITION_KEYS = 10
MAX_ROW_BYTES = 50 << 20
COLUMN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,299}")
RESERVED_PREFIXES = ("_TABLE_", "_FILE_", "_PARTITION", "_ROW_TIMESTAMP", "__ROOT__", "_COLIDENTIFIER")
# (physical type, logical type) that BigQuery turns into a type of its own.
KNOWN = {
    ("BOOLEAN", "None"),
    ("INT64", "None"),
    ("INT64", "Timestamp(isAdjustedToUTC=true, timeUnit=microseconds, is_from_converted_type=false, force_set_converted_type=false)"),
    ("FLOAT", "None"),
    ("DOUBLE", "None"),
    ("BYTE_ARRAY", "None"),
    ("BYTE_ARRAY", "String"),
}
CODECS = {"UNCOMPRESSED", "SNAPPY", "GZIP", "LZ4_RAW", "ZSTD"}


def rules(manifest, root):
    """Yields (rule, faults) for a publication that lies at `root`."""
    root = pathlib.Path(root)
    for table in manifest["tables"]:
        yield from layout(manifest, table, root)
        yield from file_list(manifest, table, root)
        yield from files(table, root)


def layout(manifest, table, root):
    paths = [file["path"] for file in table["files"]]
    keys = [[part.split("=")[0] for part in pathlib.PurePath(path).parts if "=" in part] for path in paths]
    yield "partition keys are folders key=value", [path for path in paths if not re.fullmatch(rf"{table['name']}/snapshot=\d+/[^/=]+", path)]
    yield "the same keys in the same order in every path", [key for key in keys if key != ["snapshot"]]
    yield f"at most {MAX_PARTITION_KEYS} partition keys", [key for key in keys if len(key) > MAX_PARTITION_KEYS]
    yield "values of an INT64 key are plain integers", [path for path in paths if re.search(r"=0\d", path)]
    yield "the prefix ends where the keys begin", [path for path in paths if not path.startswith(f"{table['name']}/snapshot=")]
    names = [column["name"] for column in table["columns"]]
    yield "no column of the files is called like a partition key", [name for name in names if name.lower() == "snapshot"]
    yield "column names are letters, digits and underscores", [name for name in names if not COLUMN_NAME.fullmatch(name)]
    yield "column names differ in more than their case", [name for name in names if sum(name.lower() == one.lower() for one in names) > 1]
    yield "no reserved prefix", [name for name in names if name.upper().startswith(RESERVED_PREFIXES)]
    nested = [name for column in table["columns"] for name in field_names(column["type"])]
    yield "names of nested fields are letters, digits and underscores", [name for name in nested if not COLUMN_NAME.fullmatch(name)]
    yield "no array of arrays", [column["name"] for column in table["columns"] if array_of_arrays(column["type"])]


def field_names(declared):
    if not isinstance(declared, dict):
        return []
    [(kind, inner)] = declared.items()
    if kind == "struct":
        return [field["name"] for field in inner] + [name for field in inner for name in field_names(field["type"])]
    return field_names(inner)


def array_of_arrays(declared):
    if not isinstance(declared, dict):
        return False
    [(kind, inner)] = declared.items()
    if kind == "struct":
        return any(array_of_arrays(field["type"]) for field in inner)
    return (kind == "list" and isinstance(inner, dict) and "list" in inner) or array_of_arrays(inner)


def file_list(manifest, table, root):
    text = (root / table["list"]).read_text()
    lines = text.splitlines()
    yield "the list has one address a line, each ended", [] if text.endswith("\n") and all(lines) else [text[-80:]]
    yield "the list names exactly the files", sorted(set(lines) ^ {f"{manifest['url']}/{file['path']}" for file in table["files"]})
    yield "the list has no wildcards", [line for line in lines if re.search(r"[*?\[\]]", line)]
    yield "listed files lie in the list's bucket", [line for line in lines if not line.startswith(f"{manifest['url']}/")]
    yield "a list names at least one file", [] if lines else [table["list"]]


def files(table, root):
    schemas, faults = [], {rule: [] for rule in ("types", "lists", "maps", "codec", "rows")}
    for file in table["files"]:
        parquet = pyarrow.parquet.ParquetFile(root / file["path"])
        # The first line is the object's address.
        schemas.append(str(parquet.schema).split("\n", 1)[1])
        for at in range(len(parquet.schema)):
            column = parquet.schema.column(at)
            if (column.physical_type, str(column.logical_type)) not in KNOWN:
                faults["types"].append(f"{column.path}: {column.physical_type} {column.logical_type}")
            parts = column.path.split(".")
            if "list" in parts and "element" not in parts:
                faults["lists"].append(column.path)
            if ("key" in parts or "value" in parts) and len(parts) > 1 and "key_value" not in parts:
                faults["maps"].append(column.path)
            if parquet.metadata.num_row_groups and parquet.metadata.row_group(0).column(at).compression not in CODECS:
                faults["codec"].append(parquet.metadata.row_group(0).column(at).compression)
        if any(len(str(row)) > MAX_ROW_BYTES for batch in parquet.iter_batches(64) for row in batch.to_pylist()):
            faults["rows"].append(file["path"])
    yield "all files of a table have one schema, in one order of columns", schemas[1:] if len(set(schemas)) > 1 else []
    yield "every type is one that BigQuery converts; no INT96, unsigned or nanosecond types", faults["types"]
    yield "lists are list.element, as the Parquet standard has it", faults["lists"]
    yield "maps are key_value.key and key_value.value", faults["maps"]
    yield "the compression is one that BigQuery reads", faults["codec"]
    yield "rows have 50 MB at most", faults["rows"]
