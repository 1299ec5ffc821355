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

from spallmap.frames import AffineMap, grid_points
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
    # Error over standard error by direction of the image's own frame, root mean square over its field.
    pulls: dict[str, float]

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
        ``registrations`` (list of Placed), ``crack`` (recall, precision, f1, found), ``mri``, ``links``; what
        was not made is not there.
    """
    truth = json.loads((cell / "truth" / "truth.json").read_text())
    found: dict[str, Any] = {"kind": truth["kind"], "registrations": registrations(results, truth)}
    folders = {s: mri_folder(results, s) for s in (PRISTINE, SHORTED)}
    found["mri"] = {s: relaxometry(f, cell, s) for s, f in folders.items() if f and (f / "t2.json").exists()}
    labels = cell / "truth" / "xct_shorted_labels.npz"
    shorted = xct_folder(results, SHORTED)
    if labels.exists() and shorted and (shorted / "cracks.ome.zarr").exists():
        true_labels = np.load(labels)["labels"]
        cracks = np.asarray(read_volume(shorted / "cracks.ome.zarr").data)
        found["crack"] = crack_overlap(cracks > 0, np.isin(true_labels, (*CRACK_LABELS, DECOY_LABEL)))
        if (results / SHORTED / "links.csv").exists():
            found["links"] = links(results, cracks, true_labels)
    pristine = xct_folder(results, PRISTINE)
    if pristine and (pristine / "cracks.csv").exists():
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
        bound = BOUND_UM[modality if key != "edx" else "sem"]
        placed.append(held(f"{state} {acquisition}", path.parent, modality, said, true_map, bound))
        through = said["diagnostics"]["through"]
        within = {"sem_detail": "detail", "edx": "edx"}.get(key)
        if through is not None and within is not None:
            true_inner = AffineMap(np.array(truth["within_overview"][within]))
            name = f"{acquisition} in overview"
            placed.append(held(name, path.parent, modality, through, true_inner, BOUND_UM["inset"]))
    return placed


def held(
    name: str, folder: Path, modality: str, said: dict[str, Any], true: AffineMap, bound_um: float
) -> Placed:
    """Hold what a registration says against the truth, over the acquisition's field."""
    points = field_points(folder, modality)
    difference = AffineMap(np.array(said["matrix"]))(points) - true(points)
    own = (difference @ true.linear).reshape(-1, 3)
    # of a projection only the component in its own plane
    counted = own[:, :2] if modality == "mri" else own
    pulls = {}
    for axis, direction in enumerate(("u", "v", "normal")):
        se = (said.get("se_um") or {}).get(direction)
        if se and direction not in said.get("unobservable", []):
            pulls[direction] = float(np.sqrt((own[:, axis] ** 2).mean()) / se)
    error = float(np.linalg.norm(counted, axis=-1).mean())
    return Placed(name, said["verdict"], error, bound_um, tuple(said["reasons"]), pulls)


def field_points(folder: Path, modality: str) -> np.ndarray:
    """Points spread evenly over an acquisition's field, in its own frame."""
    if modality == "xct":
        volume = read_volume(folder / "volume.ome.zarr", level=2)
        return grid_points(volume.data.shape, volume.spacing_um)
    name = {"mri": "t2.ome.tif", "sem": "image.ome.tif", "edx": "elements.ome.tif"}[modality]
    return grid_points(*image_grid(folder / name))


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


def relaxometry(folder: Path, cell: Path, state: str) -> dict[str, Any]:
    """Regions on and off the true dendrite, and the electrode's median T2."""
    truth = np.load(cell / "truth" / f"mri_{state}.npz")
    regions = np.squeeze(tifffile.imread(folder / "regions.ome.tif"))
    dendrite = on_grid_of(truth["dendrite"], regions.shape)
    numbers = [n for n in np.unique(regions) if n]
    near = on_grid_of(ndimage.binary_dilation(truth["dendrite"], iterations=1), regions.shape)
    on = sum(bool(dendrite[regions == n].any()) for n in numbers)
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


def on_grid_of(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Take a mask from the acquired matrix to the delivered one, larger where k-space was filled."""
    at = [
        np.minimum(np.round(np.arange(n) * m / n).astype(int), m - 1)
        for n, m in zip(shape, mask.shape, strict=True)
    ]
    return mask[np.ix_(*at)]


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
