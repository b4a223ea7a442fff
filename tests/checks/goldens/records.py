"""The records of a folder of goldens: what a reference library said about a data set, and every convention that changes the number."""

import json
import math
from dataclasses import dataclass, field

# What every record has; whatever else it carries are further numbers to compare.
COMMON = {"dataset", "metric", "options", "peer", "peer_version", "value", "src", "citation", "reproduced_here", "error"}


@dataclass(frozen=True)
class Record:
    file: str
    line: int
    dataset: str
    metric: str
    peer: str
    options: dict = field(hash=False)
    value: object = field(hash=False)
    # The exception of a peer that raised one.
    error: str | None
    extras: dict = field(hash=False)

    def __str__(self):
        options = ", ".join(f"{key}={short(value)}" for key, value in self.options.items())
        return f"{self.file}:{self.line} {self.dataset} {self.metric} by {self.peer} ({options})"

    @property
    def undefined(self):
        """The peer raised an exception, or left the figure undefined."""
        return self.value is None


def short(value, limit=40):
    text = str(value)
    return text if len(text) <= limit else f"{text[:limit]}…"


def read(folder):
    """All records of `goldens/*.jsonl`, in order. A line that is no record is an error: it would be a figure silently skipped."""
    for path in sorted(folder.glob("goldens/*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if line.strip():
                yield record(path.name, number, json.loads(line))


def record(file, line, data):
    value, error = finite(data.get("value")), data.get("error")
    if isinstance(value, str) and value.startswith("ERROR"):
        value, error = None, value.removeprefix("ERROR").strip(": ")
    options = data.get("options")
    return Record(
        file,
        line,
        str(data["dataset"]),
        str(data["metric"]),
        str(data["peer"]),
        options if isinstance(options, dict) else {"options": options} if options else {},
        value,
        error,
        {key: finite(extra) for key, extra in data.items() if key not in COMMON and extra is not None},
    )


def finite(value):
    """NaN, which JSON writers of Python let pass, is a figure that the peer leaves undefined."""
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
