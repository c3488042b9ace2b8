"""Writes tiny.pth and tiny.logits for tests/test_import.c: a whole network as a training script of PyTorch saves it,
in half precision and under DataParallel's names, and the logits that PyTorch computes from it in float64.

    python3 tests/golden/make_import.py        (needs torch and numpy)
"""
from pathlib import Path

import torch

import make_network
import network


def main():
    folder = Path(__file__).parent
    model = make_network.build("tiny", False, torch.float16)
    state = {"module." + name: value for name, value in model.state_dict().items()}
    torch.save({"epoch": 3, "state_dict": state, "best": 0.5}, folder / "tiny.pth")
    with torch.inference_mode():
        picture, _ = make_network.batch(1, 64, torch.float64)
        logits = model.to(torch.float64).eval()(picture)
    make_network.numbers(logits).astype("<f4").tofile(folder / "tiny.logits")
    print(sum(value.numel() for _, value in network.table(model)), "values")


if __name__ == "__main__":
    main()
