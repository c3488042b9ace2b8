#!/usr/bin/env python3
"""Writes lr_finder.json: fastai's own learning-rate finder (Learner.lr_find) on scripted losses, for tests/test_lr_finder.c.

Each case is a row of raw losses; a Learner with one weight and a loss function that hands them out in turn runs the range
test, so that rates, smoothing, the stop and the suggestions are all fastai's.

usage: python make_lr_finder.py > lr_finder.json
"""
import json
import math
import sys
import tempfile

import numpy as np
import torch
from fastai.callback.schedule import SuggestionMethod
from fastai.data.core import DataLoaders
from fastai.learner import Learner

from make_random import Stream

RANDOM_TEST = 7
BATCHES = 7  # of an epoch: the test runs over several


def valley_shape(x, depth, centre, width):
    """Flat, a fall around 10^centre, a steep rise behind it; x is log10 of the rate."""
    return 0.8 - depth / (1.0 + 10.0 ** ((centre - x) / width)) + 10.0 ** (2.0 * (x - centre - 1.8))


def raw_losses(number, steps, low, high, shape, noise):
    r = Stream(number, RANDOM_TEST, 0, 0)
    x = [math.log10(low) + (math.log10(high) - math.log10(low)) * i / steps for i in range(steps)]
    uniform = lambda: (r.next() >> 11) * 2.0 ** -53
    return [float(np.float32(shape(v) + noise * (2.0 * uniform() - 1.0))) for v in x]


def cases():
    plain = lambda depth, centre, width: (lambda x: valley_shape(x, depth, centre, width))
    yield "a valley", 1e-7, 10, raw_losses(1, 100, 1e-7, 10, plain(0.5, -3.0, 0.5), 0.02)
    yield "a noisy valley", 1e-7, 10, raw_losses(2, 100, 1e-7, 10, plain(0.4, -2.5, 0.4), 0.2)
    yield "an early valley", 1e-7, 10, raw_losses(3, 100, 1e-7, 10, plain(0.6, -5.0, 0.3), 0.01)
    yield "never diverges", 1e-7, 10, raw_losses(4, 100, 1e-7, 10, lambda x: 0.9 - 0.05 * (x + 7.0), 0.01)
    yield "only falls", 1e-7, 10, raw_losses(5, 100, 1e-7, 10, lambda x: 2.0 - 0.2 * (x + 7.0), 0.0)
    yield "only rises", 1e-7, 10, raw_losses(6, 100, 1e-7, 10, lambda x: 0.5 + 0.02 * (x + 7.0), 0.0)
    yield "other ends and steps", 1e-5, 1, raw_losses(7, 150, 1e-5, 1, plain(0.5, -2.0, 0.4), 0.05)
    late = raw_losses(8, 100, 1e-7, 10, plain(0.5, -3.0, 0.5), 0.02)
    yield "not a number from step 70 on", 1e-7, 10, late[:70] + [float("nan")] * 30
    yield "not a number at the very end", 1e-7, 10, raw_losses(9, 100, 1e-7, 10, plain(0.5, -1.0, 0.5), 0.02)[:97] + [float("nan")] * 3


class OneWeight(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return x * self.weight


def run(low, high, raw):
    values = iter(raw)
    loss = lambda prediction, _: prediction.sum() * 0.0 + next(values)
    data = torch.utils.data.TensorDataset(torch.zeros(BATCHES, 1), torch.zeros(BATCHES, 1))
    loader = torch.utils.data.DataLoader(data, batch_size=1)
    with tempfile.TemporaryDirectory() as folder:
        learner = Learner(DataLoaders(loader, loader), OneWeight(), loss_func=loss, path=folder)
        with learner.no_bar():
            found = learner.lr_find(start_lr=low, end_lr=high, num_it=len(raw), show_plot=False,
                                    suggest_funcs=(SuggestionMethod.Valley, SuggestionMethod.Steep, SuggestionMethod.Minimum))
        return found, [float(v) for v in learner.recorder.lrs], [float(v) for v in learner.recorder.losses]


def number(v):
    """f32 in nine figures, which tell every one of them apart; null for what is no number."""
    return None if math.isnan(v) else float(f"{v:.9g}")


def main():
    out = []
    for name, low, high, raw in cases():
        found, rates, losses = run(low, high, raw)
        out.append({"name": name, "lowest": low, "highest": high, "raw": [number(v) for v in raw],
                    "rates": [number(v) for v in rates], "losses": [number(v) for v in losses],
                    "valley": number(found.valley), "steep": number(found.steep),
                    "minimum": number(found.minimum)})
        print(f"{name}: {len(losses)} steps, {found}", file=sys.stderr)
    json.dump(out, sys.stdout, indent=None, separators=(",", ":"))
    print()


main()
