#!/usr/bin/env python3
"""Writes golden/optimiser.safetensors: what fastai itself does with its optimiser and its schedules.

    python3 tests/golden/make_optimiser.py        (needs fastai 2.x, torch and safetensors; some seconds)

Runs are trained by fastai's Learner on nothing much: only rates, momenta, frozen parameters and steps are kept.
"""
import pathlib

import numpy as np
import safetensors.torch
import torch
from fastai.basics import L, Learner, DataLoaders, DataLoader, Callback, params
from fastai.callback import schedule  # noqa: F401 (fit_one_cycle and its like)
from fastai.optimizer import Adam
from torch import nn

GROUPS = (0, 3, 5)  # polyp's groups that stand for fastai's three: [stem..layer2], [layer3, layer4], [decoder]
BATCHES, EPOCHS = 13, 7


class Net(nn.Module):
    """Three groups, each a convolution with a bias and a norm."""

    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleList(nn.Sequential(nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2)) for _ in GROUPS)

    def forward(self, x):
        for part in self.parts:
            x = part(x)
        return x.mean((1, 2, 3))


class Record(Callback):
    """Before each step: rate of every group, momentum, which convolutions are trained, steps done since the last clearing."""

    order = 61  # after the schedule

    def __init__(self):
        self.rows = []

    def before_step(self):
        rates = [hyper["lr"] for hyper in self.opt.hypers]
        last = list(self.learn.model.parts[-1].parameters())[0]
        frozen = [float(not part[0].weight.requires_grad) for part in self.learn.model.parts]
        assert all(part[1].weight.requires_grad for part in self.learn.model.parts)
        done = self.opt.state[last].get("step", 0)
        self.rows.append([*rates, self.opt.hypers[-1]["mom"], *frozen, done])


def learner():
    x = [(torch.randn(2, 3, 3), torch.zeros(())) for _ in range(BATCHES)]
    dls = DataLoaders(DataLoader(x, bs=1, shuffle=False), DataLoader(x[:1], bs=1), device="cpu")
    return Learner(dls, Net(), loss_func=nn.MSELoss(), splitter=lambda m: L(params(part) for part in m.parts))


def record(fit):
    torch.manual_seed(1)
    learn, rows = learner(), Record()
    with learn.no_bar(), learn.no_logging():
        learn.add_cb(rows)
        fit(learn)
    return torch.tensor(np.array(rows.rows, dtype=np.float64))


def adam():
    """Ten steps of Adam with three groups, each a weight, a norm and a bias; the first group is frozen for the first five."""
    draw = torch.Generator().manual_seed(5)
    names = [(g, n) for g in GROUPS for n in ("weight", "gamma", "beta", "bias")]
    shapes = {"weight": (4, 3, 3, 3), "gamma": (4,), "beta": (4,), "bias": (4,)}
    start = [torch.randn(shapes[n], generator=draw).float() for _, n in names]
    gradients = [[(torch.randn(shapes[n], generator=draw) * 10.0 ** -(k % 4)).float() for _, n in names] for k in range(10)]
    values = [nn.Parameter(w.double()) for w in start]
    opt = Adam([values[i : i + 4] for i in (0, 4, 8)], lr=1e-2)
    for (_, n), p in zip(names, values):
        if n != "weight":
            opt.state[p]["do_wd"] = False  # as Learner.create_opt does with wd_bn_bias=False
        if n in ("gamma", "beta"):
            opt.state[p]["force_train"] = True  # and with train_bn=True
    out = {"adam.start": torch.cat([w.flatten() for w in start])}
    rates, momenta = [], []
    opt.freeze()
    opt.clear_state()
    for k in range(10):
        if k == 5:
            opt.unfreeze()
            opt.clear_state()
        rate = [1e-2 * (k + 1) / 100, 1e-2 * (k + 1) / 10, 1e-2 * (k + 1)]
        momentum = 0.95 - 0.01 * k
        opt.set_hyper("lr", rate)
        opt.set_hyper("mom", momentum)
        for p, g in zip(values, gradients[k]):
            p.grad = g.double() if p.requires_grad else None
        opt.step()
        rates.append(rate)
        momenta.append(momentum)
        out[f"adam.gradients.{k}"] = torch.cat([g.flatten() for g in gradients[k]])
        out[f"adam.weights.{k}"] = torch.cat([p.detach().flatten() for p in values])
    out["adam.rates"] = torch.tensor(rates, dtype=torch.float64)
    out["adam.momenta"] = torch.tensor(momenta, dtype=torch.float64)
    return out


def main():
    out = adam()
    out["one-cycle"] = record(lambda learn: learn.fit_one_cycle(EPOCHS, 1e-2))
    out["one-cycle.slice"] = record(lambda learn: learn.fit_one_cycle(EPOCHS, slice(1e-4, 1e-2), div=10, pct_start=0.4))
    out["flat-cos"] = record(lambda learn: learn.fit_flat_cos(EPOCHS, 3e-3))
    out["fine-tune"] = record(lambda learn: learn.fine_tune(EPOCHS, 2e-3, freeze_epochs=2))
    path = pathlib.Path(__file__).with_name("optimiser.safetensors")
    safetensors.torch.save_file(out, path)
    print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
