"""The rows that peers.py measures, in the order of their weight: what time is left for comes first."""
from dataclasses import dataclass

# Multiply-adds of a forward pass at 256 x 256, 1e9; and about how many two cores do in a second: they size the turns.
GMAC = {"slim": 9.3, "coauthor": 31.9, "slim18": 6.0}
SPEED = {"f32": 100, "bf16": 180, "int8": 300}


@dataclass(frozen=True)
class Row:
    kind: str  # infer, train: runs inside a process; cold: one picture, files: many, whole processes
    preset: str
    precision: str
    size: int = 256
    batch: int = 1
    peers: tuple = ()
    rounds: int = 3
    must: float | None = 1.03  # ratio to the best peer: at most; and the aim
    aim: float | None = None
    memory: bool = False  # the ratio of peak memory counts too: at most 0.6, aim 0.4
    standard: bool = True  # in a run that names no rows

    @property
    def name(self):
        if self.kind in ("cold", "files"):
            return f"{self.kind}/{self.preset}/{self.precision}"
        return f"{self.kind}/{self.preset}/{self.size}/{self.batch}/{self.precision}"

    def run_seconds(self):
        directions = 3 if self.kind == "train" else 1
        return GMAC[self.preset] * self.batch * (self.size / 256) ** 2 * directions / SPEED[self.precision]

    def runs(self, seconds):
        """Of every program in a turn."""
        if self.kind in ("cold", "files"):
            return 1
        return max(2, min(40, round(seconds / self.run_seconds())))

    def minutes(self, options):
        """About how long the row takes, on idle cores."""
        rounds, programs = options.rounds or self.rounds, 1 + len(self.peers)
        if self.kind == "cold":
            return rounds * programs * 0.6 / 60
        if self.kind == "files":
            return rounds * programs * (2 + options.pictures * self.run_seconds()) / 60
        compiling = 60 if "torch.compile" in self.peers else 5
        warm = 2 if self.kind == "train" else 1
        return (compiling + rounds * programs * (self.runs(options.seconds) + warm) * self.run_seconds() * 1.3) / 60


PEERS = {"f32": ("OpenVINO", "ONNX Runtime"), "bf16": ("OpenVINO",), "int8": ("OpenVINO", "ONNX Runtime")}
PYTORCH = ("PyTorch", "torch.compile")
PRECISIONS = ("f32", "bf16", "int8")


def main_inference(precision, must, aim):
    peers = PEERS[precision] + (PYTORCH if precision != "int8" else ())
    return Row("infer", "slim", precision, peers=peers, rounds=5, must=must, aim=aim)


def training(preset, precision, must, aim, **more):
    return Row("train", preset, precision, batch=8, peers=PYTORCH, must=must, aim=aim, memory=True, **more)


def inference(preset, size, precision, batch=1, **more):
    return Row("infer", preset, precision, size, batch, PEERS[precision], **more)


ROWS = [
    main_inference("f32", 0.85, 0.70),
    main_inference("bf16", 1.00, 0.85),
    main_inference("int8", 1.00, 0.90),
    training("slim", "f32", 0.70, 0.60),
    training("slim", "bf16", 0.80, 0.65),
    Row("cold", "slim", "f32", peers=("ONNX Runtime",), rounds=8, must=0.30, aim=0.20),
    Row("cold", "slim", "int8", peers=("ONNX Runtime, f32", "ONNX Runtime, int8"), rounds=8, must=0.15, aim=0.10),
    *(Row("files", "slim", p, peers=("OpenVINO",), must=0.90, aim=0.80) for p in PRECISIONS),
    *(inference("slim", size, p) for size in (352, 512) for p in PRECISIONS),
    inference("slim18", 256, "int8"),
    *(inference("coauthor", size, p) for size in (256, 352, 512) for p in PRECISIONS),
    *(inference("slim", 1024, p, must=None) for p in PRECISIONS),
    *(inference("slim", 256, p, batch, must=None) for batch in (4, 16) for p in PRECISIONS),
    *(training("coauthor", p, 1.03, None, standard=False) for p in ("f32", "bf16")),
]
BY_NAME = {row.name: row for row in ROWS}
