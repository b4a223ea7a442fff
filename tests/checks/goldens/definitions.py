"""Coefficients from their definitions, for figures that a peer ought to have but does not: it raises an error, or divides by zero."""

import itertools

import numpy

from formulas import near, weights


def counts(data):
    """Items by labels, in order of the labels."""
    place = {label: k for k, label in enumerate(data.labels)}
    table = numpy.zeros((len(data.items), len(place)))
    for row, given in zip(table, data.items.values(), strict=True):
        for label in given.values():
            row[place[label]] += 1
    return table


def margins(data):
    """Annotators by shares of labels."""
    place = {label: k for k, label in enumerate(data.labels)}
    table = {annotator: numpy.zeros(len(place)) for annotator in data.annotators}
    for (_, annotator), label in data.ratings.items():
        table[annotator][place[label]] += 1
    return numpy.array([row / row.sum() for row in table.values()])


def observed(table, agree):
    """The mean over items of the agreement of two of the item's ratings."""
    table = table[table.sum(axis=1) > 1]
    per_item = table.sum(axis=1)
    return ((table * (table @ agree - 1)).sum(axis=1) / (per_item * (per_item - 1))).mean()


def corrected(share, chance):
    return (share - chance) / (1 - chance)


def percent_agreement(data, agree):
    return observed(counts(data), agree)


def shares(table):
    return (table / table.sum(axis=1, keepdims=True)).mean(axis=0)


def fleiss_kappa(data, agree):
    table = counts(data)
    return corrected(observed(table, agree), shares(table) @ agree @ shares(table))


def gwet_ac(data, agree):
    table, q = counts(data), len(agree)
    chance = agree.sum() / (q * (q - 1)) * (shares(table) * (1 - shares(table))).sum()
    return corrected(observed(table, agree), chance)


def brennan_prediger(data, agree):
    return corrected(observed(counts(data), agree), agree.sum() / len(agree) ** 2)


def conger_kappa(data, agree):
    of_rater = margins(data)
    spread = numpy.cov(of_rater.T, ddof=1) / len(of_rater)
    mean = of_rater.mean(axis=0)
    return corrected(observed(counts(data), agree), (agree * (numpy.outer(mean, mean) - spread)).sum())


def krippendorff_alpha(data, agree):
    table = counts(data)
    table = table[table.sum(axis=1) > 1]
    per_item, of_label = table.sum(axis=1), table.sum(axis=0)
    n = of_label.sum()
    together = (table.T / (per_item - 1)) @ table - numpy.diag((table.T / (per_item - 1)).sum(axis=1))
    apart = 1 - agree
    return 1 - (n - 1) * (together * apart).sum() / (numpy.outer(of_label, of_label) * apart).sum()


def mean_cohen_kappa(data, agree):
    place = {label: k for k, label in enumerate(data.labels)}
    kappas = []
    for first, second in itertools.combinations(data.annotators, 2):
        table = numpy.zeros_like(agree)
        for given in data.items.values():
            if first in given and second in given:
                table[place[given[first]], place[given[second]]] += 1
        if table.sum() > 1:
            chance = table.sum(axis=1) @ agree @ table.sum(axis=0) / table.sum() ** 2
            kappas += [corrected((table * agree).sum() / table.sum(), chance)] if chance < 1 else []
    return numpy.mean(kappas)


BY_MEASURE = {
    "percent_agreement": percent_agreement,
    "fleiss_kappa": fleiss_kappa,
    "multi_pi": fleiss_kappa,
    "gwet_ac": gwet_ac,
    "brennan_prediger": brennan_prediger,
    "bennett_s": brennan_prediger,
    "conger_kappa": conger_kappa,
    "davies_fleiss_multikappa": conger_kappa,
    "krippendorff_alpha": krippendorff_alpha,
    "cohen_kappa_pairwise": mean_cohen_kappa,
}


def is_defined(record, data, figure):
    """A figure is what the definition of the measure makes of the ratings. Krippendorff's ordinal metric is not made here."""
    if record.metric not in BY_MEASURE or record.options.get("level") == "ordinal":
        return False
    return near(figure, float(BY_MEASURE[record.metric](data, weights(record, data))))


def pairable(data):
    return [list(given.values()) for given in data.items.values() if len(given) > 1]


def one_category(data):
    return len({label for labels in pairable(data) for label in labels}) < 2


def no_defined_pair(data):
    """Every two annotators who share two items used one and the same label only on what both rated."""
    used = {}
    for given in data.items.values():
        for pair in itertools.combinations(sorted(given), 2):
            used.setdefault(pair, []).append({given[annotator] for annotator in pair})
    return all(len(set.union(*labels)) == 1 for labels in used.values() if len(labels) > 1)


def no_spread(data):
    """Some annotator gave one value only, or all items got the same."""
    by_annotator = {annotator: set() for annotator in data.annotators}
    for (_, annotator), label in data.ratings.items():
        by_annotator[annotator].add(label)
    return any(len(labels) == 1 for labels in by_annotator.values()) or one_category(data)


# Assay's reasons for no value, with what then holds of the ratings.
REASONS = {
    "no_ratings": lambda data: not data.ratings,
    "one_rater": lambda data: len(data.annotators) < 2,
    "no_pairable_items": lambda data: not pairable(data),
    "not_two_raters": lambda data: len(data.annotators) != 2,
    "single_category": one_category,
    "no_defined_pair": no_defined_pair,
    "zero_variance": no_spread,
}


def is_undefined(figure, data):
    """The reason that Assay gives for having no value is true of the ratings."""
    why = figure["undefined_reason"]
    if why == "label_not_used":
        return figure["scope"]["label"] not in {str(label) for labels in pairable(data) for label in labels}
    return why in REASONS and REASONS[why](data)
