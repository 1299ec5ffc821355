"""Writes a simulated cell as the folder that a user would bring."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spallmap.frames import AffineMap
from spallmap.twin import formats
from spallmap.twin.faults.cell_faults import CellFaults
from spallmap.twin.geometry import CellGeometry, Floats, SpallCrack
from spallmap.twin.mri import MriScan
from spallmap.twin.render import CERAMIC, EMPTY_CRACK, SODIUM, SODIUM_CRACK
from spallmap.twin.scans import STATES, TE_MS, SectionScan, State, TwinCell
from spallmap.twin.sem import ELEMENTS
from spallmap.twin.shapes import Kind
from spallmap.twin.sizes import FULL, Sizes

Modality = Literal["xct", "mri", "sem", "edx"]
MODALITIES: tuple[Modality, ...] = ("xct", "mri", "sem", "edx")

# Columns of the table of acquisitions.
COLUMNS = ("cell", "state", "modality", "name", "path", "spacing_um", "axes", "within", "landmarks")

# Folder of the MRI's scan in its study.
SCAN_NUMBER = "5"


def write_cell(
    folder: Path,
    seed: int,
    *,
    kind: Kind = "dendrite",
    cell: str = "demo",
    decoy: bool = True,
    modalities: Collection[Modality] = MODALITIES,
    states: Collection[State] = STATES,
    sizes: Sizes = FULL,
    aperture_um: float | None = None,
    faults: CellFaults | None = None,
) -> None:
    """Draw a cell and write it in the instruments' formats, with its truth beside it.

    Everything is written to a folder beside `folder`, which takes its name at the end: a folder of that
    name is always whole. An existing one is replaced.

    Parameters
    ----------
    folder : Path
        Where the cell goes.
    seed : int
        Decides everything; the same seed and arguments give the same bytes.
    kind : {"dendrite", "control"}
        A control has neither crack nor dendrite nor decoy.
    cell : str
        Its name in the table.
    decoy : bool
        Whether there is a second crack without sodium.
    modalities, states : collection of str
        Which acquisitions to write; leaving one out changes no other. Sections show the shorted state;
        element maps lie in the electron image and are left out with it.
    sizes : Sizes
        Matrices and pixel sizes.
    aperture_um : float, optional
        Typical aperture of the crack instead of a random one.
    faults : CellFaults, optional
        What goes wrong at the instruments; ``truth/faults.json`` says it.

    Raises
    ------
    ValueError
        If a modality or state is unknown, or nothing is asked for.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     folder = Path(parent) / "cell"
    ...     coarse = Sizes(xct_shape=(24, 40, 40), xct_spacing_um=37.0)
    ...     write_cell(folder, 7, modalities=("xct",), states=("pristine",), sizes=coarse)
    ...     sorted(path.name for path in folder.iterdir())
    ['acquisitions.tsv', 'config.yaml', 'truth', 'xct_pristine']
    """
    unknown = (set(modalities) - set(MODALITIES)) | (set(states) - set(STATES))
    if unknown or not modalities or not states:
        raise ValueError(
            f"modalities {MODALITIES} and states {STATES} are allowed; got {modalities}, {states}"
        )
    folder = Path(folder)
    twin = TwinCell(seed, kind, decoy, sizes, aperture_um, faults or CellFaults())
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        (partial / "truth").mkdir(parents=True)
        _write_all(partial, folder, twin, cell, [m for m in MODALITIES if m in modalities], states)
        if folder.exists():
            shutil.rmtree(folder)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write_all(
    partial: Path,
    folder: Path,
    twin: TwinCell,
    cell: str,
    modalities: list[Modality],
    states: Collection[State],
) -> None:
    rows: list[dict[str, str]] = []
    reference: State = "shorted" if "shorted" in states else "pristine"
    to_reference = twin.xct_frame_to_cell(reference).inverse()
    maps: dict[str, dict[str, list[list[float]]]] = {}
    frames: dict[str, dict[str, list[list[float]]]] = {}
    truth: dict[str, Any] = {"cell": cell, "kind": twin.kind, "seed": twin.seed, "units": "um, ms"}
    electrodes: dict[str, dict[str, float]] = {}
    within: dict[str, AffineMap] = {}
    for state in (s for s in STATES if s in states):
        poses = {"xct": twin.xct_frame_to_cell(state)}
        row = {"cell": cell, "state": state}
        if "xct" in modalities:
            rows.append(row | _write_xct(partial, twin, state))
        if "mri" in modalities:
            scan = twin.mri(state)
            poses["mri"] = scan.to_cell
            # Every second console gives the delivered matrix for the acquired one.
            acquired = twin.sizes.mri_shape if twin.seed % 2 == 0 else None
            electrodes[state] = _write_mri(partial, scan, state, acquired)
            path = f"mri_{state}/{SCAN_NUMBER}"
            rows.append(row | {"modality": "mri", "name": "t2", "path": path, "axes": "-z,y"})
        if "sem" in modalities and state == "shorted":
            section = twin.section()
            poses |= {"sem_overview": section.overview.to_cell, "sem_detail": section.detail.to_cell}
            within["detail"] = section.detail_to_overview
            rows += [row | r for r in _write_section(partial, section, twin.sizes, "edx" in modalities)]
            if "edx" in modalities:
                poses["edx"], within["edx"] = section.edx_to_cell, section.edx_to_overview
        frames[state] = {name: pose.matrix.tolist() for name, pose in poses.items()}
        maps[state] = {name: (to_reference @ pose).matrix.tolist() for name, pose in poses.items()}
    truth["to_reference"] = maps
    truth["frames"] = frames
    truth["within_overview"] = {name: m.matrix.tolist() for name, m in within.items()}
    truth["te_ms"] = list(TE_MS)
    truth["electrode"] = electrodes
    truth |= _crack_truth(twin.geometry("shorted"), to_reference)
    formats.write_json(partial / "truth" / "truth.json", truth)
    if twin.faults != CellFaults():
        formats.write_json(partial / "truth" / "faults.json", twin.faults.as_dict())
    _write_table(partial / "acquisitions.tsv", rows)
    table = (folder / "acquisitions.tsv").as_posix()
    (partial / "config.yaml").write_text(f"acquisitions: {table}\n", encoding="utf-8")


def _write_table(path: Path, rows: list[dict[str, str]]) -> None:
    lines = ["\t".join(COLUMNS), *("\t".join(row.get(c, "") for c in COLUMNS) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_xct(partial: Path, twin: TwinCell, state: State) -> dict[str, str]:
    scan = twin.xct(state)
    row = {"modality": "xct", "name": "scan", "axes": "z,y,x"}
    if state == "pristine":
        formats.write_tiff_folder(partial / "xct_pristine", scan.volume)
        return row | {"path": "xct_pristine", "spacing_um": f"{scan.spacing_um:g}"}
    identity = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, f'spallmap twin {twin.seed}')}"
    formats.write_ome_volume(partial / "xct_shorted.ome.tif", scan.volume, scan.spacing_um, identity)
    np.savez_compressed(partial / "truth" / "xct_shorted_labels.npz", labels=scan.labels)
    return row | {"path": "xct_shorted.ome.tif"}


def _write_mri(
    partial: Path, scan: MriScan, state: State, acquired_shape: tuple[int, int] | None
) -> dict[str, float]:
    folder = partial / f"mri_{state}" / SCAN_NUMBER
    formats.write_paravision(folder, scan.magnitude, scan.te_ms, scan.spacing_um, acquired_shape)
    np.savez_compressed(
        partial / "truth" / f"mri_{state}.npz",
        dendrite=scan.dendrite,
        electrode=scan.electrode,
        t2_bulk=scan.t2_ms,
        sigma=np.array(scan.sigma),
        signal=scan.signal,
        frac=scan.fraction,
    )
    t2_ms = scan.t2_ms[scan.electrode]
    low, high = np.percentile(t2_ms, [25.0, 75.0])
    return {
        "t2_median_ms": float(np.median(t2_ms)),
        "t2_quartile_low_ms": float(low),
        "t2_quartile_high_ms": float(high),
        "dendrite_t2_ms": scan.dendrite_t2_ms,
    }


def _write_section(partial: Path, section: SectionScan, sizes: Sizes, with_edx: bool) -> list[dict[str, str]]:
    for name, image in (("overview", section.overview), ("detail", section.detail)):
        formats.write_zeiss_tiff(partial / f"sem_{name}.tif", image.image, image.spacing_um)
    fractions = section.overview.fractions
    np.savez_compressed(
        partial / "truth" / "sem_overview.npz",
        crack=(fractions[..., EMPTY_CRACK] + fractions[..., SODIUM_CRACK]).astype(np.float16),
        crack_na=fractions[..., SODIUM_CRACK].astype(np.float16),
        ceramic=fractions[..., CERAMIC].astype(np.float16),
        na=fractions[..., SODIUM].astype(np.float16),
    )
    overview = {"modality": "sem", "name": "overview", "path": "sem_overview.tif", "axes": "-z,r"}
    detail = {"modality": "sem", "name": "detail", "path": "sem_detail.tif", "within": "overview"}
    if not with_edx:
        return [overview, detail]
    formats.write_element_maps(partial / "edx", ELEMENTS, section.edx)
    spacing = f"{sizes.edx_spacing_um:g}"
    edx = {"modality": "edx", "name": "elements", "path": "edx", "spacing_um": spacing, "within": "overview"}
    return [overview, detail, edx]


def _crack_truth(geometry: CellGeometry, to_reference: AffineMap) -> dict[str, Any]:
    """Say what is to be known about the cracks; null where there is none."""
    crack, decoy = geometry.crack, geometry.decoy
    far = None if decoy is None else {"centre_reference_um": to_reference(decoy.centre_um).tolist()}
    if decoy is not None and far is not None:
        far |= {"centre_cell": list(decoy.centre_um), "aperture_max_um": decoy.aperture_um}
    if crack is None:
        return {"crack": None, "decoy": far}
    site = np.array(geometry.site_um)
    deepest = site - np.array([0.0, 0.0, crack.side * crack.depth_um])
    x, y, inside = _rim_grid(crack)
    low, median, high = np.percentile(crack.aperture_at(x, y)[inside], [5.0, 50.0, 95.0])
    filled = crack.sodium_edge_um(x, y)[inside] < 0.0
    return {
        "crack": {
            "centre_cell": site.tolist(),
            "centre_reference_um": to_reference(site).tolist(),
            "deepest_reference_um": to_reference(deepest).tolist(),
            "side": "top" if crack.side > 0 else "bottom",
            "shape": crack.shape,
            "radius": crack.rim.radius_um,
            "depth": crack.depth_um,
            "aperture_p5_um": float(low),
            "aperture_median_um": float(median),
            "aperture_p95_um": float(high),
            "filled_fraction": float(filled.mean()),
        },
        "decoy": far,
    }


def _rim_grid(crack: SpallCrack) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Points of a plane grid and which of them lie inside the crack's rim."""
    reach = 1.4 * crack.rim.radius_um
    offsets = np.linspace(-reach, reach, 141)
    dx, dy = np.meshgrid(offsets, offsets)
    inside = np.hypot(dx, dy) < crack.rim.radius_at(np.arctan2(dy, dx))
    return crack.rim.centre_um[0] + dx, crack.rim.centre_um[1] + dy, inside
