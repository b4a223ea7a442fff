"""Runs of `assay agreement`: one for all figures that the same data and the same options yield."""

import concurrent.futures
import csv
import io
import json
import re
import subprocess
import tempfile
from dataclasses import dataclass, field

import common

AT_ONCE = 2
SECONDS = 600


@dataclass(frozen=True)
class Options:
    """What one run is made with; equal options share a run."""

    file: str
    label: str
    level: str = "nominal"
    weights: str | None = None
    weights_by: str | None = None
    # All labels in order: where they are texts and weights go by it, and where a record names some that nobody used.
    categories: tuple = ()
    sets: str | None = None
    repeats: str = "first"
    interval: str = "analytic"
    resamples: int | None = None
    # Pairs of annotators with fewer common items take no part in means over pairs.
    min_shared: int | None = None

    def arguments(self):
        found = [self.file, "--item", "item", "--annotator", "annotator", "--label", self.label, "--level", self.level]
        named = {
            "weights": self.weights,
            "weights-by": self.weights_by,
            "categories": as_list(self.categories) or None,
            "sets": self.sets,
            "duplicates": self.repeats,
            "interval": self.interval,
            "resamples": self.resamples,
            "min-shared": self.min_shared,
            "bootstrap": "percentile" if self.interval == "bootstrap" else None,
        }
        for name, value in named.items():
            if value is not None:
                found += [f"--{name}", str(value)]
        return found


@dataclass
class Wanted:
    measures: set = field(default_factory=set)
    by: set = field(default_factory=set)


class Runs:
    """What is wanted of each run, and what it gave."""

    def __init__(self):
        self.wanted, self.given = {}, {}
        # Measures that the binary does not have.
        self.unknown = set()

    def want(self, options, measures, by=()):
        wanted = self.wanted.setdefault(options, Wanted())
        wanted.measures.update(measures)
        wanted.by.update(by)

    def command(self, options, measures):
        by = [word for name in sorted(self.wanted[options].by) for word in ("--by", name)]
        return ["agreement", *options.arguments(), "--measures", ",".join(sorted(measures)), *by, "--format", "json", "--threads", "1"]

    def run_all(self):
        """Two processes at once, each with one thread; the largest files first, so that none is left for last."""
        order = sorted(self.wanted, key=lambda options: -len(self.wanted[options].by))
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            for options, figures in zip(order, pool.map(self.run, order), strict=True):
                self.given[options] = figures

    def run(self, options):
        """The figures of one run. A measure that the binary does not have is left out, so that it does not take the others with it."""
        while measures := self.wanted[options].measures - self.unknown:
            command = self.command(options, measures)
            try:
                with tempfile.TemporaryDirectory(prefix="assay-goldens-") as folder:
                    done = common.assay(*command, timeout=SECONDS, cwd=folder)
                if done.returncode == 0:
                    return Figures(json.loads(done.stdout))
            except (subprocess.TimeoutExpired, ValueError, KeyError) as error:
                return Refused(f"assay {' '.join(command)}: {type(error).__name__}: {error}")
            unknown = re.search(r'there is no measure "(\w+)"', done.stderr)
            if not unknown or unknown[1] not in measures:
                return Refused(f"assay {' '.join(command)}: exit code {done.returncode}: {done.stderr.strip()}")
            self.unknown.add(unknown[1])
        return Figures({"measures": [], "data": {}})


@dataclass
class Refused:
    """A run that gave no figures."""

    why: str


class Figures:
    """The figures of one run, found by measure and scope."""

    def __init__(self, report):
        self.report, self.data = report, report["data"]
        self.found = {}
        for figure in report["measures"]:
            scope = figure["scope"]
            names = tuple(str(scope[name]) for name in ("label", "annotator", "other") if scope.get(name) is not None)
            self.found.setdefault((figure["measure"], scope["by"]), {})[names] = figure

    def whole(self, measure):
        """The figure of all ratings, or None."""
        return next(iter(self.found.get((measure, "overall"), {}).values()), None)

    def by(self, measure, scope):
        """names -> figure; names are labels, annotators or pairs of annotators."""
        return self.found.get((measure, scope), {})


def as_list(names):
    """Names with commas between them; one that holds a comma stands in quotation marks, as in CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(names)
    return text.getvalue()


def named(figures, *names):
    """The figure with these names. A record may write the label 1 as 1.0, as its peer computes with it."""
    return figures.get(tuple(map(str, names))) or figures.get(tuple(map(plain, names)))


def plain(name):
    try:
        number = float(name)
    except (TypeError, ValueError):
        return str(name)
    return str(int(number)) if number.is_integer() else repr(number)
