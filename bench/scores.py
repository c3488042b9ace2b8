#!/usr/bin/env python3
"""Times `polyp evaluate --masks` against PySODMetrics on the same probability maps, in one run.

    bench/scores.py [--program build/app/polyp] [--data DATA] [--threads 2] [--subset 40]

Needs `pip install pysodmetrics` (which brings numpy and OpenCV). Without --data, `polyp synth` draws 1000 pictures at
Kvasir-SEG's sizes. The maps are truth moved and blurred, 8-bit PNG, written to a temporary folder. Both sides read the
files themselves. PySODMetrics computes S, E, weighted F, MAE and the curves of Dice and IoU, on a subset and on one core;
polyp computes all that it knows of every picture. Compared is processor time a picture, which other programs on the machine
hardly change, and, with both sides' time by the clock, what a user waits for.
"""
import argparse
import json
import os
import subprocess
import tempfile
import time
import warnings
from pathlib import Path

import cv2
import numpy as np
import py_sod_metrics as sod

ROOT = Path(__file__).resolve().parent.parent


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=ROOT / "build" / "app" / "polyp")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--subset", type=int, default=40)
    return parser.parse_args()


def write_maps(masks, folder):
    """Moved by some pixels and blurred as a network's edge is."""
    draw = np.random.default_rng(1)
    for path in masks:
        truth = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        moved = np.roll(truth, tuple(draw.integers(-12, 13, 2)), (0, 1))
        cv2.imwrite(str(folder / f"{path.stem}.png"), cv2.GaussianBlur(moved, (0, 0), 6))


def seconds_of_polyp(program, data, maps, threads):
    """The whole run, and processor time a picture."""
    summary = maps.parent / "summary.json"
    start, used = time.perf_counter(), os.times()
    subprocess.run([program, "evaluate", "--masks", maps, "--probabilities", "--min-max", data, "--threads", str(threads),
                    "--json", summary, "--quiet"], check=True, stdout=subprocess.DEVNULL)
    now, images = os.times(), json.loads(summary.read_text())["images"]
    processor = now.children_user + now.children_system - used.children_user - used.children_system
    return time.perf_counter() - start, processor / images


def seconds_of_pysod(masks, maps):
    warnings.simplefilter("ignore")
    handlers = {"dice": sod.DICEHandler(True, False), "iou": sod.IOUHandler(True, False)}
    metrics = [sod.Smeasure(), sod.Emeasure(), sod.WeightedFmeasure(), sod.MAE(), sod.FmeasureV2(handlers)]
    start, used = time.perf_counter(), time.process_time()
    for path in masks:
        truth = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        level = cv2.imread(str(maps / f"{path.stem}.png"), cv2.IMREAD_GRAYSCALE)
        for metric in metrics:
            metric.step(level, truth)
    return (time.perf_counter() - start) / len(masks), (time.process_time() - used) / len(masks)


def main():
    a = parse()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        data = a.data
        if data is None:
            data = Path(folder) / "data"
            subprocess.run([a.program, "synth", data, "--count", "1000", "--seed", "1", "--quiet"], check=True)
        masks = sorted(p for p in (data / "masks").iterdir() if p.suffix in (".png", ".jpg"))
        maps = Path(folder) / "maps"
        maps.mkdir()
        write_maps(masks, maps)
        whole, ours = seconds_of_polyp(a.program, data, maps, a.threads)
        peer_wait, peer = seconds_of_pysod(masks[:: max(1, len(masks) // a.subset)], maps)
    print(f"{len(masks)} pictures, everything, {a.threads} threads: {whole:.1f} s")
    print(f"processor time a picture: polyp {1000 * ours:.1f} ms, PySODMetrics {1000 * peer:.1f} ms, ratio {peer / ours:.1f}")
    print(f"by the clock: ratio {peer_wait * len(masks) / whole:.1f}")


if __name__ == "__main__":
    main()
