#!/usr/bin/env python3
"""Times polyp against PyTorch, ONNX Runtime and OpenVINO on the same network and pictures, turn about in one run.

    bench/peers.py --out build/peers/results.md            everything: under 25 minutes on two idle cores
    bench/peers.py --rows 'infer/slim/256/*' --rounds 9    some rows (names: --list)
    bench/peers.py --resume                                what an earlier run has not done; tables from all of it

The peers come from PyPI into a virtual environment of their own (build/peers-venv, or $POLYP_PEERS_VENV), on the first
run. Each peer is a process that is kept, asked in turn, and asleep otherwise; polyp is started anew each turn. In a round
every program of a row does the same number of runs, one after the other. Rows with whole processes ("cold", "files") start
each of them anew. Times stand in results.json beside the tables, written after each row. Ratios are ours / the best
peer's: below 1 we are faster or smaller. Run it on a machine that does nothing else.
"""
import argparse
import fnmatch
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import peers_rows
import peers_tables

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent


class Absent(Exception):
    """A program cannot do a row; why."""


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=ROOT / "build" / "app" / "polyp")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rows", default="*", metavar="PATTERN[,...]", help="names with * and ?")
    parser.add_argument("--list", action="store_true", help="the rows' names, and nothing else")
    parser.add_argument("--peers", metavar="NAME[,...]", help="only these programs beside polyp")
    parser.add_argument("--rounds", type=int, help="of every row (not given: 3 to 8, by row)")
    parser.add_argument("--seconds", type=float, default=1.0, help="about how long a turn is (default 1)")
    parser.add_argument("--minutes", type=float, default=25, help="rows that would end later are left for --resume")
    parser.add_argument("--model", type=Path, help="a trained slim model (not given: random weights)")
    parser.add_argument("--data", type=Path, help="pictures for calibration and `files` (not given: drawn)")
    parser.add_argument("--pictures", type=int, default=120, help="of the rows `files`")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "peers", help="models and pictures, kept")
    parser.add_argument("--out", type=Path, help="the tables (not given: WORK/results.md); times beside it as .json")
    parser.add_argument("--resume", action="store_true", help="keep the rows that the .json has whole, without an absent program")
    return parser.parse_args()


def say(words):
    print(f"peers: {words}", file=sys.stderr, flush=True)


def preset_of(model):
    """What a safetensors file of polyp says it is."""
    with open(model, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return header.get("__metadata__", {}).get("preset")


def python_with_peers():
    """The environment's Python; made when it is not there."""
    folder = Path(os.environ.get("POLYP_PEERS_VENV", ROOT / "build" / "peers-venv"))
    python = folder / "bin" / "python"
    if not python.exists():
        say(f"making {folder} (some minutes, once)")
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", HERE / "requirements.txt"], check=True)
    return python


def run(command, threads=None):
    """One process to its end: seconds by the clock, peak memory, what it printed. Absent: it failed, with its last words."""
    environment = os.environ | ({"OMP_NUM_THREADS": str(threads)} if threads else {})
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.perf_counter()
        process = subprocess.Popen([str(c) for c in command], stdout=out, stderr=err, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if process.returncode != 0:
            lines = err.read().decode(errors="replace").strip().splitlines() or [f"exit {process.returncode}"]
            raise Absent(lines[-1].removeprefix("polyp: ")[:300])
        return seconds, usage.ru_maxrss * 1024, out.read().decode(errors="replace")


# ---- models and pictures ---------------------------------------------------------------------------------------


class Files:
    """What the rows need, made when first asked for and kept in the work folder; a failure is remembered too."""

    def __init__(self, options, python):
        self.options, self.python, self.failed = options, python, {}
        self.folder = options.work / (f"model-{options.model.stem}" if options.model else "random")
        self.folder.mkdir(parents=True, exist_ok=True)

    def made(self, name, make):
        path = self.folder / name
        if name in self.failed:
            raise Absent(self.failed[name])
        if not path.exists():
            say(f"making {path}")
            part = path.with_name("part-" + path.name)
            try:
                make(part)
            except Absent as reason:
                self.failed[name] = str(reason)
                raise
            for made in (part, part.with_suffix(".bin")):  # an OpenVINO model is two files
                if made.exists():
                    made.rename(self.folder / made.name.removeprefix("part-"))
        return path

    def polyp(self, *words):
        return run([self.options.program, *words, "--quiet"])

    def weights(self, preset):
        """PyTorch's state_dict: random, as polyp draws them, or the model's."""
        model = [self.options.model] if self.is_given(preset) else []
        return self.made(f"{preset}.pth", lambda out: run(
            [self.python, HERE / "peers_worker.py", "weights", preset, out, *model]))

    def is_given(self, preset):
        return self.options.model and preset == "slim"

    def model(self, preset, precision):
        if precision == "int8":
            return self.made(f"{preset}.int8.safetensors", lambda out: self.polyp(
                "quantize", self.model(preset, "f32"), self.data(), out, "--pictures", "30"))
        if self.is_given(preset):
            return self.options.model
        return self.made(f"{preset}.safetensors",
                         lambda out: self.polyp("import", self.weights(preset), out, "--size", "256"))

    def exported(self, preset, peer, precision):
        plain = self.made(f"{preset}.onnx",
                          lambda out: self.polyp("export", self.model(preset, "f32"), out, "--any-size"))
        if precision != "int8":
            return plain
        kind, ending = {"ONNX Runtime": ("onnxruntime", "onnx"), "OpenVINO": ("openvino", "xml")}[peer]
        return self.made(f"{preset}-{kind}-int8.{ending}", lambda out: run(
            [self.python, HERE / "peers_worker.py", "quantise", kind, plain, out, self.data() / "images", 256]))

    def data(self):
        if self.options.data:
            return self.options.data
        count = self.options.pictures
        return self.made(f"set-{count}", lambda out: self.polyp(
            "synth", out, "--count", str(count), "--width", "622", "--height", "529", "--seed", "1"))

    def pictures(self):
        return sorted((self.data() / "images").iterdir())[:self.options.pictures]


# ---- programs --------------------------------------------------------------------------------------------------


class Worker:
    """A peer's process: peers_worker.py."""

    def __init__(self, python, threads):
        self.process = subprocess.Popen([python, HERE / "peers_worker.py"], stdin=subprocess.PIPE, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        env=os.environ | {"OMP_NUM_THREADS": str(threads)})

    def ask(self, **question):
        try:
            self.process.stdin.write(json.dumps(question) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        answer = json.loads(line) if line else {"error": f"ended with {self.process.wait()}"}
        if "error" in answer:
            raise Absent(answer["error"])
        return answer

    def has_ended(self):
        return self.process.poll() is not None

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait()


class Programs:
    """Measures one turn of one program in one row. Inference keeps a worker for each peer; training has one of its own for
    each row, so that its peak memory is the row's."""

    def __init__(self, options, python):
        self.options, self.files, self.python, self.workers = options, Files(options, python), python, {}

    def worker(self, row, name):
        key = (name, row.name if row.kind == "train" else "infer")
        if key not in self.workers or self.workers[key].has_ended():
            self.workers[key] = Worker(self.python, self.options.threads)
        return self.workers[key]

    def open(self, row, name):
        """What the row needs of this program that is not timed."""
        if row.kind in ("cold", "files"):
            self.command(row, name, self.options.work)
        elif name == "polyp":
            self.files.model(row.preset, row.precision)
        else:
            job = {"kind": row.kind, "peer": name, "preset": row.preset, "precision": row.precision, "size": row.size,
                   "batch": row.batch, "threads": self.options.threads}
            if name in ("PyTorch", "torch.compile"):
                job["weights"] = str(self.files.weights(row.preset))
            else:
                job["model"] = str(self.files.exported(row.preset, name, row.precision))
            self.worker(row, name).ask(do="load", key=row.name, **job)

    def close(self, row):
        for key, worker in list(self.workers.items()):
            if key[1] == row.name:
                self.workers.pop(key).close()
            elif key[1] == "infer" and not worker.has_ended():
                worker.ask(do="drop", key=row.name)

    def close_all(self):
        for worker in self.workers.values():
            worker.close()

    def turn(self, row, name, runs):
        if row.kind in ("cold", "files"):
            return self.turn_process(row, name)
        if name != "polyp":
            return self.worker(row, name).ask(do="time", key=row.name, runs=runs)
        with tempfile.TemporaryDirectory() as folder:
            found = Path(folder) / "bench.json"
            words = ["bench", "--model", self.files.model(row.preset, row.precision), "--precision", row.precision,
                     "--size", row.size, "--batch", row.batch, "--runs", runs, "--json", found, "--quiet",
                     "--threads", self.options.threads, *(["--train"] if row.kind == "train" else [])]
            run([self.options.program, *words], self.options.threads)
            told = json.loads(found.read_text())
        return {"times_ms": told["times_ms"], "peak_bytes": told["memory_peak"], "machine": told["machine"],
                "gflops": told["gflops"]}

    def command(self, row, name, out):
        pictures = self.files.pictures()[:1] if row.kind == "cold" else self.files.pictures()
        if name == "polyp":
            return [self.options.program, "predict", self.files.model(row.preset, row.precision), *pictures, "--out", out,
                    "--precision", row.precision, "--threads", self.options.threads, "--quiet"]
        peer, _, precision = name.partition(", ")
        precision = precision or row.precision
        kind = {"ONNX Runtime": "onnxruntime", "OpenVINO": "openvino"}[peer]
        return [self.python, HERE / "peers_files.py", kind, self.files.exported(row.preset, peer, precision), precision,
                self.options.threads, row.size, out, *pictures]

    def masks(self, name):
        return self.files.folder / "masks" / name.replace(" ", "-").replace(",", "")

    def differences(self, row, names):
        """Share of the pixels in which each peer's masks of the last turn differ from ours."""
        if row.kind not in ("cold", "files") or "polyp" not in names:
            return {}
        return {name: float(run([self.python, HERE / "peers_files.py", "compare", self.masks("polyp"),
                                 self.masks(name)])[2]) for name in names if name != "polyp"}

    def turn_process(self, row, name):
        out = self.masks(name)
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        seconds, peak, told = run(self.command(row, name, out), self.options.threads)
        inner = {"inner_ms": 1e3 * float(told)} if name != "polyp" else {}
        return {"times_ms": [1e3 * seconds], "peak_bytes": peak, **inner}


# ---- rounds ----------------------------------------------------------------------------------------------------


def programs_of(row, options):
    wanted = options.peers.split(",") if options.peers else None
    return ["polyp"] + [p for p in row.peers if wanted is None or p.partition(", ")[0] in wanted]


def measure(row, options, programs):
    """{"rounds": [{program: turn}], "absent": {program: why}, "differences": {peer: share}}. Whoever fails is left out of what
    follows."""
    rounds, runs, absent, last = options.rounds or row.rounds, row.runs(options.seconds), {}, []
    names = programs_of(row, options)

    def attempt(name, work):
        try:
            return work()
        except Absent as reason:
            absent[name] = str(reason)
            say(f"{row.name}: {name} is absent: {reason}")
            return None

    for name in names:
        attempt(name, lambda: programs.open(row, name))
    for number in range(rounds):
        say(f"{row.name}: round {number + 1} of {rounds}, {runs} runs each")
        found = {}
        for name in names:
            turn = attempt(name, lambda: programs.turn(row, name, runs)) if name not in absent else None
            if turn:
                found[name] = turn
        last.append(found)
    programs.close(row)
    present = [name for name in names if name not in absent]
    return {"rounds": last, "absent": absent, "differences": programs.differences(row, present)}


def facts(options, python):
    script = "import importlib.metadata as m, json; print(json.dumps({p: m.version(p) for p in " \
             "('torch', 'onnxruntime', 'openvino', 'nncf') if p in {d.name for d in m.distributions()}}))"
    versions = json.loads(run([python, "-c", script])[2])
    cpu = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), "an unknown processor")
    about = run([options.program, "--version"])[2].splitlines()
    return {"cpu": cpu, "cores": os.cpu_count(), "threads": options.threads, "polyp": about, "peers": versions,
            "load_before": os.getloadavg()[0], "wait_policy": os.environ.get("OMP_WAIT_POLICY"), "model": "trained" if options.model else "random weights"}


def write(path, text):
    part = path.with_name(path.name + ".part")
    part.write_text(text)
    part.rename(path)


def main():
    options = parse()
    patterns = options.rows.split(",")
    rows = [r for r in peers_rows.ROWS if any(fnmatch.fnmatch(r.name, p) for p in patterns)
            and (r.standard or options.rows != "*")]
    if options.list:
        return print("\n".join(f"{r.name:28} {', '.join(r.peers)}" for r in peers_rows.ROWS))
    if not rows:
        sys.exit(f"peers: no row is called {options.rows}: --list names them")
    if not options.program.exists():
        sys.exit(f"peers: {options.program} is not there: build first, or give --program")
    if options.model and preset_of(options.model) != "slim":
        sys.exit(f"peers: {options.model} is {preset_of(options.model)}, and the rows want slim")
    begin, python = time.monotonic(), python_with_peers()
    out = options.out or options.work / "results.md"
    out.parent.mkdir(parents=True, exist_ok=True)
    raw = out.with_suffix(".json")
    results = json.loads(raw.read_text()) if options.resume and raw.exists() else {"rows": {}}
    results["facts"] = facts(options, python)
    if results["facts"]["load_before"] > 0.5:
        say(f"the load is {results['facts']['load_before']:.1f}: something else runs here, and times will mean little")
    if results["facts"]["wait_policy"]:
        say("OMP_WAIT_POLICY is set: it slows down what uses OpenMP (polyp, PyTorch); unset it for numbers that count")
    programs = Programs(options, python)
    for number, row in enumerate(rows, 1):
        minutes = (time.monotonic() - begin) / 60
        if row.name in results["rows"] and not results["rows"][row.name]["absent"]:
            continue
        if minutes + row.minutes(options) > options.minutes:
            say(f"{row.name}: left for --resume, {minutes:.1f} of {options.minutes:g} minutes are gone")
            continue
        say(f"row {number} of {len(rows)}, {minutes:.1f} minutes gone")
        results["rows"][row.name] = measure(row, options, programs)
        write(raw, json.dumps(results, indent=1) + "\n")
        write(out, peers_tables.tables(results))
    programs.close_all()
    write(out, peers_tables.tables(results))
    print(out.read_text(), end="")


if __name__ == "__main__":
    main()
