"""Writes network.golden: what PyTorch computes in float64 for the networks that tests/test_network.c builds.

    python3 tests/golden/make_network.py        (needs torch and numpy; a minute)

Weights, pictures and masks come from polyp's own generator (network.py), so only results are stored. The file is
"polypgld", then records of {char name[88], uint64 count, float values[count]}, little endian.
"""
import struct
from pathlib import Path

import numpy as np
import torch

import network
from network import RANDOM_TEST, Stream

SEED = 42
SAMPLES = 64
STEPS = 10

# Preset, side and batch of one forward pass in train mode; in eval mode it is 64 px, batch 2.
TRAINED = (("slim", 96, 4), ("slim18", 64, 4), ("coauthor", 64, 4), ("narrow", 64, 4))
# The same for gradients and ten steps, with settled norms.
STEPPED = (("slim", 96, 4), ("narrow", 64, 4))


def harden(model, settled):
    """Norms and biases away from their defaults, so that no mistake hides behind a 0 or a 1.

    The last norm of each residual block is scaled by 0.3: else values grow from block to block.

    settled: norms put most values far from ReLU's kink, a quarter of the channels below it. Otherwise rounding alone
    moves some values over it: PyTorch's own f32 gradients of `slim` then differ from f64 by 1e-2 of a tensor's largest
    (2e-5 when settled), and ten losses by 5e-4 (2e-7 when settled).
    """
    last = "bn3." if model.encoder.layer1[0].expansion == 4 else "bn2."
    for index, (name, value) in enumerate(network.table(model)):
        if value.dim() == 4:
            continue
        count = value.numel()
        stream = Stream(SEED, RANDOM_TEST, 1, index)
        scale = 0.3 if ".layer" in name and last in name else 1.0
        if name.endswith("running_mean"):
            draws = stream.uniform(-0.2, 0.2, count)
        elif name.endswith("running_var"):
            draws = stream.uniform(0.5, 1.5, count)
        elif name.endswith("weight"):
            draws = stream.uniform(0.5, 1.5, count) * scale * (0.5 if settled else 1.0)
        elif ".up." in name or name.startswith("head"):
            draws = stream.uniform(-0.1, 0.1, count)
        elif settled:
            pairs = stream.uniform(0.0, 1.0, 2 * count)
            draws = (1.5 + pairs[0::2]) * scale * np.where(pairs[1::2] < 0.25, -1.0, 1.0)
        else:
            draws = stream.uniform(-0.2, 0.2, count) * scale
        value.copy_(torch.from_numpy(draws.astype(np.float32)))


def build(preset, settled, dtype):
    model = network.create(preset)
    network.initialise(model, SEED)
    harden(model, settled)
    return model.to(dtype)


def batch(count, side, dtype):
    shape = (count, 3, side, side)
    draws = Stream(SEED, RANDOM_TEST, 2, 0).normal(int(np.prod(shape))).astype(np.float32)
    picture = torch.from_numpy(draws).reshape(shape).to(dtype)
    draws = Stream(SEED, RANDOM_TEST, 3, 0).uniform(0.0, 1.0, count * side * side)
    masks = torch.from_numpy(draws > 0.7).reshape(count, 1, side, side).to(dtype)
    return picture, masks


def numbers(tensor):
    return tensor.detach().to(torch.float64).reshape(-1).numpy()


def sampled(values, index):
    """The norm, then SAMPLES elements at drawn places."""
    places = Stream(SEED, RANDOM_TEST, 4, index).below(len(values), SAMPLES)
    return np.concatenate(([np.linalg.norm(values)], values[places]))


def optimiser_of(model):
    decayed = [p for p in model.parameters() if p.dim() == 4]
    others = [p for p in model.parameters() if p.dim() != 4]
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.999), eps=1e-8)


def inference(preset, dtype):
    with torch.inference_mode():
        return {f"{preset}/eval": numbers(build(preset, False, dtype).eval()(batch(2, 64, dtype)[0]))}


def running(model):
    """Running statistics in table order: norm and samples per tensor."""
    table = enumerate(network.table(model))
    return np.concatenate([sampled(numbers(value), index) for index, (name, value) in table if "running" in name])


def training(preset, side, count, dtype):
    model = build(preset, False, dtype).train()
    with torch.no_grad():
        logits = numbers(model(batch(count, side, dtype)[0]))
    return {f"{preset}/train": logits, f"{preset}/train/running": running(model)}


def gradients(model, preset):
    """Per tensor every element (narrow), or norm and samples; and its largest element, which tolerances are relative to."""
    out = {}
    trained = {network.our_name(name): value for name, value in model.named_parameters()}
    for index, (name, _) in enumerate(network.table(model)):
        if name in trained:
            values = numbers(trained[name].grad)
            out[f"{preset}/gradient/{name}"] = values if preset == "narrow" else sampled(values, index)
    largest = [float(p.grad.abs().max()) for p in trained.values()]
    return out | {f"{preset}/largest": np.array(largest)}


def steps(preset, side, count, dtype):
    model = build(preset, True, dtype).train()
    picture, masks = batch(count, side, dtype)
    optimiser = optimiser_of(model)
    out, losses = {}, []
    for step in range(STEPS):
        optimiser.zero_grad()
        loss = network.loss_bce_dice(model(picture), masks)
        loss.backward()
        losses.append(loss.item())
        if step == 0:
            out |= gradients(model, preset)
        optimiser.step()
    return out | {f"{preset}/losses": np.array(losses), f"{preset}/running": running(model)}


def everything(trained, stepped):
    out = {}
    for preset, side, count in trained:
        out |= inference(preset, torch.float64) | training(preset, side, count, torch.float64)
    for preset, side, count in stepped:
        out |= steps(preset, side, count, torch.float64)
    return out


def write(name, records):
    path = Path(__file__).with_name(name)
    with open(path, "wb") as f:
        f.write(b"polypgld")
        for name, values in records.items():
            f.write(struct.pack("<88sQ", name.encode(), len(values)))
            f.write(values.astype("<f4").tobytes())
    print(f"{path.name}: {path.stat().st_size} bytes")


def main():
    write("network.golden", everything(TRAINED, STEPPED))


if __name__ == "__main__":
    main()
