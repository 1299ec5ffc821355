"""Tries each parser that is written here with random input for some minutes.

    python benchmarks/fuzz_parsers.py --minutes 10 --jobs 2

Every property of the tests that says "nothing but an InputError comes out" is run again and again, each time
with a seed of its own, until its time is over. The table says how often; a failure ends with its example.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import multiprocessing
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# A property that random input is tried on, as hypothesis marks it.
PROPERTY = re.compile(r"^@given\([^@]*?^def (test_\w+)", re.MULTILINE | re.DOTALL)
# What is in the names of those that end in an image or an InputError, whatever the input.
FUZZED = ("any_", "hostile", "fuzz", "changed", "nothing_but")


def properties() -> list[str]:
    """Names of the properties, as pytest takes them."""
    found = []
    for path in sorted((ROOT / "tests" / "unit").rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        for match in PROPERTY.finditer(text):
            name = f"{path.relative_to(ROOT)}::{match[1]}"
            if "InputError" in text and any(word in name for word in FUZZED):
                found.append(name)
    return found


def fuzz(task: tuple[str, float]) -> tuple[str, int, str]:
    """Run one property until its seconds are over; gives its rounds and, if it failed, what was said."""
    name, seconds = task
    os.chdir(ROOT)
    os.environ.setdefault("FUZZ_EXAMPLES", "1000")
    end, rounds = time.monotonic() + seconds, 0
    seed = int.from_bytes(os.urandom(4), "little")
    while time.monotonic() < end:
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            options = ["-q", "-p", "no:cacheprovider", "--hypothesis-profile=long"]
            code = pytest.main([name, *options, f"--hypothesis-seed={seed + rounds}"])
        rounds += 1
        if code != pytest.ExitCode.OK:
            return name, rounds, said.getvalue()
    return name, rounds, ""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10.0, help="for each property")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="+", default=[""], help="properties whose names hold one of these")
    chosen = parser.parse_args(arguments)
    names = [name for name in properties() if any(word in name for word in chosen.only)]
    failed = 0
    with multiprocessing.get_context("spawn").Pool(chosen.jobs, maxtasksperchild=1) as pool:
        tasks = [(name, 60 * chosen.minutes) for name in names]
        for name, rounds, said in pool.imap_unordered(fuzz, tasks):
            print(f"{name}: {rounds} rounds, {'FAILED' if said else 'passed'}", flush=True)
            if said:
                failed += 1
                print(said, flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
