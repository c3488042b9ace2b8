#!/usr/bin/env python3
"""Holds the source to the project's own rules (docs/building.md); prints TAP.

usage: structure.py SOURCE_ROOT SHARED_LIBRARY STATIC_LIBRARY C_COMPILER
"""
import pathlib
import re
import shutil
import statistics
import subprocess
import sys

FLOORS = {"base": 0, "media": 1, "net": 1, "engine": 2, "score": 2, "predict": 3, "learn": 4, "report": 4}
TOP, PROGRAM = 5, 6
LONGEST_FILE, LONGEST_LINE = 600, 130 # we aim at 120
ALLOCATES = re.compile(r"\b(malloc|calloc|realloc|reallocarray|strdup|strndup|asprintf|vasprintf)\s*\(")
PRINTS_OR_EXITS = re.compile(r"(?<![\w>.])(printf|puts|putchar|perror|exit|_exit|abort)\s*\(|\bstd(out|err)\b")
# In pieces, or this file would find itself.
PLACES = re.compile("|".join(("/" + "work/", r"\broot@", r"https?://[\w.-]*(artifactory|nexus|proxy|mirror)[\w.-]*")))
UNSAFE_FLAGS = re.compile("-f" + "fast-math|-m" + "arch=native|-O" + "fast")

root, shared, static, compiler = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4].split()


def files(*folders, endings=(".c", ".h")):
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in endings and path.is_file():
                yield path


def tracked():
    """Every file of ours that is text: what git knows, or, in an unpacked archive, all but build folders."""
    paths = []
    if shutil.which("git") is not None:
        listing = subprocess.run(["git", "-C", str(root), "ls-files", "-z"], capture_output=True, text=True)
        paths = [root / name for name in listing.stdout.split("\0") if name]
    if not paths:
        paths = [p for p in root.rglob("*") if not re.match(r"(build|demo-out|\.git)", str(p.relative_to(root)))]
    for path in paths:
        if path.is_file() and b"\0" not in path.read_bytes()[:4000]:
            yield path


def name_of(path):
    return path.relative_to(root).as_posix()


def without_comments(text):
    """Comments and the insides of strings gone; line numbers kept."""
    def blank(match):
        found = match.group(0)
        return '""' if found.startswith('"') else "\n" * found.count("\n")
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.DOTALL)


def matches(path, pattern, text=None):
    lines = (text if text is not None else path.read_text(errors="replace")).splitlines()
    return [f"{name_of(path)}:{n}: {line.strip()}" for n, line in enumerate(lines, 1) if pattern.search(line)]


def part_of(path):
    """Folder under src/ that decides the floor; "" for src/ itself, "app" for the program."""
    parts = path.relative_to(root).parts
    if parts[0] == "app":
        return "app"
    return parts[1] if len(parts) > 2 else ""


def floor_of(part):
    return PROGRAM if part == "app" else FLOORS.get(part, TOP)


def may_include(part, path, target):
    """`target` is what stands between the quotes, written from src/."""
    if part == "app":
        return target in ("commands.h",) or (root / "app" / target).is_file()
    if not (root / "src" / target).is_file():
        return target == "polyp.h" or (path.parent / target).is_file()
    other = target.split("/")[0] if "/" in target else ""
    return other == part or floor_of(other) < floor_of(part)


def test_includes_go_down_only():
    wrong = []
    for path in files("src", "app"):
        for n, line in enumerate(path.read_text().splitlines(), 1):
            found = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if found and not may_include(part_of(path), path, found.group(1)):
                wrong.append(f"{name_of(path)}:{n}: {line.strip()}")
    return wrong


def test_every_file_is_built():
    lists = "".join(p.read_text() for p in root.rglob("meson.build"))
    return [name_of(p) for p in files("src", "app", endings=(".c",)) if f"'{p.name}'" not in lists]


def test_files_are_short():
    long_files = [(p, len(p.read_text().splitlines())) for p in files("src", "app", "include", "tests", "examples", "bench")]
    return [f"{name_of(p)}: {n} lines" for p, n in long_files if n >= LONGEST_FILE]


def test_lines_are_short():
    wrong = []
    for path in files("src", "app", "include", "examples"):
        lines = path.read_text().splitlines()
        wrong += [f"{name_of(path)}:{n}: {len(x)} characters" for n, x in enumerate(lines, 1) if len(x) > LONGEST_LINE]
        wrong += [f"{name_of(path)}:{n}: a tab" for n, x in enumerate(lines, 1) if "\t" in x]
    return wrong


def test_files_begin_with_a_comment():
    return [name_of(p) for p in files("src", "app", "include", "tests", "examples") if not p.read_text().startswith("/*")]


def function_lengths():
    """Lines from `{` to `}` of each function: in our layout both stand alone in the first column."""
    for path in files("src", "app"):
        start = None
        for n, line in enumerate(path.read_text().splitlines(), 1):
            if line == "{":
                start = n
            elif line == "}" and start is not None:
                yield n - start - 1, f"{name_of(path)}:{start}"
                start = None


def test_functions_are_short():
    lengths = sorted(function_lengths())
    if not lengths:
        return ["no function found"]
    counts = [n for n, _ in lengths]
    median, ninth = statistics.median(counts), counts[len(counts) * 9 // 10]
    longest = ", ".join(f"{where} {n}" for n, where in lengths[:-6:-1])
    print(f"# {len(counts)} functions, median {median:g} lines, nine of ten up to {ninth}; longest: {longest}")
    return [] if median <= 15 and ninth < 40 else [f"median {median:g} (15), nine of ten up to {ninth} (39)"]


def test_library_neither_prints_nor_exits():
    return [m for p in files("src") for m in matches(p, PRINTS_OR_EXITS, without_comments(p.read_text()))]


def test_memory_comes_from_one_place():
    return [m for p in files("src") if p.name != "memory.c"
            for m in matches(p, ALLOCATES, without_comments(p.read_text()))]


def test_no_machine_is_named():
    return [m for p in tracked() for m in matches(p, PLACES)]


def test_no_unsafe_arithmetic_flags():
    return [m for p in root.rglob("meson.build") for m in matches(p, UNSAFE_FLAGS, re.sub("#.*", "", p.read_text()))]


def compile_header(command, standard, ending):
    source = '#include <polyp.h>\nint main(void) { return polyp_version() == 0; }\n'
    flags = [standard, "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only", "-I", str(root / "include")]
    result = subprocess.run(command + flags + ["-x", ending, "-"], input=source, capture_output=True, text=True)
    return result.stderr.splitlines() if result.returncode else []


def test_header_alone_is_c():
    return compile_header(compiler, "-std=c99", "c") + compile_header(compiler, "-std=c17", "c")


def test_header_alone_is_cxx():
    command = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    return None if command is None else compile_header([command], "-std=c++11", "c++")


def symbols_of(library, *options):
    listing = subprocess.run(["nm", *options, "--defined-only", library], capture_output=True, text=True, check=True)
    found = (re.match(r"[0-9a-f]+ \S (\S+)$", line) for line in listing.stdout.splitlines())
    return {match.group(1).split("@")[0] for match in found if match}


def not_ours(symbols):
    # a sanitizer's own symbols are no part of the library
    return sorted(s for s in symbols if not re.match(r"polyp_|__(asan|ubsan|tsan|odr_asan|sanitizer)", s))


def declared_functions():
    text = without_comments((root / "include/polyp.h").read_text())
    return set(re.findall(r"POLYP_API[^;(]*?(\w+)\s*\(", text)) - {"__attribute__"}


def test_shared_library_exports_its_header_alone():
    symbols = symbols_of(shared, "-D")
    return not_ours(symbols) + [f"lacks {s}" for s in sorted(declared_functions() - symbols)]


def test_static_library_shows_its_header_alone():
    symbols = symbols_of(static, "-g")
    return not_ours(symbols) + [f"lacks {s}" for s in sorted(declared_functions() - symbols)]


def main():
    tests = [(name, value) for name, value in globals().items() if name.startswith("test_")]
    print(f"1..{len(tests)}")
    failures = 0
    for number, (name, test) in enumerate(tests, 1):
        wrong = test()
        if wrong is None:
            print(f"ok {number} # SKIP {name}")
            continue
        failures += bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}")
        for line in wrong[:20]:
            print(f"{name}: {line}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
