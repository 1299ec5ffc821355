"""Simulated MRI of twin cells for the validation of the projection: known poses, and scans of several kinds.

The images are made from the cell's closed formulas (metal on a grid of 4 um, its k-space samples, Rician
noise), not from the tomogram's segmentation, which the registration projects.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from spallmap.axes import AxesPrior
from spallmap.frames import AffineMap, grid_centre
from spallmap.tomography import common_grey, segment_phases
from spallmap.twin import STATES, TwinCell
from spallmap.twin.mri import image_of, project_metal, sample_k_space
from spallmap.twin.scans import State

SHAPE, SPACING_UM = (64, 48), (23.0, 46.0)
AXES = AxesPrior.parse("-z,y")
TE_MS = 2.0
# How far the start is from the truth, at most: the prior points at the field's and the volume's centres.
START_ROTATION_DEG, START_SHIFT_UM = 15.0, 300.0
ELECTRODE_SNR, DENDRITE_SNR = (15.0, 40.0), (4.5, 7.0)
COIL_LINEAR, COIL_QUADRATIC = 0.2, 0.1
BLUR_PIXEL = (0.5, 1.0)
READOUT_T2_STAR = (1.0, 3.0)
TRUE_SKIN_UM = 11.0
VARIANTS = {
    "plain": "nothing else",
    "skin + 1/3": "the skin depth stated to the fit is one third too large",
    "skin - 1/3": "the skin depth stated to the fit is one third too small",
    "blur": "k-space damped by a Gaussian: sigma 0.5 to 1 pixel in both directions",
    "T2* blur": "the readout lasts 1 to 3 T2*, about an echo in its middle",
    "coil": "sensitivity changes by up to 20 % linearly, 10 % quadratically, from the middle to each edge",
}
SKIN_STATED_UM = {"skin + 1/3": TRUE_SKIN_UM * 4.0 / 3.0, "skin - 1/3": TRUE_SKIN_UM * 2.0 / 3.0}
# Every fifth cell has no dendrite.
CONTROL_EVERY = 5


@dataclass(frozen=True)
class Specimen:
    """One state of a cell with its segmented tomogram."""

    seed: int
    state: State
    phases: np.ndarray
    spacing_um: tuple[float, float, float]
    to_cell: AffineMap

    @property
    def twin(self) -> TwinCell:
        """The cell it belongs to."""
        return twin_of(self.seed)


@dataclass(frozen=True)
class Metal:
    """What an MRI at one pose has to sample: electrode and dendrite on a fine grid, um."""

    truth: AffineMap
    electrode: np.ndarray
    dendrite: np.ndarray
    row_um: np.ndarray
    column_um: np.ndarray


@dataclass(frozen=True)
class Scan:
    """A magnitude image, its noise, the pixels that the dendrite fills, and its true map to the tomogram."""

    magnitude: np.ndarray
    sigma: float
    dendrite: np.ndarray
    truth: AffineMap


def twin_of(seed: int) -> TwinCell:
    """Return the cell of a seed."""
    return TwinCell(seed, kind="control" if seed % CONTROL_EVERY == 0 else "dendrite")


def random_of(seed: int, state: State, *numbers: int) -> np.random.Generator:
    """Random numbers of one image."""
    return np.random.default_rng([seed, STATES.index(state), *numbers])


def specimen(seed: int, state: State, work: Path) -> Specimen:
    """Draw and segment a tomogram, or read it where it was drawn before."""
    path = work / f"specimen-{seed}-{state}.npz"
    if not path.exists():
        scan = twin_of(seed).xct(state)
        scale = common_grey(scan.volume)
        spacing_um = (scan.spacing_um,) * 3
        phases = segment_phases(scale.apply(scan.volume), spacing_um)
        work.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, phases=phases, spacing_um=spacing_um, to_cell=scan.to_cell.matrix)
    with np.load(path) as kept:
        z, y, x = (float(s) for s in kept["spacing_um"])
        return Specimen(seed, state, kept["phases"], (z, y, x), AffineMap(kept["to_cell"]))


def draw_pose(cell: Specimen, rng: np.random.Generator) -> AffineMap:
    """Draw a map from the image to the tomogram within the start's limits."""
    axis = rng.normal(size=3)
    angle = np.deg2rad(rng.uniform(0.0, START_ROTATION_DEG))
    linear = AXES.linear() @ Rotation.from_rotvec(angle * axis / np.linalg.norm(axis)).as_matrix()
    distance, direction = START_SHIFT_UM * np.sqrt(rng.uniform()), rng.uniform(0.0, 2.0 * np.pi)
    shift = distance * np.array([np.cos(direction), np.sin(direction), 0.0])
    own = grid_centre(SHAPE, SPACING_UM) + shift
    return AffineMap.from_parts(linear, grid_centre(cell.phases.shape, cell.spacing_um) - linear @ own)


def metal_at(cell: Specimen, pose: int, work: Path, away_um: float = 0.0) -> Metal:
    """Project a cell's metal at one of its poses, or read it where that was done before.

    `away_um` moves the field along its columns.
    """
    truth = draw_pose(cell, random_of(cell.seed, cell.state, pose))
    truth = AffineMap.from_parts(
        truth.linear, truth.translation_um + truth.linear @ np.array([away_um, 0.0, 0.0])
    )
    path = work / f"metal-{cell.seed}-{cell.state}-{pose}-{away_um:g}.npz"
    if not path.exists():
        seen = project_metal(
            cell.twin.geometry(cell.state), cell.to_cell @ truth, SHAPE, SPACING_UM, (TE_MS,)
        )
        np.savez_compressed(
            path,
            electrode=seen.electrode[0],
            dendrite=seen.dendrite,
            row_um=seen.row_um,
            column_um=seen.column_um,
        )
    with np.load(path) as kept:
        return Metal(truth, kept["electrode"], kept["dendrite"], kept["row_um"], kept["column_um"])


def scan_of(metal: Metal, variant: str, rng: np.random.Generator) -> Scan:
    """Sample, damp and reconstruct a metal's image, and add noise."""
    coil = _coil(metal, rng) if variant == "coil" else 1.0
    damping = _damping(variant, rng)
    snr, dendrite_snr = rng.uniform(*ELECTRODE_SNR), rng.uniform(*DENDRITE_SNR)

    def seen(density: np.ndarray) -> np.ndarray:
        k = sample_k_space(density * coil, metal.row_um, metal.column_um, SHAPE, SPACING_UM)
        return image_of(k * damping, SPACING_UM)

    electrode, dendrite = seen(metal.electrode), seen(metal.dendrite)
    bright = np.abs(electrode)
    sigma = float(np.median(bright[bright > 0.3 * np.percentile(bright, 98.0)])) / snr
    prevails = np.zeros(SHAPE, dtype=bool)
    if np.any(metal.dendrite > 0.0):
        part = np.abs(dendrite)
        core = part > 0.5 * part.max()
        dendrite = dendrite * (dendrite_snr * sigma / float(np.median(part[core])))
        part = np.abs(dendrite)
        prevails = (part > 0.35 * part.max()) & (part > bright)
    noise = rng.normal(scale=sigma, size=(2, *SHAPE))
    magnitude = np.abs(electrode + dendrite + noise[0] + 1j * noise[1])
    return Scan(magnitude, sigma, prevails, metal.truth)


def _coil(metal: Metal, rng: np.random.Generator) -> np.ndarray:
    """Sensitivity over the field, 1 in its middle."""
    y, x = np.meshgrid(
        *(2.0 * (p - p[0]) / (p[-1] - p[0]) - 1.0 for p in (metal.row_um, metal.column_um)), indexing="ij"
    )
    linear, curved = rng.uniform(-1.0, 1.0, 2) * COIL_LINEAR, rng.uniform(-1.0, 1.0, 3) * COIL_QUADRATIC
    coil = 1.0 + linear[0] * y + linear[1] * x + curved[0] * y**2 + curved[1] * x * y + curved[2] * x**2
    return np.asarray(coil)


def _damping(variant: str, rng: np.random.Generator) -> np.ndarray | float:
    """Return what k-space is multiplied by, in the order of its samples."""
    fy, fx = np.meshgrid(*((np.arange(n) - n // 2) / n for n in SHAPE), indexing="ij")
    if variant == "blur":
        return np.exp(-2.0 * np.pi**2 * rng.uniform(*BLUR_PIXEL) ** 2 * (fy**2 + fx**2))
    if variant == "T2* blur":
        along = fx if rng.uniform() < 0.5 else fy
        return np.exp(-np.abs(along) * rng.uniform(*READOUT_T2_STAR))
    return 1.0
