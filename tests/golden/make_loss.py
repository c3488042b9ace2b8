#!/usr/bin/env python3
"""Writes golden/loss.safetensors: the losses and their gradients by PyTorch in float64. Needs torch and safetensors."""
import pathlib

import safetensors.torch
import torch
import torch.nn.functional as F


def dice(logits, masks):
    p = logits.sigmoid().flatten(1)
    t = masks.flatten(1)
    return (1 - (2 * (p * t).sum(1) + 1) / (p.sum(1) + t.sum(1) + 1)).mean()


def main():
    draw = torch.Generator().manual_seed(11)
    logits = (torch.randn(3, 1, 9, 23, generator=draw) * 4).float()
    logits[0, 0, 0, :8] = torch.tensor([1e4, -1e4, 1e4, -1e4, 90.0, -90.0, 0.0, 1e-6])
    masks = (torch.rand(3, 1, 9, 23, generator=draw) > 0.7).float()
    masks[0, 0, 0, :4] = torch.tensor([1.0, 0.0, 0.0, 1.0])
    masks[1, 0, 1, :5] = torch.tensor([0.1, 0.25, 0.5, 0.75, 0.9])  # soft labels
    masks[2] = 0  # a picture without a polyp
    out = {"logits": logits, "masks": masks}

    losses = {"bce": F.binary_cross_entropy_with_logits, "dice": dice}
    losses["bce+dice"] = lambda z, t: losses["bce"](z, t) + dice(z, t)
    for name, loss in losses.items():
        z = logits.double().requires_grad_()
        value = loss(z, masks.double())
        value.backward()
        out[name + ".value"], out[name + ".gradient"] = value.detach().reshape(1), z.grad
    two = torch.cat([torch.zeros_like(logits), logits], 1).double()
    hard = (masks > 0.5)[:, 0].long()
    assert torch.allclose(F.cross_entropy(two, hard), F.binary_cross_entropy_with_logits(logits.double(), (masks > 0.5).double()))
    safetensors.torch.save_file(out, pathlib.Path(__file__).parent / "loss.safetensors")


if __name__ == "__main__":
    main()
