"""Tomograms of small cells on bad days: drawn, analysed and registered, one case after the other."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from crack_judge import Found, analyse, hold, truth_of

from spallmap.axes import AxesPrior
from spallmap.errors import InputError
from spallmap.frames import displacement_um
from spallmap.registration.volume import register_volume
from spallmap.twin import CellGeometry, XctScan, draw_cell, draw_xct_pose, simulate_xct
from spallmap.twin.faults.xct_faults import XCT_FAULTS, XctFault, XctFaults
from spallmap.twin.morphologies import SMALL_WIDTH
from spallmap.twin.xct import XctLook, draw_look

# Small cells at voxels that save two thirds of the time; what matters of a crack is its width in voxels.
VOXEL_UM = 7.0
SMALL_SHAPE = (126, 146, 146)
# Typical apertures, voxels: local ones are between half and twice as wide.
TYPICAL_VOXELS = (0.6, 1.5)
STREAM = 15
CERAMIC = 1


@dataclass(frozen=True)
class Case:
    """What came out of a cell whose two scans had faults of their own."""

    name: str
    seed: int
    pristine_faults: tuple[XctFault, ...]
    shorted_faults: tuple[XctFault, ...]
    f1: float = np.nan
    recall: float = np.nan
    precision: float = np.nan
    false_cracks: int = 0
    in_pristine: int | None = None
    refused: str = ""
    verdict: str = ""
    reasons: tuple[str, ...] = ()
    score: float = np.nan
    error_voxels: float = np.nan
    ratio: tuple[float, ...] = ()
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0
    strengths: dict[str, object] = field(default_factory=dict)


def faults_of(
    rng: np.random.Generator, kinds: Sequence[XctFault], n: int
) -> tuple[XctFaults | None, XctFaults | None]:
    """Draw the faults of both scans: of one fault in either or both, of several each scan's own."""
    if n == 0:
        return None, None
    shorted = XctFaults.draw(rng, n, kinds)
    if n > 1:
        pristine = XctFaults.draw(rng, n, kinds)
        return pristine.with_cell_of(shorted), shorted
    pristine = XctFaults.draw(rng, n, kinds).with_cell_of(shorted)
    which = rng.random()
    if which < 0.5 or "grains" in kinds:
        return pristine, shorted
    return (None, shorted) if which < 0.75 else (pristine, None)


def draw_scans(
    seed: int, kinds: Sequence[XctFault], n: int
) -> tuple[CellGeometry, dict[str, XctScan], dict[str, XctFaults | None]]:
    """Draw a small cell and scan it twice."""
    rng = np.random.default_rng([seed, STREAM, n, *(XCT_FAULTS.index(k) for k in kinds)])
    aperture = VOXEL_UM * float(np.exp(rng.uniform(*np.log(TYPICAL_VOXELS))))
    states = draw_cell(rng, decoy=False, aperture_um=aperture, width=SMALL_WIDTH)
    look: XctLook = draw_look(rng)
    pristine, shorted = faults_of(rng, kinds, n)
    scans = {}
    for name, geometry, faults in (
        ("pristine", states.pristine, pristine),
        ("shorted", states.shorted, shorted),
    ):
        pose = draw_xct_pose(rng, SMALL_SHAPE, VOXEL_UM)
        scans[name] = simulate_xct(
            geometry, pose, rng, shape=SMALL_SHAPE, spacing_um=VOXEL_UM, look=look, faults=faults
        )
    return states.shorted, scans, {"pristine": pristine, "shorted": shorted}


def run_case(task: tuple[str, int, tuple[XctFault, ...], int, bool]) -> Case:
    """Draw, analyse, judge and, where asked for, register one case."""
    name, seed, kinds, n, register = task
    geometry, scans, faults = draw_scans(seed, kinds, n)
    names = {s: f.names if f else () for s, f in faults.items()}
    strengths = {s: f.as_dict() for s, f in faults.items() if f}
    of: dict[str, object] = {"strengths": strengths}
    begin = time.process_time()

    def case(**values: object) -> Case:
        of["seconds"] = time.process_time() - begin
        return Case(name, seed, names["pristine"], names["shorted"], **(of | values))  # type: ignore[arg-type]

    try:
        null = analyse(scans["pristine"].volume, VOXEL_UM)
        of["in_pristine"] = len(null.table)
        of["warnings"] = tuple(str(w) for w in null.warnings)
    except InputError as error:
        return case(refused=f"pristine: {error}")
    try:
        found = analyse(scans["shorted"].volume, VOXEL_UM, null)
        of["warnings"] = (*null.warnings, *(str(w) for w in found.warnings))
    except InputError as error:
        return case(refused=f"shorted: {error}")
    truth = truth_of(geometry, scans["shorted"].to_cell, scans["shorted"].labels, VOXEL_UM)
    judged = hold(found, truth, VOXEL_UM)
    of |= {k: judged.overlap[k] for k in ("f1", "recall", "precision")}
    of["false_cracks"] = judged.false_cracks
    if register:
        of |= held_registration(null, scans["pristine"], found, scans["shorted"])
    return case()


def held_registration(
    moving: Found, moving_scan: XctScan, fixed: Found, fixed_scan: XctScan
) -> dict[str, object]:
    """Register the pristine scan to the shorted one and hold it against the truth."""
    um = (VOXEL_UM,) * 3
    found = register_volume(
        moving.grey, moving.phases, um, fixed.grey, fixed.phases, um, prior=AxesPrior.parse("z,y,x")
    )
    truth = fixed_scan.to_cell.inverse() @ moving_scan.to_cell
    index = np.argwhere(moving.phases == CERAMIC)
    body = (index[:: max(1, len(index) // 20000), ::-1] * VOXEL_UM).astype(np.float64)
    off = found.map(body) - truth(body)
    se = [np.nan if s is None else s for s in (found.se_um.u, found.se_um.v, found.se_um.normal)]
    along = off @ (found.map.linear / np.linalg.norm(found.map.linear, axis=0))
    return {
        "verdict": found.verdict,
        "reasons": found.reasons,
        "score": np.nan if found.score is None else found.score,
        "error_voxels": float(displacement_um(found.map, truth, body).mean()) / VOXEL_UM,
        "ratio": tuple(float(r) for r in np.sqrt((along**2).mean(axis=0)) / np.array(se)),
    }
