#!/usr/bin/env python3
"""Writes golden/loss.safetensors: the losses and their gradients in float64, by the libraries that others train with.

Needs torch, torchvision, fastai, monai, segmentation_models_pytorch and safetensors. PraNet's loss is written out: its
published form calls binary_cross_entropy_with_logits(..., reduce='none'), and that argument, being no bool, asks for the
mean.
"""
import pathlib
import unittest.mock
import warnings

import safetensors.torch
import torch
import torch.nn.functional as F
from fastai.losses import CrossEntropyLossFlat
from monai.losses import DiceLoss, TverskyLoss
from segmentation_models_pytorch.losses import LovaszLoss
from torchvision.ops import sigmoid_focal_loss

warnings.filterwarnings("ignore")
bce = F.binary_cross_entropy_with_logits


def dice(z, t, smooth=1.0):
    return DiceLoss(sigmoid=True, smooth_nr=smooth, smooth_dr=smooth)(z, t)


def tversky(alpha, beta, smooth):
    return TverskyLoss(sigmoid=True, alpha=alpha, beta=beta, smooth_nr=smooth, smooth_dr=smooth)


def lovasz(z, t):
    with unittest.mock.patch.object(torch.Tensor, "float", torch.Tensor.double):  # it counts in float, and mixes both
        return LovaszLoss("binary", per_image=True)(z, (t > 0.5).double())


def structure(z, t, intended, border=5, radius=15):
    weights = 1 + border * torch.abs(F.avg_pool2d(t, 2 * radius + 1, stride=1, padding=radius) - t)
    cross = bce(z, t, reduction="none" if intended else "mean")
    cross = (weights * cross).sum(dim=(2, 3)) / weights.sum(dim=(2, 3))
    p = torch.sigmoid(z)
    inter = (p * t * weights).sum(dim=(2, 3))
    union = ((p + t) * weights).sum(dim=(2, 3))
    return (cross + 1 - (inter + 1) / (union - inter + 1)).mean()


def ignoring(loss, by_picture):
    """The same over the pixels that are not ignored: of the batch, or of each picture."""
    def of(z, t):
        parts = [(z[i : i + 1], t[i : i + 1]) for i in range(len(z))] if by_picture else [(z, t)]
        values = [loss(a[b >= 0][None, None, None], b[b >= 0][None, None, None]) for a, b in parts]
        return torch.stack(values).mean()
    return of


def structure_ignoring(z, t):
    """Ignored pixels count as 0 in the mean of the surroundings and not at all elsewhere."""
    keep, t = (t >= 0).double(), t.clamp(min=0)
    weights = keep * (1 + 5 * torch.abs(F.avg_pool2d(t, 31, stride=1, padding=15) - t))
    p = torch.sigmoid(z)
    cross = (keep * bce(z, t, reduction="none")).sum() / keep.sum()
    inter = (p * t * weights).sum(dim=(2, 3))
    union = ((p + t) * weights).sum(dim=(2, 3))
    return cross + (1 - (inter + 1) / (union - inter + 1)).mean()


def fastai(z, t):
    """One logit as two channels, as fastai's segmentation has them."""
    two = torch.cat([torch.zeros_like(z), z], 1)
    return CrossEntropyLossFlat(axis=1)(two, (t > 0.5)[:, 0].long())


LOSSES = {
    "bce": bce,
    "fastai": fastai,
    "dice": dice,
    "dice.smooth": lambda z, t: dice(z, t, 1e-6),
    "bce+dice": lambda z, t: bce(z, t) + dice(z, t),
    "bce+dice.dice": lambda z, t: bce(z, t) + 0.3 * dice(z, t),
    "focal": lambda z, t: sigmoid_focal_loss(z, t, reduction="mean"),
    "focal.plain": lambda z, t: sigmoid_focal_loss(z, t, alpha=-1, gamma=1.5, reduction="mean"),
    "tversky": tversky(0.3, 0.7, 1.0),
    "tversky.smooth": tversky(0.8, 0.1, 0.01),
    "structure": lambda z, t: structure(z, t, False),
    "structure-intended": lambda z, t: structure(z, t, True),
    "structure-intended.small": lambda z, t: structure(z, t, True, border=2, radius=3),
}
IGNORING = {
    "bce": ignoring(bce, False),
    "dice": ignoring(dice, True),
    "focal": ignoring(LOSSES["focal"], False),
    "tversky": ignoring(LOSSES["tversky"], True),
    "lovasz": ignoring(lovasz, True),
    "structure": structure_ignoring,
}


def record(out, name, loss, logits, masks):
    z = logits.double().requires_grad_()
    value = loss(z, masks.double())
    value.backward()
    out[name + ".value"], out[name + ".gradient"] = value.detach().double().reshape(1), z.grad


def main():
    draw = torch.Generator().manual_seed(11)
    logits = (torch.randn(3, 1, 9, 23, generator=draw) * 4).float()
    mild = logits.clone()  # without equal errors, whose order would be anyone's
    logits[0, 0, 0, :8] = torch.tensor([1e4, -1e4, 1e4, -1e4, 90.0, -90.0, 0.0, 1e-6])
    masks = (torch.rand(3, 1, 9, 23, generator=draw) > 0.7).float()
    masks[0, 0, 0, :4] = torch.tensor([1.0, 0.0, 0.0, 1.0])
    masks[1, 0, 1, :5] = torch.tensor([0.1, 0.25, 0.5, 0.75, 0.9])  # soft labels
    masks[2] = 0  # a picture without a polyp
    ignored = masks.clone()
    ignored[torch.rand(3, 1, 9, 23, generator=draw) > 0.8] = -1
    out = {"logits": logits, "mild": mild, "masks": masks, "ignored": ignored}
    for name, loss in LOSSES.items():
        record(out, name, loss, logits, masks)
    record(out, "lovasz", lovasz, mild, masks)
    for name, loss in IGNORING.items():
        record(out, "ignored." + name, loss, mild, ignored)
    path = pathlib.Path(__file__).with_name("loss.safetensors")
    safetensors.torch.save_file(out, path)
    print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
