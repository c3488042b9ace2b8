"""One peer of peers.py in a process of its own, asked in turn: a line of JSON in, a line of JSON out.

    {"do": "load", "key": K, ...}  makes a network ready: which, by what, in which precision, size and batch
    {"do": "time", "key": K, "runs": N}  {"times_ms": [...], "peak_bytes": VmHWM}
    {"do": "drop", "key": K}

Between questions it waits on its input and takes no processor time. What fails is answered with {"error": ...}.
The PyTorch network is tests/golden/network.py; ONNX Runtime and OpenVINO get what `polyp export` wrote.
A training step is forward, loss, backward and AdamW, as in polyp.

    peers_worker.py weights PRESET OUT.pth [MODEL.safetensors]
writes PyTorch's state_dict: random weights as polyp draws them, or a model's.

    peers_worker.py quantise onnxruntime|openvino MODEL.onnx OUT PICTURES SIZE
writes the 8-bit model that each peer's own tools make of drawn pictures: static quantisation, weights per channel.
"""
import json
import os
import sys
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
WARM_UP_RUNS = 2


def peak_bytes():
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def drawn(batch, size):
    return np.random.default_rng(1).standard_normal((batch, 3, size, size), np.float32)


# ---- PyTorch -------------------------------------------------------------------------------------------------


def torch_modules():
    sys.path.insert(0, str(HERE.parent / "tests" / "golden"))
    import network
    import torch

    return torch, network


def weights(preset, out, model=None):
    torch, network = torch_modules()
    made = network.create(preset)
    if model is None:
        with torch.no_grad():
            network.initialise(made, 1)
    else:
        import safetensors.torch

        lacking, unknown = made.load_state_dict(safetensors.torch.load_file(model), strict=False)
        if unknown or any(not name.endswith("num_batches_tracked") for name in lacking):
            sys.exit(f"{model} is no {preset}: {(unknown or lacking)[0]}")
    torch.save(made.state_dict(), out)


def torch_network(job):
    torch, network = torch_modules()
    torch.set_num_threads(job["threads"])
    model = network.Network(network.SPECS[job["preset"]])
    model.load_state_dict(torch.load(job["weights"], weights_only=True))
    return torch, network, model.to(memory_format=torch.channels_last)


def torch_inference(job):
    torch, _, model = torch_network(job)
    import torch._inductor.config

    model.eval()
    picture = torch.from_numpy(drawn(job["batch"], job["size"])).to(memory_format=torch.channels_last)
    if job["peer"] == "torch.compile":
        torch._inductor.config.freezing = True
        model = torch.compile(model)

    def once():
        # no_grad, since torch.compile does not freeze under inference_mode
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=job["precision"] == "bf16"):
            model(picture)

    return once


def torch_training(job):
    torch, network, model = torch_network(job)
    model.train()
    picture = torch.from_numpy(drawn(job["batch"], job["size"])).to(memory_format=torch.channels_last)
    masks = (torch.rand(job["batch"], 1, job["size"], job["size"]) > 0.7).float()
    decayed = [p for p in model.parameters() if p.dim() == 4]
    others = [p for p in model.parameters() if p.dim() != 4]
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=1e-5, fused=True)
    run = torch.compile(model) if job["peer"] == "torch.compile" else model

    def once():
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=job["precision"] == "bf16"):
            logits = run(picture)
        network.loss_bce_dice(logits.float(), masks).backward()
        optimiser.step()

    return once


# ---- ONNX Runtime and OpenVINO -------------------------------------------------------------------------------


def onnxruntime_session(model, threads, batch, size):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    for name, value in (("batch", batch), ("height", size), ("width", size)):
        options.add_free_dimension_override_by_name(name, value)
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def onnxruntime_inference(job):
    session = onnxruntime_session(job["model"], job["threads"], job["batch"], job["size"])
    feed = {session.get_inputs()[0].name: drawn(job["batch"], job["size"])}
    return lambda: session.run(None, feed)


def openvino_model(model, shape, precision, threads):
    import openvino

    core = openvino.Core()
    network = core.read_model(model)
    network.reshape(list(shape))
    settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    if precision != "int8":  # what stays above 8 bits there is OpenVINO's choice
        settings["INFERENCE_PRECISION_HINT"] = precision
    return core.compile_model(network, "CPU", settings)


def openvino_inference(job):
    picture = drawn(job["batch"], job["size"])
    request = openvino_model(job["model"], picture.shape, job["precision"], job["threads"]).create_infer_request()
    return lambda: request.infer([picture], share_inputs=True, share_outputs=True)


def load(job):
    if job["kind"] == "train":
        return torch_training(job)
    return {"PyTorch": torch_inference, "torch.compile": torch_inference, "ONNX Runtime": onnxruntime_inference,
            "OpenVINO": openvino_inference}[job["peer"]](job)


# ---- 8 bits --------------------------------------------------------------------------------------------------


def prepare(path, size):
    """A picture as the network's input, and its own size."""
    from PIL import Image

    with Image.open(path) as picture:
        own = picture.size
        pixels = np.asarray(picture.convert("RGB").resize((size, size), Image.BILINEAR), np.float32)
    return np.ascontiguousarray(((pixels / 255 - MEAN) / DEVIATION).transpose(2, 0, 1)[None]), own


def quantise_onnxruntime(model, out, pictures):
    from onnxruntime import quantization

    class Reader(quantization.CalibrationDataReader):
        def __init__(self):
            self.left = iter(pictures)

        def get_next(self):
            found = next(self.left, None)
            return None if found is None else {"input": found}

    quantization.quantize_static(model, out, Reader(), quant_format=quantization.QuantFormat.QDQ, per_channel=True,
                                 activation_type=quantization.QuantType.QUInt8,
                                 weight_type=quantization.QuantType.QInt8)


def quantise_openvino(model, out, pictures):
    import nncf
    import openvino

    network = openvino.Core().read_model(model)
    network.reshape([1, *pictures[0].shape[1:]])
    quantised = nncf.quantize(network, nncf.Dataset(pictures), subset_size=len(pictures))
    openvino.save_model(quantised, out, compress_to_fp16=False)


def quantise(peer, model, out, folder, size):
    pictures = [prepare(p, int(size))[0] for p in sorted(Path(folder).iterdir())[:30]]
    {"onnxruntime": quantise_onnxruntime, "openvino": quantise_openvino}[peer](model, out, pictures)


# ---- questions -----------------------------------------------------------------------------------------------


def answer(ready, question):
    key = question["key"]
    if question["do"] == "drop":
        ready.pop(key, None)
        return {}
    if question["do"] == "load":
        ready[key] = load(question)
        for _ in range(WARM_UP_RUNS):
            ready[key]()
        return {}
    once, times = ready[key], []
    once()
    for _ in range(question["runs"]):
        start = time.perf_counter()
        once()
        times.append(1e3 * (time.perf_counter() - start))
    return {"times_ms": times, "peak_bytes": peak_bytes()}


def main():
    if sys.argv[1:]:
        return {"weights": weights, "quantise": quantise}[sys.argv[1]](*sys.argv[2:])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    ready = {}
    for line in sys.stdin:
        try:
            found = answer(ready, json.loads(line))
        except Exception as error:  # noqa: BLE001: whatever a peer's library raises is its answer
            found = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:300]}
        print(json.dumps(found), file=answers, flush=True)


if __name__ == "__main__":
    main()
