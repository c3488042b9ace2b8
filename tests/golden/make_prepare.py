#!/usr/bin/env python3
"""Writes prepare.golden: what PyTorch and PIL make of the inputs that tests/test_prepare.c makes by the same formulas.

mask H W WIDTH HEIGHT, then HEIGHT * WIDTH probabilities: sigmoid(interpolate(logits, bilinear, align_corners=False)).
input W H SIZE, then 3 * SIZE * SIZE values: PIL's squish to SIZE x SIZE, RGB / 255, ImageNet normalisation.
"""
import os

import numpy as np
import torch
from PIL import Image


def logits(h, w):
    """Value (y, x): ((y * 37 + x * 101 + y * x * 11) mod 211) / 20 - 5"""
    y, x = np.mgrid[0:h, 0:w]
    return ((y * 37 + x * 101 + y * x * 11) % 211) / 20.0 - 5.0


def picture(w, h):
    """Byte (y, x, c): (x * 7 + y * 13 + c * 31 + x * y) mod 256"""
    y, x, c = np.mgrid[0:h, 0:w, 0:3]
    return ((x * 7 + y * 13 + c * 31 + x * y) % 256).astype(np.uint8)


def main():
    out = open(os.path.join(os.path.dirname(__file__), "prepare.golden"), "w")
    for h, w, width, height in [(5, 7, 13, 9), (8, 8, 3, 4), (6, 6, 6, 6), (4, 4, 1, 1), (1, 1, 5, 3), (2, 3, 31, 2), (16, 16, 9, 40)]:
        z = torch.from_numpy(logits(h, w))[None, None]
        p = torch.sigmoid(torch.nn.functional.interpolate(z, size=(height, width), mode="bilinear", align_corners=False))
        out.write(f"mask {h} {w} {width} {height}\n" + " ".join(f"{v:.8f}" for v in p.flatten().tolist()) + "\n")
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    for w, h, size in [(8, 8, 8), (20, 14, 8), (5, 9, 16)]:
        small = np.asarray(Image.fromarray(picture(w, h)).resize((size, size), Image.BILINEAR)).astype(np.float64)
        values = ((small / 255.0 - mean) / deviation).transpose(2, 0, 1)
        out.write(f"input {w} {h} {size}\n" + " ".join(f"{v:.6f}" for v in values.flatten()) + "\n")
    out.close()


if __name__ == "__main__":
    main()
