"""peers.py's times as Markdown, ratios first."""
import statistics

from peers_rows import BY_NAME, PRECISIONS

LEAST_MEMORY_MUST, LEAST_MEMORY_AIM = 0.6, 0.4


class Measured:
    """One row's times."""

    def __init__(self, name, found):
        self.row, self.rounds, self.absent = BY_NAME[name], found["rounds"], found["absent"]
        self.differences = found["differences"]

    def names(self):
        return list(dict.fromkeys(name for r in self.rounds for name in r))

    def turns(self, name):
        return [r[name] for r in self.rounds if name in r]

    def fastest(self, name):
        return min(min(t["times_ms"]) for t in self.turns(name))

    def median(self, name):
        return statistics.median(ms for t in self.turns(name) for ms in t["times_ms"])

    def peak(self, name):
        return max(t["peak_bytes"] for t in self.turns(name)) / 2**20

    def best_peer(self, measure):
        """The peer whose measure is the least; None without one."""
        return min((n for n in self.names() if n != "polyp"), key=measure, default=None)

    def ratio(self):
        return self.fastest("polyp") / self.fastest(self.best_peer(self.fastest))

    def ratio_of_medians(self):
        """Of each round by itself, so that what disturbed a round disturbed both."""
        peer = self.best_peer(self.fastest)
        pairs = [(r["polyp"]["times_ms"], r[peer]["times_ms"]) for r in self.rounds if "polyp" in r and peer in r]
        return statistics.median(statistics.median(a) / statistics.median(b) for a, b in pairs)

    def comparable(self):
        return "polyp" in self.names() and self.best_peer(self.fastest) is not None


def title(row):
    if row.kind == "cold":
        return f"one cold process, JPEG in, mask out, {row.precision}"
    if row.kind == "files":
        return f"many pictures, files to files, {row.precision}"
    if row.kind == "train":
        return f"training step, `{row.preset}`, {row.size}, batch {row.batch}, {row.precision}"
    return f"inference, `{row.preset}`, {row.size}, batch {row.batch}, {row.precision}"


def limit(value, bound):
    return "" if bound is None else f"{bound:.2f}{'' if value <= bound else ' (missed)'}"


def ratio_lines(all_measured):
    yield "| what | polyp / best peer, fastest | of the medians | polyp, ms | best peer | its ms | must | aim |"
    yield "|---|---|---|---|---|---|---|---|"
    for m in all_measured:
        if not m.comparable():
            who = "polyp" if "polyp" not in m.names() else "every peer"
            why = m.absent.get("polyp") or "; ".join(m.absent.values()) or "not asked"
            yield f"| {title(m.row)} | absent | | | {who}: {why} | | {limit(0, m.row.must)} | |"
            continue
        peer, ratio = m.best_peer(m.fastest), m.ratio()
        yield (f"| {title(m.row)} | **{ratio:.2f}** | {m.ratio_of_medians():.2f} | {m.fastest('polyp'):.1f} | {peer} "
               f"| {m.fastest(peer):.1f} | {limit(ratio, m.row.must)} | {limit(ratio, m.row.aim)} |")


def memory_lines(all_measured):
    yield "| what | polyp / least peer | polyp, MiB | least peer | its MiB | must | aim |"
    yield "|---|---|---|---|---|---|---|"
    for m in all_measured:
        if not m.row.memory or not m.comparable():
            continue
        peer = m.best_peer(m.peak)
        ratio = m.peak("polyp") / m.peak(peer)
        yield (f"| {title(m.row)} | **{ratio:.2f}** | {m.peak('polyp'):.0f} | {peer} | {m.peak(peer):.0f} "
               f"| {limit(ratio, LEAST_MEMORY_MUST)} | {limit(ratio, LEAST_MEMORY_AIM)} |")


def of_inference(all_measured, preset, precision, size, batch, value):
    """Ours, and in brackets the best peer's; a dash where nothing was measured."""
    for m in all_measured:
        r = m.row
        if (r.kind, r.preset, r.precision, r.size, r.batch) != ("infer", preset, precision, size, batch):
            continue
        peer = m.best_peer(m.fastest)
        cells = [f"{value(m.fastest(n)):.1f}" if n in m.names() else "absent" for n in ("polyp", peer)]
        return f"{cells[0]} ({cells[1]})"
    return "-"


def cost_lines(all_measured):
    sizes, batches = (256, 352, 512, 1024), (1, 4, 16)
    yield "| `slim` | " + " | ".join(f"ms a megapixel at {s}" for s in sizes) + " | " + \
        " | ".join(f"pictures/s, batch {b}" for b in batches) + " |"
    yield "|---" * (1 + len(sizes) + len(batches)) + "|"
    for p in PRECISIONS:
        cells = [of_inference(all_measured, "slim", p, s, 1, lambda ms, s=s: ms / (s * s / 1e6)) for s in sizes]
        cells += [of_inference(all_measured, "slim", p, 256, b, lambda ms, b=b: 1e3 * b / ms) for b in batches]
        yield f"| {p} | " + " | ".join(cells) + " |"
    fps = of_inference(all_measured, "slim18", "int8", 256, 1, lambda ms: 1e3 / ms)
    yield ""
    yield f"`slim18` at 256 in int8: {fps} frames a second."


def program_lines(all_measured):
    yield "| what | program | fastest, ms | median, ms | runs | peak, MiB |"
    yield "|---|---|---|---|---|---|"
    for m in all_measured:
        for name in m.names():
            runs = sum(len(t["times_ms"]) for t in m.turns(name))
            yield f"| {title(m.row)} | {name} | {m.fastest(name):.1f} | {m.median(name):.1f} | {runs} | {m.peak(name):.0f} |"
        for name, why in m.absent.items():
            yield f"| {title(m.row)} | {name} | absent: {why} | | | |"


def difference_lines(all_measured):
    for m in all_measured:
        for name, share in m.differences.items():
            yield f"- {title(m.row)}: masks by {name} differ from ours in {100 * share:.3f} % of the pixels"


def start_lines(all_measured):
    """Many pictures: our whole process against what a peer takes once it has started and compiled its network."""
    for m in all_measured:
        for name in m.names():
            inner = [t["inner_ms"] for t in m.turns(name) if "inner_ms" in t]
            if m.row.kind == "files" and inner and "polyp" in m.names():
                yield f"- {title(m.row)}: our whole process takes **{m.fastest('polyp') / min(inner):.2f}** of what {name} " \
                      f"takes without its start ({min(inner):.0f} ms)"


def machine_line(all_measured):
    """What polyp measured of the machine: the highest of all turns, and the share that each precision reached."""
    best, share = {}, {}
    for m in all_measured:
        for turn in m.turns("polyp"):
            if "machine" in turn:
                best.setdefault(m.row.precision, []).append(turn["machine"]["gflops"])
                share.setdefault(m.row.precision, []).append(turn["machine"]["share"])
    told = [f"{p}: {max(best[p]):.0f} GFLOP/s, of which the best row reached {100 * max(share[p]):.0f} %" for p in best]
    return "Multiply-adds in registers at most, " + "; ".join(told) + "." if told else ""


def tables(results):
    f = results["facts"]
    all_measured = [Measured(name, results["rows"][name]) for name in BY_NAME if name in results["rows"]]
    versions = ", ".join(f"{k} {v}" for k, v in f["peers"].items())
    busy = "" if f["load_before"] <= 0.5 else f" **Load {f['load_before']:.1f} at the start: times mean little.**"
    lines = [f"{f['cpu']}, {f['cores']} cores, {f['threads']} threads each; {f['polyp'][0]}; {versions}; {f['model']}.{busy}",
             machine_line(all_measured), "", *ratio_lines(all_measured), "", "Peak memory of the whole process:", "",
             *memory_lines(all_measured), "", "Cost by size and batch, polyp (best peer):", "", *cost_lines(all_measured),
             "", "Every program:", "", *program_lines(all_measured), "", *start_lines(all_measured), *difference_lines(all_measured)]
    return "\n".join(lines) + "\n"
