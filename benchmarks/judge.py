"""Hold the results of one cell against its known truth.

    python benchmarks/judge.py results/cell-a path/to/cell-a

The truth is a folder ``truth`` beside the cell's files, as the demo cell has it; the workflow never reads it.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tifffile
from scipy import ndimage

from spallmap.frames import AffineMap, displacement_um, grid_points
from spallmap.results.ome_zarr import read_volume

VOXEL_UM = 4.66
PRISTINE = "pristine"
SHORTED = "shorted"
CRACK_LABELS = (3, 4)
DECOY_LABEL = 5
# Bounds of the validation, from what the paper's overlay needs: half an MRI pixel, two voxels, half a voxel.
BOUND_UM = {"mri": 11.5, "sem": 2 * VOXEL_UM, "xct": 0.5 * VOXEL_UM, "inset": 2.0}


@dataclass(frozen=True)
class Placed:
    """One registration held against the truth."""

    name: str
    verdict: str
    error_um: float
    bound_um: float
    reasons: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Whether it is right, or refused."""
        return self.verdict == "refused" or self.error_um <= self.bound_um

    def __str__(self) -> str:
        mark = "" if self.good else " WRONG"
        return f"{self.error_um:.2f} um {self.verdict}{mark}"


def judge(results: Path, cell: Path) -> dict[str, Any]:
    """Measure everything that the truth can say of one cell's results.

    Parameters
    ----------
    results : Path
        The cell's folder below the results.
    cell : Path
        The cell's own folder with ``truth`` in it.

    Returns
    -------
    dict
        ``registrations`` (list of Placed), ``crack`` (recall, precision, f1, found), ``mri``, ``links``.
    """
    truth = json.loads((cell / "truth" / "truth.json").read_text())
    found: dict[str, Any] = {"kind": truth["kind"], "registrations": registrations(results, truth)}
    found["mri"] = {s: relaxometry(results, cell, s) for s in (PRISTINE, SHORTED) if mri_folder(results, s)}
    labels = cell / "truth" / "xct_shorted_labels.npz"
    if labels.exists():
        true_labels = np.load(labels)["labels"]
        shorted = xct_folder(results, SHORTED)
        assert shorted is not None
        cracks = np.asarray(read_volume(shorted / "cracks.ome.zarr").data)
        found["crack"] = crack_overlap(cracks > 0, np.isin(true_labels, (*CRACK_LABELS, DECOY_LABEL)))
        found["links"] = links(results, cracks, true_labels)
    pristine = xct_folder(results, PRISTINE)
    if pristine:
        found["pristine_cracks"] = len(pd.read_csv(pristine / "cracks.csv"))
    return found


def xct_folder(results: Path, state: str) -> Path | None:
    """Folder of a state's first tomogram."""
    return next(iter(sorted((results / state).glob("xct-*"))), None)


def mri_folder(results: Path, state: str) -> Path | None:
    """Folder of a state's first MRI acquisition."""
    return next(iter(sorted((results / state).glob("mri-*"))), None)


def registrations(results: Path, truth: dict[str, Any]) -> list[Placed]:
    """Errors of every registration over its own field."""
    keys = {"sem-overview": "sem_overview", "sem-detail": "sem_detail", "edx-elements": "edx"}
    placed = []
    for path in sorted(results.glob("*/*/to_reference.json")):
        state, acquisition = path.parts[-3:-1]
        modality = acquisition.split("-")[0]
        key = keys.get(acquisition, modality)
        true_map = AffineMap(np.array(truth["to_reference"][state][key]))
        said = json.loads(path.read_text())
        error = field_error_um(path.parent, modality, AffineMap(np.array(said["matrix"])), true_map)
        bound = BOUND_UM[modality if key != "edx" else "sem"]
        placed.append(Placed(f"{state} {acquisition}", said["verdict"], error, bound, tuple(said["reasons"])))
        through = said["diagnostics"]["through"]
        within = {"sem_detail": "detail", "edx": "edx"}.get(key)
        if through is not None and within is not None:
            true_inner = AffineMap(np.array(truth["within_overview"][within]))
            error = field_error_um(path.parent, modality, AffineMap(np.array(through["matrix"])), true_inner)
            placed.append(
                Placed(
                    f"{acquisition} in overview",
                    through["verdict"],
                    error,
                    BOUND_UM["inset"],
                    tuple(through["reasons"]),
                )
            )
    return placed


def field_error_um(folder: Path, modality: str, said: AffineMap, true: AffineMap) -> float:
    """Mean displacement over the acquisition's field; of a projection only the component in its own plane."""
    if modality == "xct":
        volume = read_volume(folder / "volume.ome.zarr", level=2)
        points = grid_points(volume.data.shape, volume.spacing_um)
    else:
        name = {"mri": "t2.ome.tif", "sem": "image.ome.tif", "edx": "elements.ome.tif"}[modality]
        shape, spacing = image_grid(folder / name)
        points = grid_points(shape, spacing)
    if modality != "mri":
        return float(displacement_um(said, true, points).mean())
    in_own_frame = (said(points) - true(points)) @ true.linear
    return float(np.linalg.norm(in_own_frame[..., :2], axis=-1).mean())


def image_grid(path: Path) -> tuple[tuple[int, int], tuple[float, float]]:
    """Shape and spacing of an OME-TIFF."""
    with tifffile.TiffFile(path) as tif:
        pixels = tifffile.xml2dict(tif.ome_metadata)["OME"]["Image"]["Pixels"]
        return tif.pages[0].shape, (float(pixels["PhysicalSizeY"]), float(pixels["PhysicalSizeX"]))


def crack_overlap(found: np.ndarray, true: np.ndarray) -> dict[str, float]:
    """Recall, precision and F1 with a tolerance of one voxel in each direction."""
    near = ndimage.generate_binary_structure(3, 3)
    if not true.any():
        return {"recall": np.nan, "precision": np.nan, "f1": np.nan, "found": int(found.sum())}
    recall = float(ndimage.binary_dilation(found, near)[true].mean())
    precision = float(ndimage.binary_dilation(true, near)[found].mean()) if found.any() else 0.0
    f1 = 2 * recall * precision / (recall + precision) if recall + precision else 0.0
    return {"recall": recall, "precision": precision, "f1": f1, "found": int(found.sum())}


def relaxometry(results: Path, cell: Path, state: str) -> dict[str, Any]:
    """Regions on and off the true dendrite, and the electrode's median T2."""
    folder = mri_folder(results, state)
    assert folder is not None
    truth = np.load(cell / "truth" / f"mri_{state}.npz")
    regions = np.squeeze(tifffile.imread(folder / "regions.ome.tif"))
    numbers = [n for n in np.unique(regions) if n]
    near = ndimage.binary_dilation(truth["dendrite"], iterations=1)
    on = sum(bool(truth["dendrite"][regions == n].any()) for n in numbers)
    said = json.loads((folder / "t2.json").read_text())
    true_t2 = float(np.median(truth["t2_bulk"][truth["electrode"]]))
    median = said["electrode"]["t2_median_ms"]
    return {
        "regions": len(numbers),
        "on_dendrite": on,
        "pixels_on": float(np.isin(regions, numbers)[near].sum() / max(1, (regions > 0).sum())),
        "electrode_t2_ms": median,
        "true_t2_ms": true_t2,
        "t2_error": median / true_t2 - 1 if median is not None else np.nan,
    }


def links(results: Path, cracks: np.ndarray, true_labels: np.ndarray) -> dict[str, Any]:
    """Whether each linked region's most probable crack is the true one."""
    table = pd.read_csv(results / SHORTED / "links.csv")
    summary = json.loads((results / SHORTED / "links.json").read_text())
    right = 0
    best = table.sort_values("probability").groupby("region").tail(1)
    for crack in best["crack"]:
        under = true_labels[cracks == crack]
        right += np.isin(under, CRACK_LABELS).sum() > (under == DECOY_LABEL).sum()
    return {
        "regions": len(best),
        "right": int(right),
        "probability": float(best["probability"].min()) if len(best) else None,
        "p_value": summary["p_value"],
    }


def main() -> None:
    """Print the judgement of one cell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="the cell's folder below the results")
    parser.add_argument("cell", type=Path, help="the cell's own folder, with truth in it")
    arguments = parser.parse_args()
    found = judge(arguments.results, arguments.cell)
    for placed in found.pop("registrations"):
        print(f"{placed.name:32s} {placed}  {'; '.join(placed.reasons)}")
    print(json.dumps(found, indent=1, default=float))


if __name__ == "__main__":
    main()
