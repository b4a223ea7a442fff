"""Formulas that an explanation of a difference rests on: they work out what a peer must have said if the explanation is true."""

import numpy
from scipy import stats

import plan

NORMAL = stats.norm.ppf(0.975)


def student(degrees):
    """The quantile of t, which SciPy 1.12 has to 8 digits only; its probabilities are exact, so a few steps of Newton set it right."""
    t = stats.t.ppf(0.975, degrees)
    for _ in range(3):
        t -= (stats.t.cdf(t, degrees) - 0.975) / stats.t.pdf(t, degrees)
    return t


def near(a, b, tolerance=1e-9):
    return abs(a - b) <= max(tolerance * abs(b), 1e-12)


def end(part, value, half_width, lowest=-numpy.inf):
    """The end of an interval that a part is about, cut at 1 and at the lowest possible value."""
    return max(value - half_width, lowest) if part.name.endswith("low") else min(value + half_width, 1.0)


def positions(record, data):
    """What a record's weights measure distances by, in order of the labels."""
    if record.peer in plan.BY_PLACE or "table API" in str(record.options.get("input")):
        return numpy.arange(1.0, len(data.labels) + 1)
    numbers = plan.numbers(record, data, weighted=True)
    if data.numeric or numbers:
        return numpy.array([float(numbers[label] if numbers else label) for label in data.labels])
    return numpy.arange(1.0, len(data.labels) + 1)


def weights(record, data):
    """The matrix of agreements in order of the labels."""
    scheme, labels = plan.scheme(record), positions(record, data)
    apart = abs(labels[:, None] - labels[None, :])
    place = labels.argsort().argsort()
    ranks = abs(place[:, None] - place[None, :])
    span = apart.max()
    if scheme == "identity":
        return numpy.eye(len(labels))
    if scheme in ("linear", "quadratic", "radical"):
        power = {"linear": 1, "quadratic": 2, "radical": 0.5}[scheme]
        return 1 - (apart / span) ** power
    if scheme == "ordinal":
        pairs = (ranks + 1) * ranks / 2
        return 1 - pairs / pairs.max()
    both = labels[:, None] + labels[None, :]
    if scheme == "ratio":
        distance = numpy.divide(apart, both, out=numpy.zeros_like(apart), where=apart > 0) ** 2
        return 1 - distance / ((labels.max() - labels.min()) / (labels.max() + labels.min())) ** 2
    if scheme == "circular":
        distance = numpy.sin(numpy.pi * apart / (span + 1)) ** 2
        return 1 - distance / distance.max()
    low, high = labels.min(), labels.max()
    distance = numpy.divide(apart**2, (both - 2 * low) * (2 * high - both), out=numpy.zeros_like(apart), where=apart > 0)
    return 1 - distance / distance.max()


def counts(data):
    """Items with two ratings or more by labels."""
    place = {label: k for k, label in enumerate(data.labels)}
    rows = []
    for given in data.items.values():
        if len(given) > 1:
            row = numpy.zeros(len(place))
            for label in given.values():
                row[place[label]] += 1
            rows.append(row)
    return numpy.array(rows)


def agreement_error(record, data, singles):
    """The standard error of mean agreement by item. irrCAC for R counts items with one rating as items without agreement, and scales others up."""
    table, agree = counts(data), weights(record, data)
    per_item = table.sum(axis=1)
    by_item = (table * (table @ agree.T - 1)).sum(axis=1) / (per_item * (per_item - 1))
    single = len(data.items) - len(table) if singles else 0
    n, mean = len(table) + single, by_item.mean()
    scaled = numpy.concatenate([by_item * n / len(table), numpy.zeros(single)])
    return float(numpy.sqrt(((scaled - mean) ** 2).sum() / (n * (n - 1))))


def krippendorff_error(record, data, pooled):
    """The standard error of alpha by linearisation: irrCAC for R takes the pooled agreement of the pairs for its centre, that for Python adds the
    correction for small samples to it. They differ where items have different numbers of ratings."""
    table, agree = counts(data), weights(record, data)
    per_item = table.sum(axis=1)
    n, mean, epsilon = len(table), per_item.mean(), 1 / per_item.sum()
    sums = (table * (table @ agree.T - 1)).sum(axis=1)
    shares = table.sum(axis=0) / n / mean
    observed = (sums / (mean * (per_item - 1))).mean()
    expected = float((agree * numpy.outer(shares, shares)).sum())
    centre = observed if pooled else (1 - epsilon) * observed + epsilon
    alpha = (observed - expected) / (1 - expected)
    by_item = (sums / (mean * (per_item - 1)) - centre * (per_item - mean) / mean - expected) / (1 - expected)
    chance = table @ (agree @ shares + agree.T @ shares) / 2 / mean - expected * (per_item - mean) / mean
    linear = by_item - 2 * (1 - alpha) * (chance - expected) / (1 - expected)
    return float(numpy.sqrt(((linear - alpha) ** 2).sum() / (n * (n - 1))))


def table_of_two(data):
    """Items by the labels of the first and of the second annotator."""
    place = {label: k for k, label in enumerate(data.labels)}
    table = numpy.zeros((len(place), len(place)))
    for given in data.items.values():
        if len(given) == 2:
            first, second = (given[annotator] for annotator in data.annotators)
            table[place[first], place[second]] += 1
    return table


def weighted_kappa_error(record, data, psych):
    """The standard error of weighted kappa by Fleiss, Cohen and Everitt (1969). That of psych 2.2.9 has `rowSums(w * rs)` for its second margin,
    each row's weights times the row's own share, in place of the mean weight of a column, and takes disagreements for agreements."""
    table, weight = table_of_two(data), plan.scheme(record)
    n, shares = table.sum(), table / table.sum()
    if isinstance(weight, list):
        weight = numpy.array(weight, dtype=float)
        weight = weight if psych else 1 - weight / weight.max()
    else:
        weight = weights(record, data)
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    observed, expected = (weight * shares).sum(), (weight * numpy.outer(rows, columns)).sum()
    second = rows * weight.sum(axis=1) if psych else rows @ weight
    margins = (weight @ columns)[:, None] + second[None, :]
    squares = (shares * (weight * (1 - expected) - margins * (1 - observed)) ** 2).sum()
    return float(numpy.sqrt((squares - (observed * expected - 2 * expected + observed) ** 2) / (n * (1 - expected) ** 4)))


def differences(data):
    """Mean and standard deviation of the first annotator's ratings less the second's."""
    first, second = data.annotators
    apart = [given[first] - given[second] for given in data.items.values() if len(given) == 2]
    return numpy.mean(apart), numpy.std(apart, ddof=1)
