#!/usr/bin/env python3
"""Writes resize.golden: small random pictures and what resizing must make of them.

bilinear and nearest are PIL's, channel by channel (PIL weighs colours by alpha, polyp does not); area is computed here in
whole numbers. Record: a line "method in_width in_height channels out_width out_height", the input, the output.
"""
import os

import numpy as np
from PIL import Image

HERE = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(4)

SIZES = [  # from (width, height) to (width, height)
    ((1, 1), (1, 1)), ((1, 1), (5, 3)), ((7, 5), (1, 1)), ((1, 9), (4, 2)), ((9, 1), (2, 4)), ((13, 7), (13, 7)),
    ((13, 7), (26, 14)), ((13, 7), (17, 5)), ((13, 7), (5, 17)), ((13, 7), (12, 8)), ((13, 7), (13, 3)),
    ((13, 7), (6, 7)), ((16, 16), (8, 8)), ((31, 29), (7, 11)), ((64, 48), (23, 19)), ((3, 2), (100, 37)),
    ((97, 3), (10, 2)), ((2, 89), (3, 11)), ((40, 30), (41, 29)), ((33, 65), (32, 32)), ((65, 33), (64, 1)),
]


def by_channel(image, size, method):
    planes = [np.array(Image.fromarray(image[:, :, c]).resize(size, method)) for c in range(image.shape[2])]
    return np.stack(planes, axis=-1)


def overlaps(inside, outside):
    """[outside, inside] lengths in units of 1 / (inside * outside) of the axis."""
    i, x = np.arange(inside)[None, :], np.arange(outside)[:, None]
    end = np.minimum((i + 1) * outside, (x + 1) * inside)
    return np.maximum(end - np.maximum(i * outside, x * inside), 0)


def area(image, size):
    rows, columns = overlaps(image.shape[0], size[1]), overlaps(image.shape[1], size[0])
    total = np.einsum("yi,ijc,xj->yxc", rows, image.astype(np.int64), columns)
    whole = image.shape[0] * image.shape[1]
    return ((2 * total + whole) // (2 * whole)).astype(np.uint8)


def nearest(image, size):
    x = (2 * np.arange(size[0]) + 1) * image.shape[1] // (2 * size[0])
    y = (2 * np.arange(size[1]) + 1) * image.shape[0] // (2 * size[1])
    out = image[y][:, x]
    if not np.array_equal(out, by_channel(image, size, Image.Resampling.NEAREST)):
        print("nearest: PIL rounds otherwise at", image.shape, size)
    return out


def main():
    methods = {"bilinear": lambda image, size: by_channel(image, size, Image.Resampling.BILINEAR),
               "area": area, "nearest": nearest}
    with open(os.path.join(HERE, "resize.golden"), "wb") as out:
        for number, (source, size) in enumerate(SIZES):
            for name, resize in methods.items():
                channels = (1, 3, 4)[number % 3]
                image = rng.integers(0, 256, (source[1], source[0], channels), dtype=np.uint8)
                if number % 4 == 0:  # masks: the hardest edges
                    image = np.where(image > 127, 255, 0).astype(np.uint8)
                result = np.ascontiguousarray(resize(image, size))
                out.write(f"{name} {source[0]} {source[1]} {channels} {size[0]} {size[1]}\n".encode())
                out.write(image.tobytes() + result.tobytes())


if __name__ == "__main__":
    main()
