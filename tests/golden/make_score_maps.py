#!/usr/bin/env python3
"""Writes score_maps.json for tests/test_score_maps.c: what other libraries make of drawn masks and probability maps.

MONAI (Dice, IoU, Hausdorff 95, surface distance), PySODMetrics (S, weighted F, MAE, all threshold curves, with and
without its normalisation), segmentation_models_pytorch (micro, micro-imagewise), scikit-learn (means over classes, its
rule for empties, Brier score), SciPy (outlines, components).

Everything is drawn in whole numbers, so that the test can draw it again; only parameters and results are stored. An
ellipse (cx, cy, rx, ry) has q = 1000 ((x - cx)^2 ry^2 + (y - cy)^2 rx^2) // (rx^2 ry^2), which is 1000 on its outline.
Truth: q < 1000 for any of its ellipses. Level: the largest 128 + soft - q soft // 1000 of the prediction's ellipses (-9999
without one), plus below(2 noise + 1) - noise of Stream(case, 7, 3, 0) pixel by pixel, cut to 0..255.

usage: python make_score_maps.py > score_maps.json
"""
import json
import warnings

import numpy as np
import py_sod_metrics as sod
import segmentation_models_pytorch.metrics as smp
import torch
from monai.metrics import compute_average_surface_distance, compute_dice, compute_hausdorff_distance, compute_iou
from scipy import ndimage
from sklearn.metrics import (accuracy_score, brier_score_loss, f1_score, fbeta_score, jaccard_score, precision_score,
                             recall_score)

from make_random import Stream

RANDOM_TEST = 7
FULL = [0, 0, 1000, 1000]

# width, height, truth's ellipses, the prediction's ellipses, soft, noise
CASES = [
    (61, 47, [[30, 22, 14, 10]], [[33, 24, 12, 11]], 120, 9),
    (80, 64, [[20, 20, 12, 9], [58, 44, 9, 13]], [[22, 21, 11, 10], [60, 20, 7, 6]], 300, 0),
    (53, 71, [[26, 40, 20, 25]], [[26, 30, 9, 9]], 60, 20),
    (40, 40, [[8, 8, 12, 12]], [[6, 8, 13, 10]], 200, 4),  # cut by the picture's edge
    (64, 48, [[12, 12, 6, 6], [32, 12, 6, 6], [52, 36, 7, 7]], [[12, 13, 6, 6], [31, 12, 5, 6], [14, 38, 5, 5]], 900, 0),
    (45, 33, [[22, 16, 9, 9]], [[22, 16, 9, 9]], 2000, 0),  # the same mask
    (45, 33, [[10, 16, 5, 5]], [[36, 16, 5, 5]], 2000, 0),  # nothing in common
    (70, 50, [[35, 25, 18, 12]], [[35, 25, 18, 12]], 40, 70),  # noisy: many small components
    (37, 29, [], [[20, 14, 6, 6]], 150, 5),  # empty truth
    (37, 29, [[20, 14, 6, 6]], [], 0, 0),  # empty prediction
    (37, 29, [], [], 0, 0),  # both empty
    (37, 29, [FULL], [FULL], 1000, 0),  # both full
    (37, 29, [FULL], [[20, 14, 9, 6]], 100, 3),  # full truth
    (37, 29, [[20, 14, 9, 6]], [FULL], 1000, 0),  # full prediction
    (37, 29, [[20, 14, 1, 1]], [[22, 13, 1, 1]], 2000, 0),  # one pixel each
    (37, 29, [[20, 14, 1, 1]], [[20, 14, 9, 7]], 90, 0),  # one pixel of truth
]
NO_CLASS_LACKS = range(8)


def ellipse(w, h, e):
    cx, cy, rx, ry = e
    y, x = np.mgrid[0:h, 0:w].astype(np.int64)
    return 1000 * ((x - cx) ** 2 * ry**2 + (y - cy) ** 2 * rx**2) // (rx**2 * ry**2)


def draw(number, w, h, truths, predictions, soft, noise):
    truth = np.zeros((h, w), bool)
    for e in truths:
        truth |= ellipse(w, h, e) < 1000
    level = np.full((h, w), -9999, np.int64)
    for e in predictions:
        level = np.maximum(level, 128 + soft - ellipse(w, h, e) * soft // 1000)
    r = Stream(number, RANDOM_TEST, 3, 0)
    level += np.array([r.below(2 * noise + 1) - noise for _ in range(w * h)], np.int64).reshape(h, w)
    return truth, np.clip(level, 0, 255).astype(np.uint8)


# ---- one case --------------------------------------------------------------------------------------------------


def monai(truth, mask):
    t, m = (torch.from_numpy(a[None, None].astype(np.float32)) for a in (truth, mask))
    out = {"dice": compute_dice(m, t).item(), "iou": compute_iou(m, t).item()}
    if truth.any() and mask.any():
        out["hausdorff_95"] = compute_hausdorff_distance(m, t, include_background=True, percentile=95).item()
        out["surface_distance"] = compute_average_surface_distance(m, t, include_background=True, symmetric=True).item()
    return {key: None if np.isnan(value) else value for key, value in out.items()}


def boundary_f(truth, mask):
    edges = [a & ~ndimage.binary_erosion(a) for a in (truth, mask)]
    if not truth.any() or not mask.any():
        return None
    tolerance = 0.0075 * np.hypot(*truth.shape)
    away = [ndimage.distance_transform_edt(~e) for e in edges]
    recall, precision = (away[1][edges[0]] < tolerance).mean(), (away[0][edges[1]] < tolerance).mean()
    return float(2 * precision * recall / (precision + recall)) if precision + recall > 0 else 0.0


def components(mask):
    labels, count = ndimage.label(mask, np.ones((3, 3)))
    found = [labels == k for k in range(1, count + 1)]
    return [c for c in found if c.sum() >= 0.001 * mask.size]


def objects(truth, mask):
    real, said = components(truth), components(mask)
    pairs = sorted(((-(r & s).sum() / (r | s).sum(), i, k) for i, r in enumerate(real) for k, s in enumerate(said)
                    if (r & s).any()))
    taken, matched = set(), []
    for jaccard, i, k in pairs:
        if ("r", i) in taken or ("s", k) in taken:
            continue
        taken |= {("r", i), ("s", k)}
        matched.append(-jaccard)
    return {"polyps": len(real), "predicted": len(said), "at_50": sum(bool(j >= 0.5) for j in matched),
            "at_10": sum(bool(j >= 0.1) for j in matched)}


HANDLERS = {"dice": sod.DICEHandler, "iou": sod.IOUHandler, "recall": sod.RecallHandler,
            "precision": sod.PrecisionHandler, "specificity": sod.SpecificityHandler}


def pysod(truth, level, normalise):
    pair = (level, truth.astype(np.uint8) * 255) if normalise else (level / 255, truth)
    s, e, w, mae = sod.Smeasure(), sod.Emeasure(), sod.WeightedFmeasure(), sod.MAE()
    f = sod.FmeasureV2({name: handler(with_dynamic=True, with_adaptive=False) for name, handler in HANDLERS.items()})
    for metric in (s, e, w, mae, f):
        metric.step(*pair, normalize=normalise)
    # at index 0 theirs is the highest threshold
    curves = {name: np.flip(f.get_results()[name]["dynamic"]) for name in HANDLERS}
    curves["e_measure"] = np.flip(e.get_results()["em"]["curve"])
    return {"s_measure": float(s.get_results()["sm"]), "weighted_f": float(w.get_results()["wfm"]),
            "mae": float(mae.get_results()["mae"])}, curves


def sklearn_empty(truth, mask):
    t, m = truth.ravel(), mask.ravel()
    return {"jaccard": jaccard_score(t, m, zero_division=0), "dsc": f1_score(t, m, zero_division=0),
            "recall": recall_score(t, m, zero_division=0), "precision": precision_score(t, m, zero_division=1),
            "accuracy": accuracy_score(t, m), "f2": fbeta_score(t, m, beta=2, zero_division=0)}


# ---- all of them -----------------------------------------------------------------------------------------------


def smp_reduced(stats, reduction):
    pick = dict(reduction=reduction, zero_division=0)
    return {"jaccard": smp.iou_score(*stats, **pick).item(), "dsc": smp.f1_score(*stats, **pick).item(),
            "recall": smp.recall(*stats, **pick).item(), "precision": smp.precision(*stats, **pick).item(),
            "accuracy": smp.accuracy(*stats, **pick).item(), "f2": smp.fbeta_score(*stats, beta=2, **pick).item()}


def smp_all(pairs):
    each = [smp.get_stats(torch.from_numpy(m[None, None].astype(np.int64)), torch.from_numpy(t[None, None].astype(np.int64)),
                          mode="binary") for t, m in pairs]
    # counts as doubles: the library divides in float32 otherwise
    stats = [torch.cat(column).double() for column in zip(*each)]
    return {"micro": smp_reduced(stats, "micro"), "imagewise": smp_reduced(stats, "micro-imagewise")}


def macro(t, m):
    pick = dict(average="macro", zero_division=0)
    return {"jaccard": jaccard_score(t, m, **pick), "dsc": f1_score(t, m, **pick), "recall": recall_score(t, m, **pick),
            "precision": precision_score(t, m, **pick), "accuracy": accuracy_score(t, m), "f2": fbeta_score(t, m, beta=2, **pick)}


def classes(pairs):
    ravelled = [(t.ravel(), m.ravel()) for t, m in pairs]
    each = [macro(*ravelled[i]) for i in NO_CLASS_LACKS]
    return {"pooled": macro(*(np.concatenate(c) for c in zip(*ravelled))),
            "per_image_of_first": {key: float(np.mean([e[key] for e in each])) for key in each[0]},
            "first": len(NO_CLASS_LACKS)}


def calibration(truths, levels):
    t = np.concatenate([a.ravel() for a in truths])
    p = np.concatenate([a.ravel() for a in levels]) / 255
    bins = np.minimum((np.concatenate([a.ravel() for a in levels]).astype(int) * 15) // 255, 14)
    error = sum((bins == b).mean() * abs(p[bins == b].mean() - t[bins == b].mean()) for b in range(15) if (bins == b).any())
    return {"expected_error": float(error), "brier": float(brier_score_loss(t, p))}


def main():
    warnings.simplefilter("ignore")
    drawn = [draw(i, *case) for i, case in enumerate(CASES)]
    pairs = [(truth, level > 127) for truth, level in drawn]
    cases, curves = [], {"plain": [], "min_max": []}
    for case, (truth, level), (_, mask) in zip(CASES, drawn, pairs):
        one = {"draw": case, "monai": monai(truth, mask), "boundary_f": boundary_f(truth, mask),
               "objects": objects(truth, mask), "sklearn": sklearn_empty(truth, mask)}
        for name, normalise in (("plain", False), ("min_max", True)):
            one[name], curve = pysod(truth, level, normalise)
            one[name] |= {"mean_dice": float(curve["dice"].mean()), "mean_iou": float(curve["iou"].mean()),
                          "mean_e_measure": float(curve["e_measure"].mean())}
            curves[name].append(curve)
        cases.append(one)
    means = {name: {key: [round(float(v), 9) for v in np.mean([c[key] for c in list_], axis=0)] for key in list_[0]}
             for name, list_ in curves.items()}
    print(json.dumps({"cases": cases, "curves": means, "smp": smp_all(pairs), "classes": classes(pairs),
                      "calibration": calibration(*zip(*drawn))}))


if __name__ == "__main__":
    main()
