"""Writes smp.golden and smp.names: what segmentation_models_pytorch's own Unet computes in float64, and how it names its
tensors, for tests/test_network.c and tests/test_import.c.

    python3 tests/golden/make_smp.py        (needs torch, numpy and segmentation_models_pytorch)

Weights come from polyp's generator, as in make_network.py. smp.names has a line for each tensor of a state_dict, in its
order: the preset, the name, its sides.
"""
from pathlib import Path

import torch

import make_network
import network

# Preset, side and batch, as in make_network.py.
TRAINED = (("smp-resnet18", 64, 4),)
STEPPED = (("smp-resnet18", 64, 4),)
INFERRED = ("smp-resnet34", "smp-resnet50", "smp-resnet101")


def names():
    for preset in ("smp-resnet18", "smp-resnet50"):
        for name, value in network.create(preset).state_dict().items():
            yield " ".join([preset, name, *map(str, value.shape)])


def main():
    records = make_network.everything(TRAINED, STEPPED)
    for preset in INFERRED:
        records |= make_network.inference(preset, torch.float64)
    make_network.write("smp.golden", records)
    Path(__file__).with_name("smp.names").write_text("\n".join(names()) + "\n")


if __name__ == "__main__":
    main()
