#!/usr/bin/env python3
"""Writes statistics.json for tests/test_statistics.c: bootstraps of groups in numpy, sign-flip tests by SciPy.

Resamples are drawn by the counter generator (make_random.py). SciPy's permutation_test with one sample flips signs; with
all of them tried it is exact, and the sampled p of the test must agree with it within its own standard error.

usage: python make_statistics.py > statistics.json
"""
import json

import numpy as np
from scipy import stats

from make_random import Stream

RANDOM_BOOTSTRAP, RANDOM_TEST, RESAMPLES = 6, 7, 10000


def draw(number, n, groups):
    r = Stream(number, RANDOM_TEST, 5, 0)
    above = [round(r.uniform(0, 1), 6) for _ in range(n)]
    below = [round(1 + r.uniform(0, 1), 6) for _ in range(n)]
    return above, below, [r.below(groups + 1) - 1 for _ in range(n)]  # -1: alone


def grouped(groups):
    """Lists of pictures, in the order of each group's first one."""
    order, members = [], {}
    for i, g in enumerate(groups):
        key = ("alone", i) if g < 0 else ("group", g)
        if key not in members:
            members[key] = []
            order.append(key)
        members[key].append(i)
    return [members[key] for key in order]


def bootstrap(above, below, lists):
    a = np.array([sum(above[i] for i in members) for members in lists])
    b = np.array([sum(below[i] for i in members) for members in lists])
    ratios = []
    for resample in range(RESAMPLES):
        r = Stream(0, RANDOM_BOOTSTRAP, 0, resample)
        drawn = [r.below(len(lists)) for _ in lists]
        ratios.append(a[drawn].sum() / b[drawn].sum())
    return [float(v) for v in np.percentile(ratios, [2.5, 97.5])]


def interval_case(number, n, groups):
    above, below, ids = draw(number, n, groups)
    lists = grouped(ids)
    return {"above": above, "below": below, "groups": ids, "count": len(lists), "ratio": bootstrap(above, below, lists),
            "mean": bootstrap(above, [1] * n, lists)}


def paired_case(number, n, groups, shift):
    first, second, ids = draw(number, n, groups)
    second = [round(0.7 * a + 0.3 * (b - 1) + shift, 6) for a, b in zip(first, second)]
    lists = grouped(ids)
    means = np.array([np.mean([second[i] - first[i] for i in members]) for members in lists])
    few = len(lists) <= 20
    test = stats.permutation_test((means,), np.mean, permutation_type="samples", n_resamples=np.inf if few else 200000,
                                  rng=np.random.default_rng(1))
    return {"first": first, "second": second, "groups": ids, "count": len(lists), "effect": float(means.mean()),
            "p": float(test.pvalue)}


def main():
    print(json.dumps({
        "intervals": [interval_case(0, 40, 9), interval_case(1, 12, 1), interval_case(2, 5, 0)],
        "paired": [paired_case(3, 9, 30, 0.05), paired_case(4, 30, 7, 0.0), paired_case(5, 60, 90, 0.03),
                   paired_case(6, 25, 40, 0.2), paired_case(7, 2, 9, 0.1)],
    }, indent=1))


if __name__ == "__main__":
    main()
