#!/usr/bin/env python3
"""Agreement of one table of ratings, from the Parquet file on disk to the figure, by Assay and by Python, in turn.

    benches/agreement.py FILE.parquet [ROUNDS]      columns item, annotator, label; default 3 rounds

Each figure is made by a process of its own, interpreter, imports and all: wall and CPU seconds and peak memory, the best of the rounds. The Python
ways are the fastest known with each library: label counts per item by numpy, as krippendorff takes them. Needs pandas, pyarrow, krippendorff and
scikit-learn in the Python that runs it; the binary is found as in bench.py.
"""

import json
import os
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import bench

RESAMPLES = 1000


def counts(file):
    """Label counts per item."""
    import numpy
    import pandas

    table = pandas.read_parquet(file)
    items, labels = pandas.factorize(table["item"])[0], pandas.factorize(table["label"], sort=True)[0]
    n, q = items.max() + 1, labels.max() + 1
    return numpy.bincount(items * q + labels, minlength=n * q).reshape(n, q)


def krippendorff_alpha(file):
    import krippendorff

    return float(krippendorff.alpha(value_counts=counts(file), level_of_measurement="nominal"))


def numpy_alpha(file):
    table = counts(file).astype(float)
    n = table.sum(1)
    table, n = table[n > 1], n[n > 1]
    of_labels = table.sum(0)
    total = of_labels.sum()
    observed = ((n * n - (table * table).sum(1)) / (n - 1)).sum()
    return float(1 - observed * (total - 1) / (total * total - (of_labels * of_labels).sum()))


def numpy_fleiss(file):
    table = counts(file).astype(float)
    n = table.sum(1)
    shares = (table / n[:, None]).mean(0)
    paired = n > 1
    agreement = ((table * (table - 1)).sum(1)[paired] / (n * (n - 1))[paired]).mean()
    return float((agreement - (shares**2).sum()) / (1 - (shares**2).sum()))


def numpy_alpha_resampled(file):
    import numpy

    table = counts(file).astype(float)
    n = table.sum(1)
    table, n = table[n > 1], n[n > 1]
    disagreement = (n * n - (table * table).sum(1)) / (n - 1)
    generator, found = numpy.random.default_rng(1), []
    for _ in range(RESAMPLES):
        times = numpy.bincount(generator.integers(0, len(table), len(table)), minlength=len(table))
        of_labels = times @ table
        total = of_labels.sum()
        found.append(1 - (times @ disagreement) * (total - 1) / (total * total - (of_labels * of_labels).sum()))
    return [float(end) for end in numpy.percentile(found, [2.5, 97.5])]


def sklearn_pairs(file):
    """As many pairs as fit into 20 s of CPU; the rest is extrapolated."""
    import itertools
    import warnings

    import numpy
    import pandas
    from sklearn.metrics import cohen_kappa_score

    warnings.filterwarnings("ignore")
    table = pandas.read_parquet(file).sort_values(["annotator", "item"])
    raters = [(part["item"].to_numpy(), part["label"].to_numpy()) for _, part in table.groupby("annotator")]
    started, done = time.process_time(), 0
    for (a, x), (b, y) in itertools.combinations(raters, 2):
        _, mine, theirs = numpy.intersect1d(a, b, assume_unique=True, return_indices=True)
        if len(mine):
            cohen_kappa_score(x[mine], y[theirs])
        done += 1
        if time.process_time() - started > 20:
            break
    pairs = len(raters) * (len(raters) - 1) // 2
    return f"{done} of {pairs} pairs; all would take {(time.process_time() - started) * pairs / done:.0f} CPU s"


PYTHON = {f.__name__: f for f in (krippendorff_alpha, numpy_alpha, numpy_fleiss, numpy_alpha_resampled, sklearn_pairs)}
ASSAY = {
    "alpha": ["--measures", "krippendorff_alpha", "--interval", "none"],
    "alpha with its interval": ["--measures", "krippendorff_alpha"],
    "Fleiss' kappa": ["--measures", "fleiss_kappa", "--interval", "none"],
    "the usual coefficients": [],
    f"six coefficients, {RESAMPLES} resamples": [
        "--measures", "percent_agreement,pooled_percent_agreement,krippendorff_alpha,fleiss_kappa,gwet_ac1,brennan_prediger",
        "--interval", "bootstrap", "--resamples", str(RESAMPLES),
    ],
    "kappas of all pairs": ["--measures", "cohen_kappa", "--by", "pair", "--interval", "none", "--format", "csv"],
}


def measure(arguments):
    started = time.monotonic()
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE)
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(arguments)} ended with {process.returncode}")
    return time.monotonic() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, out


def main():
    if len(sys.argv) == 4 and sys.argv[1] == "--python":
        print(json.dumps(PYTHON[sys.argv[2]](sys.argv[3])))
        return
    file, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3
    commands = {f"Assay: {name}": [str(bench.BINARY), "agreement", file, *(["--format", "json"] if "--format" not in more else []), *more] for name, more in ASSAY.items()}
    commands |= {f"Python: {name}": [sys.executable, __file__, "--python", name, file] for name in PYTHON}
    best = {}
    for _ in range(rounds):
        for name, command in commands.items():
            run = measure(command)
            best[name] = min(best.get(name, run), run)
    print("| what | wall s | CPU s | peak MB | said |\n| --- | --- | --- | --- | --- |")
    for name, (wall, cpu, peak, out) in best.items():
        said = out.decode().strip() if name.startswith("Python") else ""
        print(f"| {name} | {wall:.2f} | {cpu:.2f} | {peak:.0f} | {said} |")


if __name__ == "__main__":
    main()
