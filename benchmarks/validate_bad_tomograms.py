"""Find cracks in tomograms of bad days, register them, and write how well, into docs/validation.md.

    python benchmarks/validate_bad_tomograms.py

Each fault alone, then two to four at a time, in small cells whose two scans have faults of their own.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from bad_tomograms import Case, run_case
from page import write_section

from spallmap.twin.faults.xct_faults import XCT_FAULTS, XctFault

PAGE = Path(__file__).resolve().parents[1] / "docs" / "validation.md"
SEEDS = tuple(range(1501, 1506))
MIXED = tuple(range(1601, 1621))
RIGHT_VOXELS, WRONG_VOXELS = 0.15, 0.5
# Slices that were scaled one by one are refused before anything is looked for.
ALONE: tuple[XctFault, ...] = XCT_FAULTS
TOGETHER: tuple[XctFault, ...] = tuple(k for k in XCT_FAULTS if k != "slices")


def row(name: str, cases: Sequence[Case]) -> str:
    """One line of the table."""
    seen = [c for c in cases if not c.refused]
    if not seen:
        return f"| {name} | {len(cases)} | {len(cases)} |" + " |" * 7
    f1 = np.array([c.f1 for c in seen])
    errors = np.array([c.error_voxels for c in seen])
    accepted = np.array([c.verdict == "accepted" for c in seen])
    right = errors <= RIGHT_VOXELS
    wrong = int(np.count_nonzero(accepted & (errors > WRONG_VOXELS)))
    ratios = [c.ratio for c in seen if c.verdict == "accepted"]
    spread = "/".join(f"{v:.1f}" for v in np.sqrt(np.mean(np.square(ratios), axis=0))) if ratios else ""
    pristine = sum(bool(c.in_pristine) for c in seen)
    return (
        f"| {name} | {len(cases)} | {len(cases) - len(seen)} | {np.median(f1):.3f} | {f1.min():.3f} "
        f"| {sum(c.false_cracks > 0 for c in seen)} | {pristine} "
        f"| {np.count_nonzero(right & accepted)} of {np.count_nonzero(right)} | {wrong} | {spread} |"
    )


def table(groups: dict[str, list[Case]]) -> list[str]:
    """Lines of the table by fault."""
    names = (
        "fault",
        "cells",
        "refused before",
        "F1, median",
        "least",
        "cells with a false crack",
        "pristine scans with one",
        "right registrations accepted",
        "wrong ones accepted",
        "error / standard error, x/y/z",
    )
    head = f"| {' | '.join(names)} |"
    return [head, "| --- " * len(names) + "|", *(row(name, cases) for name, cases in groups.items())]


def main() -> None:
    """Run all cases and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="*", default=list(SEEDS))
    parser.add_argument("--mixed", type=int, nargs="*", default=list(MIXED))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--dry", action="store_true", help="print the table and leave the page as it is")
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    tasks: list[tuple[str, int, tuple[XctFault, ...], int, bool]] = [
        ("none", seed, ALONE, 0, True) for seed in arguments.seeds
    ]
    tasks += [(kind, seed, (kind,), 1, True) for kind in ALONE for seed in arguments.seeds]
    tasks += [("two to four", seed, TOGETHER, 2 + seed % 3, True) for seed in arguments.mixed]
    groups: dict[str, list[Case]] = {}
    with ProcessPoolExecutor(arguments.processes, get_context("spawn")) as pool:
        for case in pool.map(run_case, tasks):
            groups.setdefault(case.name, []).append(case)
            print(row(f"{case.name} {case.seed}", [case]), case.refused, *case.reasons, flush=True)
    text = "\n".join(table(groups))
    print(f"\n{text}")
    if not arguments.dry:
        write_section(PAGE, "bad-tomograms", text)


if __name__ == "__main__":
    main()
