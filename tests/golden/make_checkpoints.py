#!/usr/bin/env python3
"""Writes golden/weights/: small checkpoints as PyTorch and safetensors write them, and what must be read from them.

Needs torch, numpy, safetensors. The files are committed; run again only to add a case.
"""
import collections
import pathlib
import struct
import zipfile

import numpy as np
import safetensors.torch
import torch

OUT = pathlib.Path(__file__).parent / "weights"


def tensors():
    """Every kind of storage and view that a state_dict may hold."""
    draw = torch.Generator().manual_seed(5)
    base = torch.randn(6, 4, generator=draw)
    halves = torch.tensor([0.0, -0.0, 1.5, -2.0, 65504.0, 6e-8, -6.1e-5, float("inf"), float("-inf"), float("nan"), 1 / 3])
    return collections.OrderedDict([
        ("dense", torch.randn(3, 4, generator=draw)),
        ("half", halves.half()),
        ("brain", torch.cat([halves, torch.tensor([3e38, -1e-40])]).bfloat16()),
        ("double", torch.randn(2, 3, generator=draw, dtype=torch.float64) * 1e3),
        ("long", torch.tensor([0, -1, 7, 2 ** 40, -(2 ** 53)])),
        ("byte", torch.tensor([-128, -1, 0, 127], dtype=torch.int8)),
        ("transposed", base.t()),
        ("sliced", base[1:5:2, 1:]),
        ("row", base[3]),
        ("spread", torch.tensor([1.0, 2.0])[:, None].expand(2, 3)),
        ("channels_last", torch.randn(2, 3, 2, 2, generator=draw).to(memory_format=torch.channels_last)),
        ("empty", torch.zeros(0, 3)),
        ("scalar", torch.tensor(2.5)),
        ("parameter", torch.nn.Parameter(torch.randn(2, 2, generator=draw))),
        ("half_view", torch.arange(12).half().reshape(3, 4)[:, 1::2]),
    ])


def write_pytorch(state):
    torch.save(state, OUT / "bare.pth")
    torch.save(state, OUT / "protocol4.pth", pickle_protocol=4)
    torch.save(state, OUT / "legacy.pth", _use_new_zipfile_serialization=False)
    model = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 1), torch.nn.BatchNorm2d(3))
    step = torch.optim.Adam(model.parameters())
    model(torch.ones(2, 2, 4, 4)).sum().backward()
    step.step()
    nested = {"epoch": 7, "best": 0.5, "name": "a \u00e9", "raw": b"\x00\xff", "big": 1 << 80, "none": None, "flags": [True, False],
              "size": torch.Size([1, 2]), "device": torch.device("cpu"), "dtype": torch.float32, "optimizer": step.state_dict(),
              "version": model.state_dict(),
              "state_dict": collections.OrderedDict(("module." + k, v) for k, v in state.items())}
    torch.save(nested, OUT / "nested.pth")
    torch.save({"model": nested}, OUT / "nested-legacy.pth", _use_new_zipfile_serialization=False)
    torch.save({"state_dict": {"w": torch.zeros(2)}, "options": np.float64(1)}, OUT / "numpy.pth")
    torch.save(model, OUT / "whole-model.pth")


def write_zip64(source, target):
    """The same records with a table of contents whose sizes and places all stand in 64-bit fields, as in files over 4 GiB."""
    body, table = source.read_bytes(), b""
    with zipfile.ZipFile(source) as archive:
        records, start = archive.infolist(), archive.start_dir
    for r in records:
        name = r.filename.encode()
        extra = struct.pack("<HHB", 0x7777, 1, 0) + struct.pack("<HHQQQ", 1, 24, r.file_size, r.compress_size, r.header_offset)
        table += struct.pack("<4s6H3I5H2I", b"PK\1\2", 45, 45, r.flag_bits, 0, 0, 0, r.CRC, 2 ** 32 - 1, 2 ** 32 - 1, len(name),
                             len(extra), 0, 0, 0, 0, 2 ** 32 - 1) + name + extra
    end64 = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, len(records), len(records), len(table), start)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, start + len(table), 1)
    comment = b"a comment"
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xffff, 0xffff, 2 ** 32 - 1, 2 ** 32 - 1, len(comment)) + comment
    target.write_bytes(body[:start] + table + end64 + locator + end)


def write_packed(source, target):
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        new.writestr(zipfile.ZipInfo("bare/data.pkl"), old.read("bare/data.pkl"), zipfile.ZIP_DEFLATED)


def main():
    OUT.mkdir(exist_ok=True)
    torch.manual_seed(1)
    state = tensors()
    write_pytorch(state)
    write_zip64(OUT / "bare.pth", OUT / "zip64.pth")
    write_packed(OUT / "bare.pth", OUT / "packed.pth")
    torch.save({"a": torch.ones(1), "module.a": torch.ones(1)}, OUT / "twice.pth")
    dense = {name: value.detach().contiguous().clone() for name, value in state.items()}
    safetensors.torch.save_file({name: value.float() for name, value in dense.items()}, OUT / "expected.safetensors")
    others = {"u8": torch.tensor([1, 255], dtype=torch.uint8), "flag": torch.tensor([True, False, True]),
              "i32": torch.tensor([[1, -2]], dtype=torch.int32), "i16": torch.tensor([3], dtype=torch.int16)}
    safetensors.torch.save_file({**dense, **others}, OUT / "types.safetensors",
                                metadata={"who": "safetensors", "quoted": 'a "b" \\ \u00e9\n'})


if __name__ == "__main__":
    main()
