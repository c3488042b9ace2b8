#!/usr/bin/env python3
"""Polygons as pycocotools rasterises them, and its two forms of run lengths; for tests/test_shapes.c.

needs: numpy, pycocotools (2.0.8 or later)
usage: make_shapes.py shapes.json
"""
import json
import sys

import numpy as np
from pycocotools import mask as coco

random = np.random.default_rng(4)


def star(cx, cy, radius, corners, wobble):
    angles = np.sort(random.uniform(0, 2 * np.pi, corners))
    radii = radius * random.uniform(1 - wobble, 1, corners)
    return np.stack([cx + radii * np.cos(angles), cy + radii * np.sin(angles)], 1).ravel().round(2).tolist()


def pentagram(cx, cy, radius):
    angles = np.arange(5) * 4 * np.pi / 5 - np.pi / 2
    return np.stack([cx + radius * np.cos(angles), cy + radius * np.sin(angles)], 1).ravel().round(3).tolist()


CASES = [
    (60, 45, [[10, 10, 30, 10, 30, 25, 10, 25]]),                              # whole pixels
    (60, 45, [[10.3, 10.7, 30.6, 10.2, 30.1, 25.9, 10.8, 25.4]]),
    (60, 45, [star(30, 22, 20, 12, 0.5)]),
    (60, 45, [star(30, 22, 20, 200, 0.1)]),
    (60, 45, [star(15, 15, 10, 8, 0.3), star(40, 28, 12, 9, 0.3)]),            # two parts
    (60, 45, [star(28, 20, 12, 9, 0.2), star(36, 26, 12, 9, 0.2)]),            # that overlap: their union
    (60, 45, [pentagram(30, 22, 20)]),                                         # crosses itself: the middle is outside
    (60, 45, [[20.2, 20.2, 20.8, 20.3, 20.5, 20.9]]),                          # under a pixel
    (60, 45, [[0, 0, 60, 0, 60, 45, 0, 45]]),                                  # everything
    (60, 45, [[5, 5, 50, 5, 50, 5.4, 5, 5.4]]),                                # thinner than a pixel
    (1, 1, [[0, 0, 1, 0, 1, 1, 0, 1]]),
    (640, 480, [star(300, 240, 200, 300, 0.2)]),
]


def runs(mask):
    """Uncompressed: column by column, background first."""
    flat = mask.ravel(order="F")
    ends = np.flatnonzero(np.diff(flat)) + 1
    lengths = np.diff(np.concatenate([[0], ends, [flat.size]])).tolist()
    return ([0] if flat[0] else []) + lengths


entries = []
for width, height, polygons in CASES:
    rle = coco.merge(coco.frPyObjects(polygons, height, width))
    mask = coco.decode(rle)
    lengths = runs(mask)
    assert (coco.decode(coco.frPyObjects({"size": [height, width], "counts": lengths}, height, width)) == mask).all()
    entries.append({"width": width, "height": height, "polygons": polygons, "runs": lengths,
                    "text": rle["counts"].decode()})
with open(sys.argv[1], "w") as f:
    json.dump(entries, f, separators=(",", ":"))
    f.write("\n")
