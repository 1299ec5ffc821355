"""Run the demo cell anew in a fresh folder and hold what comes out against what was recorded.

    python benchmarks/reproduce.py [--cores 2] [--keep]
    python benchmarks/reproduce.py --results results         compare a finished run of the demo, run nothing
    python benchmarks/reproduce.py --results results --record   write its numbers down as the recorded ones

On one machine the numbers are the same to the last bit. Another processor adds in another order, and a pixel
or a voxel at a threshold may fall on its other side; TOLERANCES says for each kind of number what that may
change. The exit status is 1 where a number lies outside.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parents[1]
RECORDED = ROOT / "benchmarks" / "recorded" / "demo.json"
CELL = "demo"
# Corners of a square of 1 mm, the size of the demo's images; a map is compared where it is used.
CORNERS_UM = np.array([(x, y, 0.0) for x in (0.0, 1000.0) for y in (0.0, 1000.0)])
NO_DEPTH = "depth along the projection"


@dataclass(frozen=True)
class Tolerance:
    """By how much a kind of number may differ, and why so much and no more."""

    why: str
    absolute: float = 0.0
    relative: float = 0.0

    def __str__(self) -> str:
        words = [f"{self.absolute:g}"] if self.absolute else []
        words += [f"{100.0 * self.relative:g} %"] if self.relative else []
        return " + ".join(words) or "equal"


# Without AVX and FMA, with another kernel of the linear algebra and code compiled for any processor,
# numbers of a coarse cell differ by 1e-13 and no pixel changes sides. The rest is room for a pixel or for a
# step of an optimiser that does, far below the errors that the results themselves state.
TOLERANCES = {
    "word": Tolerance("a verdict or a kind is the same or another"),
    "count": Tolerance("cracks and regions lie far above or below their limits"),
    "pixels": Tolerance("two pixels at a threshold may fall on its other side", absolute=2),
    "t2_ms": Tolerance("a median moves by a pixel of two hundred; a tenth of its error", relative=0.002),
    "fraction": Tolerance("a few columns at a surface; a hundredth of what is lost", absolute=0.0005),
    "crack": Tolerance("voxels at a crack's edge; a twentieth of the volume's error", relative=0.002),
    "um": Tolerance("follows the registration; a fiftieth of its error", absolute=0.05),
    "degrees": Tolerance("a plane through the same voxels but a few", absolute=0.05),
    "probability": Tolerance("follows the position of the crack on the MRI", absolute=0.002),
    "p_value": Tolerance(
        "two placements of 1 999 on the other side, and the rounding of one", absolute=0.0015
    ),
    "map_xct_um": Tolerance("an optimiser ends a step earlier: a hundredth of a voxel", absolute=0.05),
    "map_mri_um": Tolerance("an optimiser ends a step earlier: a tenth of its standard error", absolute=0.05),
    "map_sem_um": Tolerance("an optimiser ends a step earlier: a hundredth of a voxel", absolute=0.05),
    "map_edx_um": Tolerance("an optimiser ends a step earlier: a hundredth of a voxel", absolute=0.05),
}


@dataclass(frozen=True)
class Quantity:
    """A number, a word or a map of a run."""

    name: str
    kind: str
    value: Any


def quantities(cell: Path) -> list[Quantity]:
    """Take from a cell's results what a paper would state.

    Parameters
    ----------
    cell : Path
        The cell's folder below the results.
    """
    found: list[Quantity] = []
    for folder in sorted(path for path in cell.glob("*/*-*") if path.is_dir()):
        modality = folder.name.partition("-")[0]
        at = f"{folder.parent.name} {folder.name}"
        if (folder / "to_reference.json").exists():
            found += of_map(at, modality, read(folder / "to_reference.json"))
        if modality == "mri":
            found += of_mri(at, folder)
        if modality == "xct":
            found += of_tomogram(at, folder)
    for folder in sorted(path.parent for path in cell.glob("*/links.json")):
        found += of_links(folder)
    return found


def read(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def of_map(at: str, modality: str, content: dict[str, Any]) -> Iterator[Quantity]:
    """Verdict and map of a registration."""
    yield Quantity(f"{at}: verdict", "word", content["verdict"])
    value = {"matrix": content["matrix"], "in_plane": NO_DEPTH in content["unobservable"]}
    yield Quantity(f"{at}: map", f"map_{modality}_um", value)


def of_mri(at: str, folder: Path) -> Iterator[Quantity]:
    """T2 and regions of an MRI."""
    summary, regions = read(folder / "t2.json"), pd.read_csv(folder / "regions.csv")
    yield Quantity(f"{at}: electrode's median T2", "t2_ms", summary["electrode"]["t2_median_ms"])
    yield Quantity(f"{at}: pixels fitted", "pixels", summary["n_fitted"])
    yield Quantity(f"{at}: long-T2 regions", "count", len(regions))
    for row in regions.to_dict("records"):
        region = f"{at}: region {row['region']}"
        yield Quantity(f"{region}, pixels", "pixels", row["pixels"])
        yield Quantity(f"{region}, T2", "t2_ms", row["t2_ms"])


def of_tomogram(at: str, folder: Path) -> Iterator[Quantity]:
    """Cracks and interfaces of a tomogram."""
    cracks, interfaces = pd.read_csv(folder / "crack_measures.csv"), read(folder / "interfaces.json")
    yield Quantity(f"{at}: cracks", "count", len(cracks))
    for row in cracks.to_dict("records"):
        crack = f"{at}: crack {row['crack']}"
        for name in ("volume_um3", "area_um2", "spall_volume_um3"):
            yield Quantity(f"{crack}, {name}", "crack", row[name])
        for name in ("aperture_median_um", "aperture_p95_um"):
            yield Quantity(f"{crack}, {name}", "crack", row[name])
        yield Quantity(f"{crack}, depth_max_um", "um", row["depth_max_um"])
        yield Quantity(f"{crack}, dip_deg", "degrees", row["dip_deg"])
        for name in ("morphology", "filling"):
            yield Quantity(f"{crack}, {name}", "word", row[name])
    for side, content in interfaces.items():
        if isinstance(content, dict) and "lost_fraction" in content:
            yield Quantity(f"{at}: {side}, lost fraction", "fraction", content["lost_fraction"])


def of_links(folder: Path) -> Iterator[Quantity]:
    """Links of a state."""
    at, summary = folder.name, read(folder / "links.json")
    yield Quantity(f"{at}: p", "p_value", summary["p_value"])
    for row in pd.read_csv(folder / "links.csv").to_dict("records"):
        link = f"{at}: region {row['region']} on crack {row['crack']}"
        yield Quantity(f"{link}, probability", "probability", row["probability"])
        yield Quantity(f"{link}, distance", "um", row["distance_um"])


def difference(kind: str, recorded: Any, found: Any) -> float:
    """By how much a value differs from the recorded one: in its unit, infinite where a word is another."""
    if kind.startswith("map_"):
        return map_difference_um(recorded, found)
    if isinstance(recorded, str) or isinstance(found, str) or None in (recorded, found):
        return 0.0 if recorded == found else math.inf
    if math.isnan(recorded) or math.isnan(found):
        return 0.0 if math.isnan(recorded) and math.isnan(found) else math.inf
    return float(abs(found - recorded))


def map_difference_um(recorded: dict[str, Any], found: dict[str, Any]) -> float:
    """Largest distance between what two maps make of a square; in the plane alone where depth is unknown."""
    matrices = [np.array(value["matrix"], float) for value in (recorded, found)]
    apart = CORNERS_UM @ (matrices[1] - matrices[0])[:3, :3].T + (matrices[1] - matrices[0])[:3, 3]
    if recorded["in_plane"]:
        normal = np.cross(matrices[0][:3, 0], matrices[0][:3, 1])
        normal /= np.linalg.norm(normal)
        apart -= np.outer(apart @ normal, normal)
    return float(np.linalg.norm(apart, axis=1).max())


def allowed(kind: str, recorded: Any) -> float:
    """By how much a value of a kind may differ."""
    tolerance = TOLERANCES[kind]
    if kind.startswith("map_") or not isinstance(recorded, (int, float)):
        return tolerance.absolute
    return tolerance.absolute + tolerance.relative * abs(recorded)


def compare(recorded: list[Quantity], found: list[Quantity]) -> list[tuple[str, str, str, str, bool]]:
    """Hold every quantity against the recorded one: name, recorded, found, allowed, whether it is inside."""
    values = {q.name: q for q in found}
    rows = []
    for q in recorded:
        now = values.pop(q.name, None)
        if now is None:
            rows.append((q.name, shown(q.value), "missing", str(TOLERANCES[q.kind]), False))
            continue
        apart = difference(q.kind, q.value, now.value)
        said = f"{apart:.3g} um apart" if q.kind.startswith("map_") else shown(now.value)
        inside = apart <= allowed(q.kind, q.value)
        rows.append((q.name, shown(q.value), said, str(TOLERANCES[q.kind]), inside))
    rows += [(name, "missing", shown(q.value), str(TOLERANCES[q.kind]), False) for name, q in values.items()]
    return rows


def shown(value: Any) -> str:
    """Write a value as the table shows it."""
    if isinstance(value, dict):
        return "a map"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def table(rows: list[tuple[str, str, str, str, bool]]) -> Iterator[str]:
    """Lines of the table."""
    heads = ("quantity", "recorded", "found", "may differ by", "")
    lines = [heads, *((*row[:4], "" if row[4] else "OUTSIDE") for row in rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(heads))]
    for line in lines:
        yield "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip()


def rerun(work: Path, cores: int) -> Path:
    """Draw the demo cell and run the workflow on it; returns its results."""
    from spallmap.twin import write_cell

    demo = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))["demo"]
    write_cell(work / "cell", demo["seed"], kind=demo["kind"], cell=CELL)
    snakemake = str(Path(sys.executable).parent / "snakemake")
    where = ("--snakefile", str(ROOT / "Snakefile"), "--directory", str(work), "--cores", str(cores))
    keys = (f"acquisitions={work / 'cell' / 'acquisitions.tsv'}", f"results={work / 'results'}")
    # The last lines say what failed.
    subprocess.run([snakemake, *where, "--quiet", "rules", "--config", *keys], check=True)
    return work / "results"


def record(cell: Path) -> None:
    """Write the numbers of a run down as the recorded ones."""
    provenance = read(cell.parent / "provenance.json")
    made_with = {name: provenance[name] for name in ("versions", "machine")}
    # A quantity a line, so that a change of the record shows which.
    lines = [json.dumps(asdict(q)) for q in quantities(cell)]
    text = f'{{"made_with": {json.dumps(made_with)},\n"quantities": [\n' + ",\n".join(lines) + "\n]}\n"
    RECORDED.parent.mkdir(exist_ok=True)
    RECORDED.write_text(text, encoding="utf-8")
    print(f"{len(lines)} quantities written to {RECORDED}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--results", type=Path, help="a finished run of the demo, instead of a new one")
    parser.add_argument("--record", action="store_true", help="write the numbers of --results down")
    parser.add_argument("--keep", action="store_true", help="leave the fresh folder where it is")
    given = parser.parse_args()
    if given.record:
        if given.results is None:
            parser.error("--record needs --results")
        record(given.results / CELL)
        return 0
    recorded = [Quantity(**q) for q in read(RECORDED)["quantities"]]
    if given.results is not None:
        return judged(recorded, given.results)
    (ROOT / "validation").mkdir(exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="reproduce-", dir=ROOT / "validation"))
    try:
        status = judged(recorded, rerun(work, given.cores))
    except subprocess.CalledProcessError as error:
        print(f"the run ended with status {error.returncode}; it is left in {work}")
        return 1
    if status or given.keep:
        print(f"the run is left in {work}")
    else:
        shutil.rmtree(work)
    return status


def judged(recorded: list[Quantity], results: Path) -> int:
    """Print the table and what it comes to; returns the exit status."""
    rows = compare(recorded, quantities(results / CELL))
    print("\n".join(table(rows)))
    kinds = dict.fromkeys(q.kind for q in recorded)
    print("\n" + "\n".join(f"{kind}: {TOLERANCES[kind]}: {TOLERANCES[kind].why}" for kind in kinds))
    outside = sum(not row[4] for row in rows)
    print(f"\n{len(rows)} quantities, {outside} outside their tolerances")
    return int(outside > 0)


if __name__ == "__main__":
    sys.exit(main())
