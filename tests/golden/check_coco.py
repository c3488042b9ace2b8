#!/usr/bin/env python3
"""check_coco.py FILE MASKS: reads FILE as pycocotools does and compares every region with the masks in the folder MASKS.

Prints the least Jaccard index of a polygon (simplified: 1 pixel) and of run lengths (exact). Needs pycocotools and PIL.
"""
import contextlib
import io
import sys

import numpy as np
from PIL import Image
from pycocotools.coco import COCO

with contextlib.redirect_stdout(io.StringIO()):
    coco = COCO(sys.argv[1])
least = {"polygon": 1.0, "runs": 1.0}
assert coco.getCatIds(catNms=["polyp"]) == [1]
for image in coco.loadImgs(coco.getImgIds()):
    name = image["file_name"].rsplit(".", 1)[0]
    truth = np.asarray(Image.open(f"{sys.argv[2]}/{name}.png")) > 127
    assert truth.shape == (image["height"], image["width"])
    seen = np.zeros_like(truth)
    for a in coco.loadAnns(coco.getAnnIds(imgIds=image["id"])):
        mask = coco.annToMask(a).astype(bool)
        x, y, w, h = a["bbox"]
        inside = np.zeros_like(truth)
        inside[y:y + h, x:x + w] = truth[y:y + h, x:x + w]
        seen |= mask
        kind = "polygon" if isinstance(a["segmentation"], list) else "runs"
        if kind == "runs":
            assert mask.sum() == a["area"], a["id"]
            least[kind] = min(least[kind], 1.0 if not (mask & ~truth).any() else 0.0)
        elif a["area"] > 400:  # one pixel of tolerance is much for a small one
            least[kind] = min(least[kind], (mask & inside).sum() / max(mask.sum(), a["area"]))
    assert (seen & truth).sum() >= 0.9 * truth.sum(), name
print(f"least overlap: polygons {least['polygon']:.4f}, run lengths {least['runs']:.4f}")
sys.exit(0 if least["polygon"] > 0.9 and least["runs"] == 1 else 1)
