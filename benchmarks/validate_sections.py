"""Place sections at random planes of simulated cells, and hold every pose against the truth.

    python benchmarks/validate_sections.py --work <folder> --jobs 2

Four planes of each cell, one of another cell in its tomogram, and images that are no good. Prints the tables
and writes them into docs/validation.md. What is done is kept in the folder, so that a run that was stopped
goes on.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from page import write_section
from section_cases import COLUMNS, SPACING_UM, VOXEL_UM, SectionCase, section, tomogram

from spallmap.axes import AxesPrior
from spallmap.image import Image
from spallmap.registration.result import Registration
from spallmap.registration.section import register_section
from spallmap.results.registration import diagnostics_content

PAGE = Path(__file__).resolve().parents[1] / "docs" / "validation.md"
SEEDS = range(741, 751)
PLANES = 4
PRIOR = AxesPrior.parse("-z,r")
RIGHT_VOXELS = 1.0
WRONG_VOXELS = 3.0


def run_cell(seed: int, work: Path, spoilt: int) -> list[dict[str, Any]]:
    """Place a cell's planes, a plane of another cell, and for the seed `spoilt` the bad images."""
    kept = work / f"sections-{seed}.json"
    if kept.exists():
        found: list[dict[str, Any]] = json.loads(kept.read_text())
        return found
    volume = tomogram(seed, work)
    rows = [
        row("plane", seed, number, case, volume)
        for number, case in ((n, section(seed, n, volume.to_cell)) for n in range(PLANES))
    ]
    stranger = section(seed + 1000, 0, volume.to_cell)
    rows.append(row("another cell", seed, 0, stranger, volume))
    if seed == spoilt:
        case = section(seed, 0, volume.to_cell)
        rows += [row(name, seed, 0, bad, volume, prior) for name, bad, prior in bad_images(case)]
    kept.write_text(json.dumps(rows, default=np.ndarray.tolist))
    return rows


def bad_images(case: SectionCase) -> list[tuple[str, SectionCase, AxesPrior]]:
    """Spoil a good image in the ways that people do."""
    image = case.image
    named = case.named_axes()
    swapped = AxesPrior((named.names[1], named.names[0]))
    grey = np.full_like(image.data, 90)
    noise = np.random.default_rng(1).normal(100.0, 6.0, image.data.shape).clip(0, 255).astype(np.uint8)
    mirrored = np.ascontiguousarray(image.data[:, ::-1])
    outside = np.where(np.random.default_rng(2).normal(size=image.data.shape) > 0, 12, 8).astype(np.uint8)

    def like(data: np.ndarray) -> SectionCase:
        return replace(case, image=Image(data, ("y", "x"), image.spacing_um, mask=image.mask))

    large = replace(case, image=Image(image.data, ("y", "x"), (8.0, 8.0), mask=image.mask))
    return [
        ("zeros", like(np.zeros_like(grey)), PRIOR),
        ("one grey", like(grey), PRIOR),
        ("noise alone", like(noise), PRIOR),
        ("beside the specimen", like(outside), PRIOR),
        ("mirrored save", like(mirrored), named),
        ("rows and columns swapped in the table", case, swapped),
        ("pixel size wrong, field larger than the volume", large, PRIOR),
    ]


def row(
    kind: str, seed: int, number: int, case: SectionCase, volume: Any, prior: AxesPrior = PRIOR
) -> dict[str, Any]:
    """Register one image and say how it went."""
    begin = time.monotonic()
    found = register_section(
        case.image, volume.grey, volume.phases, SPACING_UM, prior=prior, seed=1, threads=1
    )
    seconds = time.monotonic() - begin
    right = kind == "plane"
    return {
        "kind": kind,
        "seed": seed,
        "plane": number,
        "field_um": COLUMNS * case.image.spacing_um[1],
        "scale": float(np.sqrt(np.prod(np.linalg.norm(case.truth.linear, axis=0)))),
        "error_voxels": case.error_um(found.map) / VOXEL_UM if right else None,
        "over_se": over_se(case, found).tolist() if right and found.accepted else None,
        "se_um": [found.se_um.u, found.se_um.v, found.se_um.normal],
        "verdict": found.verdict,
        "reasons": list(found.reasons),
        "score": found.score,
        "diagnostics": diagnostics_content(found.diagnostics),
        "seconds": seconds,
    }


def over_se(case: SectionCase, found: Registration) -> np.ndarray:
    """Root mean square error over the field along u, v and normal, over the standard error reported."""
    field = case.field()
    axes = found.map.linear / np.linalg.norm(found.map.linear, axis=0)
    error = np.sqrt((((found.map(field) - case.truth(field)) @ axes) ** 2).mean(axis=0))
    reported = [np.nan if s is None else s for s in (found.se_um.u, found.se_um.v, found.se_um.normal)]
    ratio: np.ndarray = error / np.array(reported, dtype=float)
    return ratio


def tables(rows: list[dict[str, Any]]) -> str:
    """Summary, then a line for each image."""
    planes = [r for r in rows if r["kind"] == "plane"]
    error = np.array([r["error_voxels"] for r in planes])
    accepted = np.array([r["verdict"] == "accepted" for r in planes])
    ratios = np.array([r["over_se"] for r in planes if r["over_se"] is not None])
    spread = np.sqrt((ratios**2).mean(axis=0))
    others = [r for r in rows if r["kind"] == "another cell"]
    bad = [r for r in rows if r["kind"] not in ("plane", "another cell")]
    seconds = [r["seconds"] for r in planes]
    lines = [
        f"{len(planes)} planes of {len({r['seed'] for r in planes})} cells: {np.sum(error <= RIGHT_VOXELS)} "
        f"within {RIGHT_VOXELS:g} voxel, median {np.median(error):.2f}, worst {error.max():.2f}; "
        f"{np.sum(~accepted)} refused; {np.sum(accepted & (error > RIGHT_VOXELS))} accepted beyond "
        f"{RIGHT_VOXELS:g} voxel, {np.sum(accepted & (error > WRONG_VOXELS))} beyond {WRONG_VOXELS:g}. "
        f"Error over its standard error (root mean square over the accepted): u {spread[0]:.2f}, "
        f"v {spread[1]:.2f}, normal {spread[2]:.2f}. Seconds on one thread: median {np.median(seconds):.0f}, "
        f"most {max(seconds):.0f}.",
        "",
        f"Sections of another cell: {refused(others)} of {len(others)} refused. "
        f"Images that are no good: {refused(bad)} of {len(bad)} refused.",
        "",
        "| cell | plane | field (um) | pixel size off (%) | error (voxels) "
        "| standard error u, v, normal (um) | correlation inside | margin | verdict |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for r in planes:
        se = ", ".join("-" if s is None else f"{s:.1f}" for s in r["se_um"])
        shown = r["diagnostics"]["measures"]
        margin = "-" if shown.get("margin") is None else f"{shown['margin']:.2f}"
        lines.append(
            f"| {r['seed']} | {r['plane']} | {r['field_um']:.0f} | {100 * (r['scale'] - 1):+.1f} "
            f"| {r['error_voxels']:.2f} | {se} | {shown.get('inside_correlation') or 0:.2f} | {margin} "
            f"| {verdict(r)} |"
        )
    lines += ["", "| image | cell | verdict |", "| --- | --- | --- |"]
    lines += [f"| {r['kind']} | {r['seed']} | {verdict(r)} |" for r in others + bad]
    return "\n".join(lines)


def refused(rows: list[dict[str, Any]]) -> int:
    """Count the refusals."""
    return sum(r["verdict"] == "refused" for r in rows)


def verdict(r: dict[str, Any]) -> str:
    """Verdict with its first reason."""
    return f"{r['verdict']}: {r['reasons'][0]}" if r["reasons"] else str(r["verdict"])


def main() -> None:
    """Run all cells, print the tables and write them into the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("validation/sections"))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    seeds = options.seeds
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(options.jobs, mp_context=context) as pool:
        for found in pool.map(run_cell, seeds, [options.work] * len(seeds), [seeds[0]] * len(seeds)):
            rows += found
            print(found[0]["seed"], [(r["error_voxels"], r["verdict"]) for r in found], flush=True)
    text = tables(rows)
    print(text)
    write_section(PAGE, "sections", text)


if __name__ == "__main__":
    main()
