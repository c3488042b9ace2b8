"""An exported file in ONNX's checker and ONNX Runtime, against what polyp computed from the same model (test_interop.c).

usage: check_onnx.py FILE.onnx INPUT SHAPE LOGITS [PREPARED PROBABILITY]

INPUT has f32 values, or bytes for a file that takes pictures; SHAPE such as 2x3x64x64; LOGITS f32; PREPARED the
normalised input that polyp made of the picture, f32; PROBABILITY bytes. Prints the largest and the mean difference: of
logits relative to the largest, of the prepared picture and of probabilities in levels of 255. With --available says by
its exit status whether the packages are there.
"""
import sys

import numpy as np
import onnx
import onnxruntime


DEVIATION = np.array([0.229, 0.224, 0.225], np.float32).reshape(3, 1, 1)


def report(what, difference):
    print(what, difference.max(), difference.mean())


def with_prepared_input(path):
    """The same model with what its network reads as a further output."""
    model = onnx.load(path)
    model.graph.output.append(onnx.helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, None))
    return model.SerializeToString()


def main():
    if sys.argv[1] == "--available":
        return
    path, input_path, shape = sys.argv[1], sys.argv[2], tuple(map(int, sys.argv[3].split("x")))
    onnx.checker.check_model(path, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    pictures = len(sys.argv) > 5
    session = onnxruntime.InferenceSession(with_prepared_input(path) if pictures else path, options, providers=["CPUExecutionProvider"])
    source = session.get_inputs()[0]
    kind = np.uint8 if source.type == "tensor(uint8)" else np.float32
    found = session.run(None, {source.name: np.fromfile(input_path, kind).reshape(shape)})
    wanted = np.fromfile(sys.argv[4], np.float32)
    report("logits", np.abs(found[0].ravel() - wanted) / np.abs(wanted).max())
    if pictures:
        prepared = np.fromfile(sys.argv[5], np.float32).reshape(found[2].shape)
        report("prepared", 255.0 * DEVIATION * np.abs(found[2] - prepared))
        report("probability", np.abs(255.0 * found[1].ravel() - np.fromfile(sys.argv[6], np.uint8)))


if __name__ == "__main__":
    main()
