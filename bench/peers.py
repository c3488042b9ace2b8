#!/usr/bin/env python3
"""Times polyp against PyTorch: the same network, size, batch and threads, turn about in one run.

    bench/peers.py [--program build/polyp] [--rounds 5] [--size 256] [--threads 2] [--out results.md]

PyTorch comes from PyPI into a virtual environment of its own (build/peers-venv, or $POLYP_PEERS_VENV), on the first run.
Every measurement is a process of its own, so that its peak memory is its own too. Ratios are ours / PyTorch's: below 1
we are faster or smaller. The fastest run of each is the one to compare on a shared machine; the ratio of one round's
medians says how even the machine was. --out writes a table, and the raw numbers beside it as .json.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=ROOT / "build" / "app" / "polyp")
    parser.add_argument("--preset", default="slim")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--infer-runs", type=int, default=30, help="of a round")
    parser.add_argument("--train-runs", type=int, default=4, help="of a round")
    parser.add_argument("--train-batch", type=int, default=8)
    parser.add_argument("--only", choices=("infer", "train"))
    parser.add_argument("--compile", action="store_true", help="a third one: torch.compile")
    parser.add_argument("--out", type=Path, help="a table as Markdown; the numbers beside it as .json")
    return parser.parse_args()


def python_with_torch():
    """The environment's Python; made when it is not there."""
    folder = Path(os.environ.get("POLYP_PEERS_VENV", ROOT / "build" / "peers-venv"))
    python = folder / "bin" / "python"
    if not python.exists():
        print(f"making {folder} (a few minutes, once)", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", HERE / "requirements.txt"], check=True)
    return python


def measure(command, threads, json_file=None):
    """Runs one process; its numbers, with its peak memory as the kernel counted it."""
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    output = tempfile.TemporaryFile()
    process = subprocess.Popen([str(c) for c in command], stdout=output, stderr=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"peers: exit {process.returncode} of {' '.join(map(str, command))}")
    output.seek(0)
    found = json.loads(json_file.read_text() if json_file else output.read())
    return {"min_ms": found["min_ms"], "median_ms": found["median_ms"], "peak_bytes": usage.ru_maxrss * 1024}


def ours(options, work):
    with tempfile.TemporaryDirectory() as folder:
        json_file = Path(folder) / "bench.json"
        command = [options.program, "bench", "--quiet", "--json", json_file, *work]
        return measure(command, options.threads, json_file)


def theirs(python, work, runs, extra=()):
    threads = work[work.index("--threads") + 1]
    # as many runs as ours, however long they take
    return measure([python, HERE / "torch_worker.py", *work, "--seconds", "0", "--runs", runs, *extra], threads)


def compare(options, python, train):
    """Rounds of one measurement each, turn about. Returns {name: [measurements]}."""
    runs = options.train_runs if train else options.infer_runs
    batch = options.train_batch if train else 1
    work = ["--preset", options.preset, "--size", options.size, "--batch", batch, "--threads", options.threads]
    work += ["--train"] if train else []
    found = {"polyp": [], "PyTorch": []} | ({"torch.compile": []} if options.compile else {})
    for number in range(options.rounds):
        print(f"{'training' if train else 'inference'}: round {number + 1} of {options.rounds}", file=sys.stderr)
        found["polyp"].append(ours(options, work + ["--runs", runs]))
        found["PyTorch"].append(theirs(python, work, runs))
        if options.compile:
            found["torch.compile"].append(theirs(python, work, runs, ["--compile"]))
    return found


def best(rounds):
    return min(r["min_ms"] for r in rounds), statistics.median(r["median_ms"] for r in rounds), \
        max(r["peak_bytes"] for r in rounds) / 2**20


def rows(title, found):
    """Lines of the table: one per program, the last column against polyp."""
    us = best(found["polyp"])
    for name, rounds in found.items():
        fastest, median, memory = best(rounds)
        line = f"| {title} | {name} | {fastest:.1f} | {median:.1f} | {memory:.0f} |"
        if name == "polyp":
            yield line + " | | |"
            continue
        per_round = statistics.median(a["median_ms"] / b["median_ms"] for a, b in zip(found["polyp"], rounds))
        yield line + f" {us[0] / fastest:.3f} | {per_round:.3f} | {us[2] / memory:.3f} |"


def main():
    options = parse()
    if not options.program.exists():
        sys.exit(f"peers: {options.program} is not there: build first, or give --program")
    python = python_with_torch()
    version = subprocess.run([python, "-c", "import torch; print(torch.__version__)"], check=True,
                             capture_output=True, text=True).stdout.strip()
    table = [f"{options.preset}, {options.size} x {options.size}, f32, {options.threads} threads; PyTorch {version}, "
             f"channels last; {options.rounds} rounds. Ratios: polyp / the other.", "",
             "| what | program | fastest, ms | median, ms | peak, MiB | ratio of fastest | of medians | of memory |",
             "|---|---|---|---|---|---|---|---|"]
    results = {}
    for name in ("infer", "train"):
        if options.only in (None, name):
            found = results[name] = compare(options, python, name == "train")
            title = "inference, batch 1" if name == "infer" else f"training step, batch {options.train_batch}"
            table += rows(title, found)
    print("\n".join(table))
    if options.out:
        options.out.write_text("\n".join(table) + "\n")
        options.out.with_suffix(".json").write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
