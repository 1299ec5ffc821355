"""Run the workflow on demo cells of different seeds and write what came out beside what is true.

    python benchmarks/validate_chain.py --cores 2

Each cell is drawn anew and goes through the whole workflow.
docs/validation.md gets a row a cell, failures included.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Literal

import numpy as np
from judge import Placed, judge

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "validation.md"
BEGIN = "<!-- chain: begin -->"
END = "<!-- chain: end -->"
# Every fifth cell is a control without dendrite and crack.
CONTROL_EVERY = 5
CRACK_F1 = 0.9
T2_ERROR = 0.05


def kind_of(seed: int) -> Literal["control", "dendrite"]:
    """Which kind of cell a seed stands for."""
    return "control" if seed % CONTROL_EVERY == 0 else "dendrite"


def run(seed: int, work: Path, cores: int) -> tuple[dict[str, Any] | None, float, str]:
    """Run the workflow on one cell; returns the judgement, the seconds and what went wrong."""
    from spallmap.twin import write_cell

    cell, results = work / f"cell-{seed}", work / f"results-{seed}"
    if not (cell / "truth" / "truth.json").exists():
        write_cell(cell, seed, kind=kind_of(seed), cell="demo")
    command = [
        str(Path(sys.executable).parent / "snakemake"),
        *(
            "--snakefile",
            str(ROOT / "Snakefile"),
            "--cores",
            str(cores),
            "--quiet",
            "all",
            "--rerun-incomplete",
        ),
        *("--configfile", str(cell / "config.yaml"), "--config"),
        *(f"acquisitions={cell / 'acquisitions.tsv'}", f"results={results}"),
    ]
    start = time.monotonic()
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - start
    if ended.returncode:
        return None, seconds, ended.stderr.strip().splitlines()[-1]
    return judge(results / "demo", cell), seconds, ""


def faults(found: dict[str, Any]) -> list[str]:
    """Say in words what does not hold for one cell."""
    said = [f"{p.name}: {p.error_um:.1f} um under accepted" for p in found["registrations"] if not p.good]
    dendrite = found["kind"] == "dendrite"
    for state, mri in found["mri"].items():
        if dendrite and state == "shorted":
            if not mri["on_dendrite"]:
                said.append("dendrite not found")
            if mri["regions"] > mri["on_dendrite"]:
                said.append(f"{mri['regions'] - mri['on_dendrite']} long-T2 region off the dendrite")
        elif mri["regions"]:
            said.append(f"{mri['regions']} long-T2 region in the {state} MRI without a dendrite")
        if not abs(mri["t2_error"]) <= T2_ERROR:
            said.append(f"{state} electrode T2 {100 * mri['t2_error']:+.1f} %")
    if dendrite and found["crack"]["f1"] < CRACK_F1:
        said.append(f"crack F1 {found['crack']['f1']:.3f}")
    if not dendrite and found["crack"]["found"]:
        said.append("a crack in a cell without one")
    if found.get("pristine_cracks"):
        said.append(f"{found['pristine_cracks']} crack in the pristine tomogram")
    if dendrite and found["links"]["right"] < found["links"]["regions"]:
        said.append("linked to the wrong crack")
    if dendrite and not found["links"]["regions"]:
        said.append("no link")
    return said


def row(seed: int, found: dict[str, Any], seconds: float) -> str:
    """One line of the table."""
    by_name = {p.name: p for p in found["registrations"]}
    cells = [str(seed), found["kind"]]
    cells += [str(by_name[n]).replace(" um", "") if n in by_name else "" for n in NAMES]
    mri = found["mri"]
    cells += [
        "/".join(f"{mri[s]['regions']}" for s in mri),
        "/".join(f"{100 * mri[s]['t2_error']:+.1f}" for s in mri),
    ]
    crack, link = found["crack"], found["links"]
    overlap = f"{crack['recall']:.3f}, {crack['precision']:.3f}, {crack['f1']:.3f}"
    if found["kind"] != "dendrite":
        overlap = f"{crack['found']} voxels found"
    cells += [
        overlap,
        str(found.get("pristine_cracks", "")),
    ]
    probability = "" if link["probability"] is None else f", p {link['probability']:.2f}"
    chance = "" if link["p_value"] is None else f"{link['p_value']:.4f}"
    cells += [f"{link['right']} of {link['regions']}{probability}", chance, f"{seconds:.0f}"]
    cells.append("; ".join(faults(found)) or "none")
    return "| " + " | ".join(cells) + " |"


NAMES = (
    "pristine xct-scan",
    "pristine mri-t2",
    "shorted mri-t2",
    "shorted sem-overview",
    "sem-detail in overview",
    "edx-elements in overview",
)
HEADER = (
    "seed",
    "kind",
    *(f"{n} (um)" for n in NAMES),
    "regions pristine/shorted",
    "electrode T2 error pristine/shorted (%)",
    "crack recall, precision, F1",
    "pristine cracks",
    "links right",
    "p against chance",
    "s",
    "faults",
)


def summary(judged: list[dict[str, Any]]) -> list[str]:
    """Medians, worst cases and counts over the cells."""
    lines = [
        "",
        "| registration | accepted | refused | median error (um) | worst accepted (um) | accepted wrong |",
    ]
    lines.append("| --- | --- | --- | --- | --- | --- |")
    for name in NAMES:
        placed: list[Placed] = [p for f in judged for p in f["registrations"] if p.name == name]
        accepted = [p.error_um for p in placed if p.verdict == "accepted"]
        wrong = sum(not p.good for p in placed)
        median, worst = (f"{np.median(accepted):.2f}", f"{max(accepted):.2f}") if accepted else ("", "")
        lines.append(
            f"| {name} | {len(accepted)} | {len(placed) - len(accepted)} | {median} | {worst} | {wrong} |"
        )
    return lines


def write_page(text: str) -> None:
    """Put the section into the page, leaving the others as they are."""
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def main() -> None:
    """Run all seeds and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(11, 21)))
    parser.add_argument("--work", type=Path, default=ROOT / "validation")
    arguments = parser.parse_args()
    rows, judged, failed = [], [], []
    for seed in arguments.seeds:
        found, seconds, error = run(seed, arguments.work, arguments.cores)
        if found is None:
            failed.append(f"Seed {seed} ({kind_of(seed)}) failed after {seconds:.0f} s: `{error}`")
            print(failed[-1], flush=True)
            continue
        judged.append(found)
        rows.append(row(seed, found, seconds))
        print(rows[-1], flush=True)
    clean = sum(not faults(f) for f in judged)
    text = [
        f"{len(arguments.seeds)} cells, seeds {', '.join(map(str, arguments.seeds))}: "
        f"{clean} without a fault, {len(judged) - clean} with, {len(failed)} failed.",
        "",
        *failed,
        "| " + " | ".join(HEADER) + " |",
        "| " + " | ".join("---" for _ in HEADER) + " |",
        *rows,
        *summary(judged),
    ]
    write_page("\n".join(text))


if __name__ == "__main__":
    main()
