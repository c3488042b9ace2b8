"""One measurement of PyTorch in a process of its own, for peers.py: a line of JSON on stdout.

The network is tests/golden/network.py, eager and channels-last unless --compile. A training step is forward, loss,
backward and AdamW, as in polyp.
"""
import argparse
import json
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "golden"))
import network  # noqa: E402


def inference(model, picture, options):
    model.eval()
    if options.compile:
        torch._inductor.config.freezing = True
        model = torch.compile(model)

    def once():
        with torch.inference_mode():
            model(picture)

    return once


def training(model, picture, options):
    model.train()
    masks = (torch.rand(picture.shape[0], 1, *picture.shape[2:]) > 0.7).float()
    decayed = [p for p in model.parameters() if p.dim() == 4]
    others = [p for p in model.parameters() if p.dim() != 4]
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=1e-3, fused=options.fused or None)
    run = torch.compile(model) if options.compile else model

    def once():
        optimiser.zero_grad(set_to_none=True)
        network.loss_bce_dice(run(picture), masks).backward()
        optimiser.step()

    return once


def time_it(once, seconds, runs):
    """Milliseconds of each run: at least `runs`, and for `seconds`. The first two only warm up."""
    for _ in range(2):
        once()
    times = []
    end = time.perf_counter() + seconds
    while len(times) < runs or time.perf_counter() < end:
        start = time.perf_counter()
        once()
        times.append(1e3 * (time.perf_counter() - start))
    return times


def peak_bytes():
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="slim", choices=sorted(network.SPECS))
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--compile", action="store_true", help="torch.compile (frozen for inference)")
    parser.add_argument("--fused", action="store_true", help="AdamW(fused=True)")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    model = network.Network(network.SPECS[options.preset]).to(memory_format=torch.channels_last)
    picture = torch.randn(options.batch, 3, options.size, options.size).to(memory_format=torch.channels_last)
    once = (training if options.train else inference)(model, picture, options)
    times = sorted(time_it(once, options.seconds, options.runs))
    print(json.dumps({
        "version": torch.__version__,
        "min_ms": times[0],
        "median_ms": times[len(times) // 2],
        "runs": len(times),
        "memory_peak": peak_bytes(),
    }))


if __name__ == "__main__":
    main()
