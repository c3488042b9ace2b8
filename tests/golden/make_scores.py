#!/usr/bin/env python3
"""Writes scores.json: scikit-learn's metrics of random masks, and a bootstrap in numpy, for tests/test_scores.c.

The masks are drawn by the counter generator (make_random.py), so that only parameters and results are stored.
Case i draws from Stream(i, 7, 0, 0): for each pixel truth = below(1000) < truth_share, then
prediction = below(1000) < (hit_share where truth, else alarm_share).

usage: python make_scores.py > scores.json
"""
import json

import numpy as np
from sklearn.metrics import accuracy_score, f1_score, fbeta_score, jaccard_score, precision_score, recall_score

from make_random import Stream

RANDOM_BOOTSTRAP, RANDOM_TEST = 6, 7
RESAMPLES = 10000

# width, height, then shares in thousandths: truth, hit, alarm
CASES = [
    (16, 12, 300, 900, 50), (31, 17, 150, 700, 20), (40, 30, 20, 500, 10), (9, 9, 500, 1000, 0), (13, 8, 400, 0, 0),
    (13, 8, 400, 0, 100), (25, 4, 900, 950, 900), (50, 50, 100, 850, 5), (7, 5, 1000, 600, 0), (64, 3, 250, 250, 250),
]


def draw(number, width, height, truth_share, hit_share, alarm_share):
    r = Stream(number, RANDOM_TEST, 0, 0)
    truth, prediction = [], []
    for _ in range(width * height):
        truth.append(r.below(1000) < truth_share)
        prediction.append(r.below(1000) < (hit_share if truth[-1] else alarm_share))
    return np.array(truth), np.array(prediction)


def metrics(truth, prediction):
    pair = dict(y_true=truth, y_pred=prediction, zero_division=0)
    return {
        "jaccard": jaccard_score(**pair), "dsc": f1_score(**pair), "recall": recall_score(**pair),
        "precision": precision_score(**pair), "accuracy": accuracy_score(truth, prediction), "f2": fbeta_score(**pair, beta=2),
    }


def mean(list_of_metrics):
    return {key: float(np.mean([m[key] for m in list_of_metrics])) for key in list_of_metrics[0]}


def bootstrap(values):
    values = np.array(values)
    n = len(values)
    means = []
    for resample in range(RESAMPLES):
        r = Stream(0, RANDOM_BOOTSTRAP, 0, resample)
        means.append(values[[r.below(n) for _ in range(n)]].mean())
    low, high = np.percentile(means, [2.5, 97.5])
    return {"values": values.tolist(), "low": float(low), "high": float(high)}


def main():
    masks = [draw(i, *case) for i, case in enumerate(CASES)]
    cases = []
    for case, (truth, prediction) in zip(CASES, masks):
        cases.append({
            "draw": case, "tp": int((truth & prediction).sum()), "fp": int((~truth & prediction).sum()),
            "fn": int((truth & ~prediction).sum()), "tn": int((~truth & ~prediction).sum()), "metrics": metrics(truth, prediction),
        })
    r = Stream(1, RANDOM_TEST, 1, 0)
    scores = [[round(1 - r.uniform(0, 1) ** 3, 6) for _ in range(n)] for n in (60, 7, 1)]
    pooled = metrics(np.concatenate([t for t, _ in masks]), np.concatenate([p for _, p in masks]))
    print(json.dumps({
        "cases": cases, "per_image": mean([c["metrics"] for c in cases]), "pooled": pooled,
        "bootstrap": [bootstrap(values) for values in scores],
    }, indent=1))


if __name__ == "__main__":
    main()
