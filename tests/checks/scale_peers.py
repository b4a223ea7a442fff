"""What the peers say about answers that are no single choices: ratings, numbers, and sets of labels.

krippendorff (alpha on ordinal and interval scales, and of each label), irrCAC (weighted coefficients with their standard errors, of all
annotators and of two), SciPy (ranks, correlations, F). Intraclass correlations, Kendall's W, Lin's coefficient, the limits of agreement and alpha
of sets are worked out here, from their definitions.
"""

import math
from itertools import combinations

import krippendorff
import numpy
import pandas
import scipy.stats
from irrCAC.raw import CAC


def none(value):
    return None if value is None or math.isnan(value) else float(value)


class Scale:
    """`ratings`: item -> {annotator: number}. `grades`: every grade that the labelling config declares, of a rating."""

    def __init__(self, ratings, level, grades=()):
        self.ratings, self.level = ratings, level
        self.raters = sorted({rater for given in ratings.values() for rater in given})
        self.values = sorted({value for given in ratings.values() for value in given.values()} | {float(grade) for grade in grades})
        self.pairable = {item: given for item, given in ratings.items() if len(given) > 1}
        self.weights = "ordinal" if level == "ordinal" else "quadratic"

    def alpha(self, ratings=None):
        """Krippendorff's alpha; None where it does not exist."""
        ratings = self.ratings if ratings is None else ratings
        used = {value for given in ratings.values() if len(given) > 1 for value in given.values()}
        if len(used) < 2:
            return None
        counts = numpy.array([[sum(value == own for own in given.values()) for value in self.values] for given in ratings.values()])
        return float(krippendorff.alpha(value_counts=counts, value_domain=self.values, level_of_measurement=self.level))

    def without(self, rater):
        return self.alpha({item: {r: v for r, v in given.items() if r != rater} for item, given in self.ratings.items()})

    def table(self, raters):
        return pandas.DataFrame([[given.get(rater) for rater in raters] for given in self.ratings.values()], dtype=float)

    def weighted(self):
        """Measure -> (value, standard error), by irrCAC; the two shares of agreement have no error there."""
        peer = CAC(self.table(self.raters), weights=self.weights, categories=self.values, digits=15)
        estimates = {
            "fleiss_kappa": peer.fleiss(),
            "gwet_ac2": peer.gwet(),
            "conger_kappa": peer.conger(),
            "brennan_prediger": peer.bp(),
        }
        found = {name: (estimate["est"]["coefficient_value"], estimate["est"]["se"]) for name, estimate in estimates.items()}
        found["percent_agreement"] = (peer.fleiss()["est"]["pa"], None)
        found["pooled_percent_agreement"] = (self.pooled(), None)
        return found

    def weight(self, a, b):
        if self.weights == "quadratic":
            return 1 - (a - b) ** 2 / (self.values[-1] - self.values[0]) ** 2
        apart = abs(self.values.index(a) - self.values.index(b))
        return 1 - math.comb(apart + 1, 2) / math.comb(len(self.values), 2)

    def percent(self, ratings=None):
        """The mean over items of their pairs' mean weight."""
        shares = [
            numpy.mean([self.weight(a, b) for a, b in combinations(given.values(), 2)])
            for given in (self.pairable if ratings is None else ratings).values()
            if len(given) > 1
        ]
        return float(numpy.mean(shares)) if shares else None

    def pooled(self):
        return float(numpy.mean([self.weight(a, b) for given in self.pairable.values() for a, b in combinations(given.values(), 2)]))

    def shared(self, one, other):
        both = [given for given in self.ratings.values() if one in given and other in given]
        return numpy.array([[given[one] for given in both], [given[other] for given in both]])

    def pairs(self):
        """(annotator, annotator) -> {measure: value} of the pairs that share an item."""
        found = {}
        for one, other in combinations(self.raters, 2):
            x, y = self.shared(one, other)
            if len(x):
                found[one, other] = {
                    "percent_agreement": float(numpy.mean([self.weight(a, b) for a, b in zip(x, y, strict=True)])),
                    "cohen_kappa": self.kappa(x, y),
                    "spearman_rho": none(scipy.stats.spearmanr(x, y).statistic) if spread(x, y) else None,
                    "kendall_tau_b": none(scipy.stats.kendalltau(x, y).statistic) if spread(x, y) else None,
                } | (self.of_numbers(x, y) if self.level == "interval" else {})
        return found

    def kappa(self, x, y):
        """Cohen's weighted kappa: Conger's of the two. None where both gave one and the same value."""
        expected = numpy.mean([[self.weight(a, b) for b in y] for a in x])
        if expected == 1:
            return None
        return float((numpy.mean([self.weight(a, b) for a, b in zip(x, y, strict=True)]) - expected) / (1 - expected))

    def of_numbers(self, x, y):
        covariance, apart = numpy.cov(x, y, ddof=0)[0, 1], x - y
        spreads = x.var() + y.var() + (x.mean() - y.mean()) ** 2
        sd = apart.std(ddof=1) if len(x) > 1 else None
        return {
            "pearson_r": none(scipy.stats.pearsonr(x, y).statistic) if spread(x, y) else None,
            "lin_ccc": float(2 * covariance / spreads) if len(x) > 1 and spreads > 0 else None,
            "bland_altman_bias": float(apart.mean()),
            "bland_altman_lower": None if sd is None else float(apart.mean() - 1.96 * sd),
            "bland_altman_upper": None if sd is None else float(apart.mean() + 1.96 * sd),
        }

    def complete(self):
        rows = [[given[rater] for rater in self.raters] for given in self.ratings.values() if len(given) == len(self.raters)]
        return numpy.array(rows, dtype=float).reshape(len(rows), len(self.raters))

    def kendall_w(self):
        """W with ties, of the items that everybody rated."""
        table = self.complete()
        n, k = table.shape
        if n < 2:
            return None
        ranks = numpy.apply_along_axis(scipy.stats.rankdata, 0, table)
        ties = sum((counts**3 - counts).sum() for counts in (numpy.unique(column, return_counts=True)[1] for column in table.T))
        sums = ranks.sum(axis=1)
        below = k**2 * (n**3 - n) - k * ties
        return float(12 * ((sums - sums.mean()) ** 2).sum() / below) if below else None

    def icc(self):
        """The six forms of McGraw and Wong, by analysis of variance of the items that everybody rated."""
        table = self.complete()
        n, k = table.shape
        if n < 2 or k < 2:
            return dict.fromkeys(["icc_1_1", "icc_a_1", "icc_c_1", "icc_1_k", "icc_a_k", "icc_c_k"])
        mean = table.mean()
        items = k * ((table.mean(axis=1) - mean) ** 2).sum() / (n - 1)
        raters = n * ((table.mean(axis=0) - mean) ** 2).sum() / (k - 1)
        left = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + mean
        error = (left**2).sum() / ((n - 1) * (k - 1))
        within = ((table - table.mean(axis=1, keepdims=True)) ** 2).sum() / (n * (k - 1))
        return {
            "icc_1_1": (items - within) / (items + (k - 1) * within),
            "icc_a_1": (items - error) / (items + (k - 1) * error + k * (raters - error) / n),
            "icc_c_1": (items - error) / (items + (k - 1) * error),
            "icc_1_k": (items - within) / items,
            "icc_a_k": (items - error) / (items + (raters - error) / n),
            "icc_c_k": (items - error) / items,
        }


def spread(x, y):
    """Whether a correlation exists."""
    return len(x) > 1 and len(set(x)) > 1 and len(set(y)) > 1


def masi(a, b):
    if a == b:
        return 0.0
    if not a & b:
        return 1.0
    return 1 - (2 / 3 if a <= b or b <= a else 1 / 3) * len(a & b) / len(a | b)


def jaccard(a, b):
    return 0.0 if a == b else 1 - len(a & b) / len(a | b)


def unequal(a, b):
    return float(a != b)


DISTANCES = {"krippendorff_alpha_masi": masi, "krippendorff_alpha_jaccard": jaccard, "krippendorff_alpha": unequal}


class Sets:
    """`ratings`: item -> {annotator: frozenset of labels}; the empty set is an answer."""

    def __init__(self, ratings):
        self.ratings = ratings
        self.pairable = {item: list(given.values()) for item, given in ratings.items() if len(given) > 1}
        self.labels = sorted({label for given in ratings.values() for own in given.values() for label in own})

    def alpha(self, name):
        """Krippendorff's alpha with a distance between sets; None where all sets are the same."""
        distance, given = DISTANCES[name], [own for item in self.pairable.values() for own in item]
        expected = sum(distance(a, b) for a, b in combinations(given, 2)) * 2 / (len(given) * (len(given) - 1)) if len(given) > 1 else 0
        apart = [2 * sum(distance(a, b) for a, b in combinations(item, 2)) / (len(item) - 1) for item in self.pairable.values()]
        return 1 - sum(apart) / len(given) / expected if expected else None

    def of_label(self, label):
        """Alpha of the label's being in the set or not, by krippendorff; None where it is in all or in none."""
        counts = numpy.array([[sum(label in own for own in item), sum(label not in own for own in item)] for item in self.pairable.values()])
        return float(krippendorff.alpha(value_counts=counts, level_of_measurement="nominal")) if counts.size and counts.sum(axis=0).all() else None

    def mean_of_labels(self):
        found = [alpha for alpha in map(self.of_label, self.labels) if alpha is not None]
        return float(numpy.mean(found)) if found else None
