#!/usr/bin/env python3
"""Writes augment.golden: what fastai 2 makes of given draws. Needs fastai, torch, scikit-image.

Every picture is a square of SIZE pixels. Records, each a line of words and then bytes:
  coords SIZE FLIP DEGREES ZOOM ZOOM_X ZOOM_Y WARP_X WARP_Y    float32 (SIZE, SIZE, 2): where each pixel comes from, -1..1
  picture SIZE FLIP ... WARP_Y BRIGHTNESS CONTRAST  RGB bytes, mask bytes (0, 1), resampled float32 (3, SIZE, SIZE) 0..1,
                                                    mask bytes, the picture after lighting float32 (3, SIZE, SIZE)
  symmetry SIZE INDEX                               RGB bytes, dihedral INDEX of them as bytes
  lab COUNT                                         RGB bytes, L*a*b* float32 (COUNT, 3)
FLIP is 0 or 1; a probability of 1 and a given draw make fastai's transforms definite.
"""
import os

import numpy as np
import torch
from fastai.vision.augment import Brightness, Contrast, Dihedral, Flip, Rotate, TensorImage, TensorMask, Warp, Zoom, setup_aug_tfms
from skimage.color import rgb2lab

HERE = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(7)
torch.use_deterministic_algorithms(True)

# flip, degrees, zoom, x, y, warp x, warp y
GEOMETRY = [
    (0, 0, 1, .5, .5, 0, 0), (1, 0, 1, .5, .5, 0, 0), (0, 10, 1, .5, .5, 0, 0), (0, 0, 1.1, 0, 1, 0, 0),
    (0, 0, 1, .5, .5, .2, 0), (0, 0, 1, .5, .5, 0, -.2), (0, 0, 1, .5, .5, -.15, .2), (1, -7.5, 1.07, .3, .8, .11, -.17),
    (1, 9.9, 1.1, .9, .1, -.2, -.2), (0, -3.2, 1.02, .6, .4, .2, .2), (1, 170, 1.6, .2, .7, .4, -.3), (0, 47, 1, .5, .5, .3, -.25),
]
LIGHT = [(.5, 1), (.6, 1), (.5, 1.25), (.4, .8), (.55, 1.1), (.43, 1.21), (.58, .83), (.6, 1.25)]


def geometry(draws):
    flip, degrees, zoom, x, y, warp_x, warp_y = draws
    return [Flip(p=1., draw=flip), Warp(p=1., draw_x=warp_x, draw_y=warp_y), Rotate(p=1., draw=degrees),
            Zoom(p=1., draw=zoom, draw_x=x, draw_y=y)]


def words(values):
    return " ".join(f"{v:.9g}" for v in values)


def run(transforms, batch):
    """setup_aug_tfms composes all geometry into one resampling and all lighting into one pass, as in a DataLoader."""
    for transform in setup_aug_tfms(transforms):
        batch = transform(batch, split_idx=0)
    return batch


def coordinates(draws, size):
    transform = setup_aug_tfms(geometry(draws))[0]
    like = TensorImage(torch.zeros(1, 3, size, size))
    transform.before_call(like, 0)
    grid = torch.nn.functional.affine_grid(transform.mat, (1, 3, size, size), align_corners=True)
    for function in transform.coord_fs:
        grid = function(grid)
    return grid[0].numpy().astype(np.float32)


def scene(size):
    """Smooth colours with hard edges, some of it black or saturated."""
    y, x = np.mgrid[0:size, 0:size] / size
    picture = np.stack([200 + 90 * np.sin(5 * x + y), 120 + 160 * np.cos(7 * y), 90 + 170 * np.sin(9 * x * y)], axis=-1)
    picture += rng.normal(0, 20, picture.shape)
    disc = (x - .55) ** 2 + (y - .4) ** 2 < .06
    picture[disc] *= .6
    return np.clip(picture, 0, 255).astype(np.uint8), disc.astype(np.uint8)


def write_picture(out, draws, light, size):
    rgb, mask = scene(size)
    picture = TensorImage(torch.tensor(rgb).permute(2, 0, 1)[None].float() / 255)
    truth = TensorMask(torch.tensor(mask)[None].long())
    moved, moved_mask = run(geometry(draws), (picture, truth))
    lighting = [Brightness(p=1., draw=light[0]), Contrast(p=1., draw=light[1])]
    lit, _ = run(lighting, (moved.clone(), moved_mask))
    out.write(f"picture {size} {words(draws)} {words(light)}\n".encode())
    out.write(rgb.tobytes() + mask.tobytes() + moved[0].numpy().astype(np.float32).tobytes())
    out.write(moved_mask[0].numpy().astype(np.uint8).tobytes() + lit[0].numpy().astype(np.float32).tobytes())


def write_symmetry(out, index, size):
    rgb = rng.integers(0, 256, (size, size, 3), dtype=np.uint8)
    picture = TensorImage(torch.tensor(rgb).permute(2, 0, 1)[None].float())
    turned, _ = run([Dihedral(p=1., draw=index)], (picture, TensorMask(torch.zeros(1, size, size).long())))
    out.write(f"symmetry {size} {index}\n".encode() + rgb.tobytes())
    out.write(turned[0].permute(1, 2, 0).round().numpy().astype(np.uint8).tobytes())


def write_lab(out):
    rgb = np.concatenate([rng.integers(0, 256, (400, 3)), np.repeat([[0], [1], [9], [11], [128], [254], [255]], 3, axis=1),
                          np.eye(3, dtype=int) * 255]).astype(np.uint8)
    out.write(f"lab {len(rgb)}\n".encode() + rgb.tobytes())
    out.write(rgb2lab(rgb[None].astype(np.float64) / 255)[0].astype(np.float32).tobytes())


def main():
    with open(os.path.join(HERE, "augment.golden"), "wb") as out:
        for number, draws in enumerate(GEOMETRY):
            size = 11 + number % 2
            out.write(f"coords {size} {words(draws)}\n".encode() + coordinates(draws, size).tobytes())
        for number, draws in enumerate(GEOMETRY):
            write_picture(out, draws, LIGHT[number % len(LIGHT)], 23 + number % 2)
        for index in range(8):
            write_symmetry(out, index, 9)
        write_lab(out)


if __name__ == "__main__":
    main()
