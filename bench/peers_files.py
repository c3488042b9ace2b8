"""Pictures to masks in Python, files to files, as `polyp predict` does it: what peers.py compares whole processes with.

    peers_files.py onnxruntime|openvino MODEL PRECISION THREADS SIZE OUT PICTURE...

    peers_files.py compare MASKS MASKS
prints the share of pixels in which the masks of one folder differ from those of the same name in another.

Decode, resize to SIZE, normalise, infer, resize the logits to the picture's own size, threshold, encode as PNG. ONNX Runtime
goes one by one; OpenVINO has threads that decode ahead and encode behind. Prints the seconds after the model was ready.
"""
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image
from peers_worker import onnxruntime_session, openvino_model, prepare

AHEAD = 8


def finish(logits, own, path):
    whole = np.asarray(Image.fromarray(logits.reshape(logits.shape[-2:])).resize(own, Image.BILINEAR))
    # level 1: the fastest that Pillow offers
    Image.fromarray(np.where(whole > 0, 255, 0).astype(np.uint8)).save(path, compress_level=1)


def network_of(peer, model, precision, threads, size):
    """A function from the network's input to its logits."""
    if peer == "onnxruntime":
        session = onnxruntime_session(model, threads, 1, size)
        name = session.get_inputs()[0].name
        return lambda picture: session.run(None, {name: picture})[0]
    request = openvino_model(model, (1, 3, size, size), precision, threads).create_infer_request()
    return lambda picture: request.infer([picture], share_inputs=True)[0].copy()


def in_threads(network, jobs, size):
    """Some pictures ahead of the network, and as many behind it."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as pool:
        waiting, written = [], []
        left = iter(jobs)
        for path, out in left:
            waiting.append((pool.submit(prepare, path, size), out))
            if len(waiting) == AHEAD:
                break
        while waiting:
            prepared, out = waiting.pop(0)
            picture, own = prepared.result()
            following = next(left, None)
            if following:
                waiting.append((pool.submit(prepare, following[0], size), following[1]))
            written.append(pool.submit(finish, network(picture), own, out))
        for job in written:
            job.result()


def one_by_one(network, jobs, size):
    for path, out in jobs:
        picture, own = prepare(path, size)
        finish(network(picture), own, out)


def compare(ours, theirs):
    different = pixels = 0
    for path in sorted(Path(theirs).iterdir()):
        a, b = (np.asarray(Image.open(p)) > 127 for p in (Path(ours) / path.name, path))
        different += np.count_nonzero(a != b)
        pixels += a.size
    print(different / pixels)


def main():
    if sys.argv[1] == "compare":
        return compare(*sys.argv[2:])
    peer, model, precision, threads, size, out, *pictures = sys.argv[1:]
    jobs = [(p, Path(out) / (Path(p).stem + ".png")) for p in pictures]
    network = network_of(peer, model, precision, int(threads), int(size))
    work = one_by_one if peer == "onnxruntime" else in_threads
    start = time.perf_counter()
    work(network, jobs, int(size))
    print(time.perf_counter() - start)


if __name__ == "__main__":
    main()
