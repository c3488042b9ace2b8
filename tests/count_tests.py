#!/usr/bin/env python3
"""tools/count-tests on logs made by hand: nothing that went wrong may be counted as passed. Prints TAP.

usage: count_tests.py SOURCE_ROOT
"""
import json
import pathlib
import subprocess
import sys
import tempfile

# (name, exit status, result, stdout) -> (passed, failed, skipped)
LOGS = {
    "all pass": (0, "OK", "1..2\nok 1 - a\nok 2 - b\n# ok - group\n", (2, 0, 0)),
    "one fails, one is skipped as cmocka writes it": (1, "FAIL", "1..3\nok 1 - a\nnot ok 2 - b\nnot ok 3 # SKIP c\n", (1, 1, 1)),
    "skipped as TAP has it": (0, "OK", "1..1\nok 1 # SKIP a\n", (0, 0, 1)),
    "a name that speaks of skipping": (0, "OK", "1..1\nok 1 - test_skip_header\n", (1, 0, 0)),
    "crash after one of four": (-11, "ERROR", "1..4\nok 1 - a\n", (1, 3, 0)),
    "crash before any output": (-6, "ERROR", "", (0, 1, 0)),
    "time-out": (-15, "TIMEOUT", "", (0, 1, 0)),
    "leak found after all passed": (23, "FAIL", "1..1\nok 1 - a\n", (1, 1, 0)),
    "no TAP, good": (0, "OK", "hello\n", (1, 0, 0)),
    "no TAP, bad": (1, "FAIL", "hello\n", (0, 1, 0)),
    "no TAP, skipped": (77, "SKIP", "", (0, 0, 1)),
}


def count(counter, entries):
    """Last line and exit status for one folder; None: a folder whose tests never ran."""
    with tempfile.TemporaryDirectory() as folder:
        if entries is not None:
            logs = pathlib.Path(folder) / "meson-logs"
            logs.mkdir()
            (logs / "testlog.json").write_text("".join(json.dumps(e) + "\n" for e in entries))
        result = subprocess.run([sys.executable, counter, folder], capture_output=True, text=True)
        return result.stdout.splitlines()[-1], result.returncode


def entry_of(name):
    status, result, stdout, _ = LOGS[name]
    return {"name": name, "returncode": status, "result": result, "stdout": stdout}


def line_of(counts):
    return "%d passed, %d failed, %d skipped" % counts


def main():
    counter = str(pathlib.Path(sys.argv[1]) / "tools" / "count-tests")
    cases = [(name, [entry_of(name)], LOGS[name][3]) for name in LOGS]
    sums = tuple(sum(column) for column in zip(*(log[3] for log in LOGS.values())))
    cases.append(("all of them together", [entry_of(name) for name in LOGS], sums))
    cases.append(("never ran", None, (0, 1, 0)))
    print(f"1..{len(cases)}")
    failures = 0
    for number, (name, entries, counts) in enumerate(cases, 1):
        got, expected = count(counter, entries), (line_of(counts), 1 if counts[1] else 0)
        failures += got != expected
        print(f"{'ok' if got == expected else 'not ok'} {number} - {name}")
        if got != expected:
            print(f"{name}: {got}, expected {expected}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
