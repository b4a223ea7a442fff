"""Writes golden.csv: agreement figures of the reference libraries on the tables beside this file.

    pip install krippendorff irrCAC scikit-learn statsmodels numpy pandas scipy
    python peers.py > golden.csv

One row a figure: table, measure, scope, value, low, high (95 %; empty where undefined). Where no library has the interval, its standard error is the
infinitesimal jackknife by definition: the derivative of the library's value with respect to each item's weight, numerically.
"""
import csv
import itertools
import pathlib
import sys
import warnings

import krippendorff
import numpy as np
import pandas as pd
from irrCAC.raw import CAC
from scipy import stats
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import cohens_kappa

warnings.filterwarnings("ignore")


UNDEFINED = (None, None, None)


def defined(value, low=None, high=None):
    """A figure with None for what is undefined: a 0/0 value, an interval without spread or from one item."""
    if np.isnan(value):
        return UNDEFINED
    if low is None or np.isnan(low) or high - low < 1e-9:
        return float(value), None, None
    return float(value), float(low), min(1.0, float(high))


def t_interval(value, variance, n):
    if n < 2:
        return defined(value)
    half = stats.t.ppf(0.975, n - 1) * np.sqrt(variance)
    return defined(value, value - half, value + half)


def of_mean(values):
    values = np.asarray(values, dtype=float)
    if not len(values):
        return UNDEFINED
    variance = values.var(ddof=1) / len(values) if len(values) > 1 else 0.0
    return t_interval(values.mean(), variance, len(values))


def jackknifed(figure, n):
    """`figure(weights)` with its infinitesimal jackknife interval; derivatives by Richardson extrapolation."""

    def derivative(i):
        def slope(h):
            step = np.zeros(n)
            step[i] = h
            return (figure(1 + step) - figure(1 - step)) / (2 * h)

        a, b, c = slope(0.02), slope(0.01), slope(0.005)
        d, e = (4 * b - a) / 3, (4 * c - b) / 3
        return (16 * e - d) / 15

    if n < 2 or np.isnan(figure(np.ones(n))):
        return defined(figure(np.ones(n)))
    u = np.array([derivative(i) for i in range(n)])
    return t_interval(figure(np.ones(n)), n / (n - 1) * (u**2).sum(), n)


def shares(row):
    counts = row.value_counts()
    return (counts * (counts - 1)).sum() / (len(row) * (len(row) - 1))


def alpha(frame):
    codes = {label: code for code, label in enumerate(sorted(set(frame.stack())))}
    numbers = frame.apply(lambda column: column.map(codes)).to_numpy(dtype=float)
    return krippendorff.alpha(numbers.T, level_of_measurement="nominal")


def irrcac(frame, name):
    frame = frame.dropna(how="all")
    counted = frame[frame.count(axis=1) > 1] if name == "krippendorff" else frame
    if not (frame.count(axis=1) > 1).any() or counted.stack().nunique() < 2:
        return UNDEFINED
    if len(counted) < 2:
        # irrCAC divides by n - 1. Repeating the only item changes neither the agreement nor the label shares.
        twice = pd.concat([frame, frame])
        return defined(alpha(frame) if name == "krippendorff" else irrcac(twice, name)[0])
    estimate = getattr(CAC(frame, digits=15), name)()["est"]
    return defined(estimate["coefficient_value"], *estimate["confidence_interval"])


def kappa(first, second, weights):
    return cohen_kappa_score(first, second, sample_weight=weights)


def mean_cohen(frame):
    pairs = []
    for a, b in itertools.combinations(frame.columns, 2):
        both = np.flatnonzero(frame[a].notna() & frame[b].notna())
        if len(both) and not np.isnan(kappa(frame[a].iloc[both], frame[b].iloc[both], None)):
            pairs.append((frame[a].iloc[both], frame[b].iloc[both], both))
    if not pairs:
        return UNDEFINED
    used = np.unique(np.concatenate([both for _, _, both in pairs]))

    def figure(weights):
        spread = np.zeros(len(frame))
        spread[used] = weights
        return np.mean([kappa(x, y, spread[both]) for x, y, both in pairs])

    return jackknifed(figure, len(used))


def cohen(first, second):
    labels = sorted(set(first) | set(second))
    if len(labels) < 2:
        return UNDEFINED
    table = np.zeros((len(labels), len(labels)))
    np.add.at(table, (first.map(labels.index), second.map(labels.index)), 1)
    fit = cohens_kappa(table)
    return defined(fit.kappa, fit.kappa_low, fit.kappa_upp) if len(first) > 1 else defined(fit.kappa)


def pairs_of(frame):
    for a, b in itertools.combinations(frame.columns, 2):
        both = frame[[a, b]].dropna()
        if len(both):
            yield "pair_cohen_kappa", f"{a}|{b}", cohen(both[a], both[b])
            yield "pair_percent_agreement", f"{a}|{b}", of_mean(both[a] == both[b])


def rater_of(frame, rater):
    items = [row.dropna() for _, row in frame.iterrows() if pd.notna(row[rater]) and row.count() > 1]
    if not items:
        yield "rater_percent_agreement", rater, UNDEFINED
        yield "rater_kappa", rater, UNDEFINED
        return
    others = [row.drop(rater) for row in items]
    yield "rater_percent_agreement", rater, of_mean([(o == row[rater]).mean() for row, o in zip(items, others)])
    own = np.concatenate([[row[rater]] * len(o) for row, o in zip(items, others)])
    pooled = np.concatenate([o.to_numpy() for o in others])

    def figure(weights):
        return kappa(own, pooled, np.concatenate([[w / len(o)] * len(o) for w, o in zip(weights, others)]))

    yield "rater_kappa", rater, jackknifed(figure, len(items))


def label_of(pairable, label):
    binary = pairable.apply(lambda column: column.map(lambda x: np.nan if pd.isna(x) else float(x == label)))
    yield "label_krippendorff_alpha", label, irrcac(binary, "krippendorff")
    chosen = (pairable == label).sum(axis=1).to_numpy()
    size = pairable.count(axis=1).to_numpy()
    agreeing, possible = chosen * (chosen - 1), chosen * (size - 1)
    yield "specific_agreement", label, jackknifed(lambda w: (w * agreeing).sum() / (w * possible).sum(), len(size))


def figures(frame):
    pairable = frame[frame.count(axis=1) > 1]
    yield "percent_agreement", "", of_mean([shares(row.dropna()) for _, row in pairable.iterrows()])
    for measure, name in [("krippendorff_alpha", "krippendorff"), ("fleiss_kappa", "fleiss"), ("gwet_ac1", "gwet")]:
        yield measure, "", irrcac(frame, name)
    yield "mean_pairwise_cohen", "", mean_cohen(frame)
    yield from pairs_of(frame)
    for rater in frame.columns:
        yield from rater_of(frame, rater)
    for label in sorted(set(frame.stack())):
        if label in set(pairable.stack()):
            yield from label_of(pairable, label)
        else:
            yield "label_krippendorff_alpha", label, UNDEFINED
            yield "specific_agreement", label, UNDEFINED


def main():
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["table", "measure", "scope", "value", "low", "high"])
    for path in sorted(pathlib.Path(__file__).parent.glob("*.csv")):
        if path.name == "golden.csv":
            continue
        frame = pd.read_csv(path, index_col=0, dtype=str)
        assert abs(alpha(frame) - irrcac(frame, "krippendorff")[0]) < 1e-12
        for measure, scope, figure in figures(frame):
            out.writerow([path.stem, measure, scope, *("" if number is None else number for number in figure)])


if __name__ == "__main__":
    main()
