"""The data behind a record: a data set, the part of it that a name in brackets means, and a file that the binary reads.

A name is `folder` or `folder[token,…]`. A token is a value of one of the text columns (`human`), the end of the items' ids behind `__`, a column
that holds the labels (`V`), `not` and a yes-or-no column (`not na` of `na_flag`), or says that repeats count as raters of their own.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property

import pyarrow
import pyarrow.compute as compute
import pyarrow.parquet as parquet

# More distinct values than this in a column, and its values are not names of parts.
MOST_PARTS = 100


class NoData(Exception):
    """The folder does not hold what a record is about."""


class Folder:
    """The annotators' data sets of a folder of goldens; `scratch` takes the files that are made from them."""

    def __init__(self, folder, scratch):
        self.sets, self.scratch, self.parts = folder / "datasets" / "annotators", scratch, {}

    def part(self, name):
        if name not in self.parts:
            self.parts[name] = self.find(name)
        return self.parts[name]

    def find(self, name):
        folder, _, tokens = name.partition("[")
        path = self.sets / folder / f"{folder}.parquet"
        if not path.is_file():
            raise NoData("the folder has no such data set")
        table, column, repeats = parquet.read_table(path), None, False
        whole = table.num_rows
        if missing := {"item", "annotator"} - set(table.column_names):
            raise NoData(f"the data set has no column {' and '.join(sorted(missing))}")
        for token in filter(None, (token.strip() for token in tokens.rstrip("]").split(","))):
            if token.startswith("repeats as"):
                repeats = True
            elif token in table.column_names and token not in ("item", "annotator"):
                column = token
            else:
                table = table.filter(chosen(table, token))
        column = column or next((name for name in ("label", "value") if name in table.column_names), None)
        if column is None:
            raise NoData("the data set has no column label or value")
        untouched = table.num_rows == whole
        return Part(name, path if untouched else None, table.select(["item", "annotator", column]), column, repeats, self.scratch)


def chosen(table, token):
    """The rows of a part."""
    negated = re.fullmatch(r"not (\w+)", token)
    for name in table.column_names:
        column, kind = table[name], table.schema.field(name).type
        if negated and pyarrow.types.is_boolean(kind) and name.startswith(negated[1]):
            return compute.invert(column)
        if name not in ("item", "annotator", "label", "value") and pyarrow.types.is_string(kind):
            values = column.unique().to_pylist()
            if len(values) <= MOST_PARTS and token in values:
                return compute.equal(column, token)
    if pyarrow.types.is_string(table.schema.field("item").type):
        rows = compute.ends_with(table["item"], f"__{token}")
        if compute.any(rows).as_py():
            return rows
    raise NoData(f"no column, value or ending of an item's id is called {token!r}")


@dataclass
class Part:
    name: str
    # The file as it is, if the part is all of it.
    path: object
    table: pyarrow.Table
    column: str
    # Repeats by one annotator count as raters of their own.
    repeats: bool
    scratch: object

    @cached_property
    def ratings(self):
        """(item, annotator) -> label, of repeats the first, without missing labels."""
        found = {}
        rows = zip(*(self.table[name].to_pylist() for name in ("item", "annotator", self.column)), strict=True)
        for item, annotator, label in rows:
            if label is None or label != label:
                continue
            if self.repeats:
                annotator = next(name for name in (f"{annotator} #{n}" for n in range(1, 10**6)) if (item, name) not in found)
            found.setdefault((item, annotator), label)
        return found

    @cached_property
    def labels(self):
        return sorted(set(self.ratings.values()))

    @cached_property
    def annotators(self):
        return sorted({annotator for _, annotator in self.ratings})

    @cached_property
    def items(self):
        """item -> {annotator: label}"""
        found = {}
        for (item, annotator), label in self.ratings.items():
            found.setdefault(item, {})[annotator] = label
        return found

    @property
    def numeric(self):
        return not any(isinstance(label, str) for label in self.labels)

    @cached_property
    def complete_items(self):
        """The items that every annotator rated."""
        return {item for item, given in self.items.items() if len(given) == len(self.annotators)}

    @property
    def incomplete(self):
        return len(self.complete_items) < len(self.items)

    def numbers(self, domain=None):
        """label -> number, where a record treats text as numbers: the text is a number of the domain, or the label's rank stands for it."""
        if self.numeric:
            return None
        try:
            found = {label: int(label) if re.fullmatch(r"[+-]?\d+", label) else float(label) for label in self.labels}
            if domain is None or set(found.values()) <= set(domain):
                return found
        except ValueError:
            pass
        domain = sorted(domain) if domain else range(1, len(self.labels) + 1)
        if len(domain) != len(self.labels):
            raise NoData(f"the labels {', '.join(self.labels[:5])} cannot be told as numbers of {list(domain)}")
        return dict(zip(self.labels, domain, strict=True))

    def file(self, numbers=None, complete=False, drop_empty=False):
        """A file for the binary and the name of its label column: the data set's own one where it serves as it is."""
        complete, drop_empty = complete and self.incomplete, drop_empty and "" in self.labels
        if self.path and not (numbers or complete or drop_empty):
            return self.path, self.column
        form = hashlib.sha256(repr((self.name, numbers, complete, drop_empty)).encode()).hexdigest()[:16]
        path = self.scratch / f"{form}.parquet"
        if not path.exists():
            table = self.table
            if complete:
                wanted = [item in self.complete_items for item in table["item"].to_pylist()]
                table = table.filter(pyarrow.array(wanted))
            if drop_empty:
                table = table.filter(compute.not_equal(table[self.column], ""))
            labels = table[self.column]
            if numbers:
                labels = pyarrow.array([None if label is None else numbers[label] for label in labels.to_pylist()])
            parquet.write_table(pyarrow.table({"item": table["item"], "annotator": table["annotator"], "label": labels}), path)
        return path, "label"
