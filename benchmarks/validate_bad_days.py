"""Send cells with faults in every acquisition through the whole workflow and judge the results.

    python benchmarks/validate_bad_days.py --cells 60 --first-seed 7001 --cores 2

Each cell has two to four faults in each acquisition, drawn at random with their strength. docs/validation.md
gets how often right ones were accepted and wrong ones refused, how errors compare with their standard errors,
and the same by fault. What was judged is kept beside the cells, one JSON file each, so that a run can go on.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from judge import VOXEL_UM, judge
from page import write_section
from validate_chain import kind_of

from spallmap.twin import write_cell
from spallmap.twin.faults.cell_faults import CellFaults

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "validation.md"
# Keeps the draws of faults apart from all others of the same seed.
STREAM = 15


@dataclass(frozen=True)
class Kind:
    """A kind of registration: up to where it is right, and from where it is wrong, um."""

    name: str
    right_um: float
    wrong_um: float


VOLUME = Kind("volume", 0.15 * VOXEL_UM, 0.5 * VOXEL_UM)
MRI = Kind("MRI", 11.5, 34.0)
SECTION = Kind("section", 2 * VOXEL_UM, 3 * VOXEL_UM)
DETAIL = Kind("detail", 2.0, 10.0)
ELEMENTS = Kind("element maps", 2.0, 10.0)
# Registrations by their names in the judgement, and the acquisition whose faults they meet.
REGISTRATIONS = {
    "pristine xct-scan": (VOLUME, ("pristine xct", "shorted xct")),
    "pristine mri-t2": (MRI, ("pristine mri", "pristine xct")),
    "shorted mri-t2": (MRI, ("shorted mri", "shorted xct")),
    "shorted sem-overview": (SECTION, ("sem overview", "shorted xct")),
    "sem-detail in overview": (DETAIL, ("sem detail", "sem overview")),
    "edx-elements in overview": (ELEMENTS, ("edx", "sem overview")),
}


def run(seed: int, work: Path, cores: int) -> dict[str, Any]:
    """Draw a cell, send it through the workflow and judge it; a failed job is in the judgement."""
    kept = work / f"cell-{seed}.json"
    if kept.exists():
        found: dict[str, Any] = json.loads(kept.read_text())
        return found
    faults = CellFaults.draw(np.random.default_rng([STREAM, seed]))
    folder = work / f"cell-{seed}"
    write_cell(folder / "cell", seed, kind=kind_of(seed), cell="c", faults=faults)
    (folder / "config.yaml").write_text("acquisitions: cell/acquisitions.tsv\nresults: out\n")
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--cores", str(cores), "--keep-going", "--configfile", "config.yaml"]
    start = time.monotonic()
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if not (folder / "out" / "index.html").exists():
        raise SystemExit(f"seed {seed}: the run did not begin: {ended.stderr[-3000:]}")
    said = [line for line in ended.stderr.splitlines() if line.startswith("FAILED ")]
    found = {"seed": seed, "kind": kind_of(seed), "faults": faults.names, "failed": said}
    found["seconds"] = time.monotonic() - start
    judged = judge(folder / "out" / "c", folder / "cell")
    judged["registrations"] = [asdict(one) for one in judged["registrations"]]
    found |= judged
    kept.write_text(json.dumps(found, indent=1, default=float))
    shutil.rmtree(folder)
    return found


@dataclass(frozen=True)
class Case:
    """One registration of one cell."""

    kind: Kind
    faults: tuple[str, ...]
    accepted: bool
    error_um: float
    pulls: dict[str, float]


def cases(cells: Iterable[dict[str, Any]]) -> list[Case]:
    """All registrations; of an acquisition whose own files were refused there is none."""
    found = []
    for cell in cells:
        for one in cell["registrations"]:
            if one["name"] not in REGISTRATIONS:
                continue
            kind, acquisitions = REGISTRATIONS[one["name"]]
            own, other = (cell["faults"][a] for a in acquisitions)
            named = [*own, *(f"{fault} ({acquisitions[1]})" for fault in other)]
            accepted = one["verdict"] == "accepted"
            found.append(Case(kind, tuple(named), accepted, one["error_um"], one["pulls"]))
    return found


def rates(chosen: list[Case]) -> list[str]:
    """Columns of one line: right ones, of these accepted, wrong ones, of these accepted, worst, pulls."""
    right = [c for c in chosen if c.error_um <= c.kind.right_um]
    wrong = [c for c in chosen if c.error_um > c.kind.wrong_um]
    accepted = [c for c in chosen if c.accepted]
    worst = f"{max(c.error_um for c in accepted):.2f}" if accepted else ""
    columns = [
        str(len(chosen)),
        f"{sum(c.accepted for c in right)} of {len(right)}",
        f"{sum(c.accepted for c in wrong)} of {len(wrong)}",
        worst,
    ]
    for direction in ("u", "v", "normal"):
        pulls = [c.pulls[direction] for c in accepted if direction in c.pulls]
        columns.append(f"{np.sqrt(np.mean(np.square(pulls))):.2f}" if pulls else "")
    return columns


HEADER = (
    "cases",
    "right ones accepted",
    "wrong ones accepted",
    "worst accepted (um)",
    "error over standard error: u",
    "v",
    "normal",
)


def table(first: str, lines: Iterable[tuple[str, list[str]]], header: Iterable[str]) -> list[str]:
    """Return a table in Markdown."""
    names = [first, *header]
    rows = ["| " + " | ".join([name, *columns]) + " |" for name, columns in lines]
    return ["| " + " | ".join(names) + " |", "| " + " | ".join("---" for _ in names) + " |", *rows, ""]


def by_fault(found: list[Case], kind: Kind) -> list[tuple[str, list[str]]]:
    """One line for each fault that some case of a kind has among others."""
    mine = [c for c in found if c.kind == kind]
    names = sorted({fault for c in mine for fault in c.faults})
    return [(f"{kind.name}: {name}", rates([c for c in mine if name in c.faults])) for name in names]


def maps_and_cracks(cells: list[dict[str, Any]]) -> list[str]:
    """Regions, T2 and cracks over all cells, in sentences."""
    maps = [(cell, state, cell["mri"][state]) for cell in cells for state in cell.get("mri", {})]
    dendrites = [m for cell, state, m in maps if cell["kind"] == "dendrite" and state == "shorted"]
    controls = [m for cell, state, m in maps if cell["kind"] != "dendrite" or state != "shorted"]
    t2 = [abs(m["t2_error"]) for _, _, m in maps if m["t2_error"] == m["t2_error"]]
    f1 = [c["crack"]["f1"] for c in cells if c["kind"] == "dendrite" and "crack" in c]
    pristine = [c["pristine_cracks"] for c in cells if "pristine_cracks" in c]
    links = [c["links"] for c in cells if "links" in c]
    found = sum(m["on_dendrite"] > 0 for m in dendrites)
    beside = sum(m["regions"] > m["on_dendrite"] for m in dendrites)
    false = sum(m["regions"] > 0 for m in controls)
    return [
        f"Dendrites found: {found} of {len(dendrites)}. False regions: in {false} of {len(controls)} maps "
        f"without a dendrite, in {beside} of {len(dendrites)} with one. Electrode T2 within 5 %: "
        f"{sum(e <= 0.05 for e in t2)} of {len(t2)}, worst {100 * max(t2, default=0.0):.1f} %.",
        "",
        f"Crack F1: median {np.median(f1):.3f}, at least 0.9 in {sum(f >= 0.9 for f in f1)} of {len(f1)}. "
        f"Cracks in pristine tomograms: {sum(n > 0 for n in pristine)} of {len(pristine)}. Regions linked to "
        f"the true crack: {sum(k['right'] for k in links)} of {sum(k['regions'] for k in links)}.",
        "",
    ]


def report(cells: list[dict[str, Any]]) -> str:
    """Return the section of the page."""
    found = cases(cells)
    kinds = (VOLUME, MRI, SECTION, DETAIL, ELEMENTS)
    all_of: Callable[[Kind], list[Case]] = lambda kind: [c for c in found if c.kind == kind]  # noqa: E731
    failed = [f"seed {c['seed']}: `{line}`" for c in cells for line in c["failed"]]
    lines = [
        f"{len(cells)} cells, seeds {cells[0]['seed']} to {cells[-1]['seed']}.",
        "",
        *maps_and_cracks(cells),
        *table("registration", ((k.name, rates(all_of(k))) for k in kinds), HEADER),
        "By fault (each case stands in the line of each of its faults):",
        "",
        *table("registration: fault", (row for k in kinds for row in by_fault(found, k)), HEADER),
    ]
    if failed:
        lines += ["Jobs that ended with an error:", "", *(f"- {line}" for line in failed), ""]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cells", type=int, default=60)
    parser.add_argument("--first-seed", type=int, default=7001)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--work", type=Path, default=ROOT / "validation" / "bad-days")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    cells = []
    for seed in range(given.first_seed, given.first_seed + given.cells):
        cells.append(run(seed, given.work, given.cores))
        one = cells[-1]
        print(seed, f"{one['seconds']:.0f} s", *one["failed"], flush=True)
        for placed in one["registrations"]:
            print(
                f"  {placed['name']}: {placed['error_um']:.2f} um {placed['verdict']}",
                *placed["reasons"],
                flush=True,
            )
    text = report(cells)
    print(text)
    write_section(PAGE, "bad-days", text)


if __name__ == "__main__":
    main()
