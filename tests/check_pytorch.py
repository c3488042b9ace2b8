"""A model in PyTorch, by the lines that docs/interop.md shows, against what polyp computed (test_interop.c).

usage: check_pytorch.py docs/interop.md FILE.safetensors INPUT SHAPE LOGITS    the network of the page
       check_pytorch.py ENCODER FILE.safetensors INPUT SHAPE LOGITS            segmentation_models_pytorch's Unet

INPUT and LOGITS have f32 values; SHAPE such as 2x3x64x64. Prints the largest and the mean difference relative to the
largest logit. With --available says by its exit status whether the packages are there.
"""
import re
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file


def of_page(page, path):
    code = re.search(r"```python\n(.*?)```", Path(page).read_text(), re.DOTALL).group(1)
    names = {}
    exec(compile(code, page, "exec"), names)
    return names["load"](path)


def of_library(encoder, path):
    import segmentation_models_pytorch

    network = segmentation_models_pytorch.Unet(encoder, encoder_weights=None, classes=1)
    network.load_state_dict(load_file(path))
    return network.eval()


def main():
    if sys.argv[1] == "--available":
        return
    source, path, input_path, shape, logits_path = sys.argv[1:]
    torch.set_num_threads(1)
    network = of_page(source, path) if source.endswith(".md") else of_library(source, path)
    picture = torch.from_numpy(np.fromfile(input_path, np.float32)).reshape(tuple(map(int, shape.split("x"))))
    with torch.inference_mode():
        found = network(picture).numpy().ravel()
    wanted = np.fromfile(logits_path, np.float32)
    difference = np.abs(found - wanted) / np.abs(wanted).max()
    print("logits", difference.max(), difference.mean())


if __name__ == "__main__":
    main()
