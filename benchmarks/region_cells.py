"""Simulated MRI of cells with dendrites of all sizes, for the validation of the region finder.

The geometry, the projection and the k-space sampling are the twin's; no formula of a T2 fit is used. The
image is linear before its noise, so the electrodes and the dendrite are projected once and mixed at will.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spallmap.frames import AffineMap
from spallmap.twin.faults.faulty_echoes import (
    FineGrid,
    delivered_spacing_um,
    faulty_k_space,
    noise_factor,
    received,
    reconstructed,
)
from spallmap.twin.faults.mri_faults import MriFaults
from spallmap.twin.geometry import CellGeometry, Electrode, SpallCrack
from spallmap.twin.mri import ImagedMetal, image_of, project_metal, sample_k_space
from spallmap.twin.poses import draw_mri_pose, draw_xct_pose
from spallmap.twin.shapes import draw_cell
from spallmap.twin.sizes import FULL

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]
Flags = NDArray[np.bool_]
Pixels = Literal["oblong", "square"]

TE_MS = (2.0, 6.5, 11.0, 15.5, 20.0)
GRIDS: dict[Pixels, tuple[tuple[int, int], tuple[float, float]]] = {
    "oblong": ((64, 48), (23.0, 46.0)),
    "square": ((64, 96), (23.0, 23.0)),
}
# Distance of the fine samples that are projected: a third of a row, below the skin depth of 11 um.
FINE_UM = 8.0
# Fraction of the dendrite's highest pixel above which a pixel is one of its own, as in the twin.
FOOTPRINT = 0.35
# Sizes looked at: pixels of the dendrite at SNR 6 and an electrode SNR of 25, the middle of what is drawn.
SIZES = (5, 40)
TYPICAL_SNR = 6.0, 25.0


@dataclass(frozen=True)
class Scene:
    """One cell without noise.

    Parameters
    ----------
    electrode : ndarray of complex, shape (n_echoes, ny, nx)
        The electrodes' image; the median of its electrode pixels at the first echo is 1.
    dendrite : ndarray of complex, shape (ny, nx)
        The dendrite's image at echo time 0, in any unit; 0 in a control.
    dendrite_t2_ms : float
        T2 of the dendrite.
    spacing_um : tuple of float
        Pixel size.
    """

    electrode: Complex
    dendrite: Complex
    dendrite_t2_ms: float
    spacing_um: tuple[float, float]


@dataclass(frozen=True)
class Truth:
    """What there is to find in one map.

    Parameters
    ----------
    dendrite : ndarray of bool, shape (ny, nx)
        Its pixels: above :data:`FOOTPRINT` of its highest pixel, and more of its signal than of the
        electrodes' at the first echo.
    footprint : ndarray of bool, shape (ny, nx)
        The first condition alone.
    fraction : ndarray, shape (ny, nx)
        The dendrite's fraction of the signal at the first echo.
    t2_ms : float
        The dendrite's T2.
    """

    dendrite: Flags
    footprint: Flags
    fraction: Floats
    t2_ms: float


def varied_crack(crack: SpallCrack, rng: np.random.Generator) -> SpallCrack:
    """Draw another size and another filling of a crack; its position and its shape stay."""
    radius = float(rng.uniform(70.0, 220.0))
    depth = min(radius * float(rng.uniform(0.5, 0.95)), 170.0)
    start = float(rng.uniform(-0.6, 0.9)) * radius
    # the filling's edge is a plane with waves; its offset is what moves it across the crack
    x, y = crack.rim.centre_um
    slope = crack.sodium_edge_um.slope
    edge = replace(crack.sodium_edge_um, offset=start - slope[0] * x - slope[1] * y)
    return replace(crack, rim=replace(crack.rim, radius_um=radius), depth_um=depth, sodium_edge_um=edge)


def _varied_electrode(electrode: Electrode, rng: np.random.Generator) -> Electrode:
    return replace(electrode, t2_ms=replace(electrode.t2_ms, offset=float(rng.uniform(6.0, 9.0))))


def draw_geometry(seed: int, state: str, with_dendrite: bool) -> tuple[CellGeometry, np.random.Generator]:
    """Draw a cell and the generator for what comes after it."""
    rng = np.random.default_rng(seed)
    states = draw_cell(rng, kind="dendrite" if with_dendrite else "control", decoy=False)
    geometry = states.pristine if state == "pristine" else states.shorted
    pair = geometry.electrodes
    geometry = replace(
        geometry, electrodes=(_varied_electrode(pair[0], rng), _varied_electrode(pair[1], rng))
    )
    if geometry.crack is not None:
        geometry = replace(geometry, crack=varied_crack(geometry.crack, rng))
    return geometry, rng


def draw_scene(seed: int, kind: str, pixels: Pixels = "oblong") -> Scene:
    """Draw a cell and image it without noise.

    Parameters
    ----------
    seed : int
        Decides everything.
    kind : str
        ``dendrite``, ``control`` (the shorted cell without its crack) or ``pristine``.
    pixels : str
        A key of :data:`GRIDS`.

    Returns
    -------
    Scene
        The images.
    """
    shape, spacing = GRIDS[pixels]
    geometry, rng = draw_geometry(seed, kind, kind == "dendrite")
    tomogram = draw_xct_pose(rng, FULL.xct_shape, FULL.xct_spacing_um)
    pose = draw_mri_pose(rng, shape, spacing, tomogram)
    metal = project_metal(geometry, pose, shape, spacing, TE_MS, FINE_UM)

    def seen(density: Floats) -> Complex:
        k = sample_k_space(density, metal.row_um, metal.column_um, shape, spacing)
        return image_of(k, spacing)

    electrode = seen(metal.electrode)
    bright = np.abs(electrode[0])
    level = np.median(bright[bright > 0.3 * np.percentile(bright, 98.0)])
    return Scene(electrode / level, seen(metal.dendrite), float(rng.uniform(14.0, 18.0)), spacing)


def mix(scene: Scene, dendrite_snr: float, electrode_snr: float) -> tuple[Complex, Truth]:
    """Bring a scene to its signal-to-noise ratios.

    Parameters
    ----------
    scene : Scene
        Without noise.
    dendrite_snr : float
        Mean over the dendrite's pixels of its own signal at echo time 0, over sigma.
    electrode_snr : float
        Median over the electrodes' pixels of the signal at the first echo, over sigma.

    Returns
    -------
    series : ndarray of complex, shape (n_echoes, ny, nx)
        In units of sigma, without noise.
    truth : Truth
        What there is to find.
    """
    electrode = electrode_snr * scene.electrode
    bright = np.abs(electrode[0])
    decay = np.exp(-np.array(TE_MS) / scene.dendrite_t2_ms)
    own = np.abs(scene.dendrite)
    footprint = own > max(FOOTPRINT * own.max(), 1e-12)
    gain, dendrite = 0.0, footprint
    # which pixels the dendrite prevails in depends on its gain, and the gain on these pixels
    for _ in range(30):
        if not dendrite.any():
            break
        gain = dendrite_snr / float(own[dendrite].mean())
        dendrite = footprint & (gain * own * decay[0] > bright)
    dendrite_signal = gain * own * decay[0]
    series = electrode + gain * scene.dendrite * decay[:, None, None]
    fraction = dendrite_signal / np.maximum(dendrite_signal + bright, 1e-12)
    return series, Truth(dendrite, footprint, fraction, scene.dendrite_t2_ms)


def noisy(series: Complex, rng: np.random.Generator) -> Floats:
    """Magnitudes with complex noise of standard deviation 1 per channel."""
    noise = rng.normal(size=(2, *series.shape))
    magnitude: Floats = np.abs(series + noise[0] + 1j * noise[1])
    return magnitude


def has_size(scene: Scene) -> bool:
    """Whether the dendrite is as large as what is looked at."""
    _, truth = mix(scene, *TYPICAL_SNR)
    return SIZES[0] <= int(truth.dendrite.sum()) <= SIZES[1]


@dataclass(frozen=True)
class FaultyScene:
    """One cell's k-space without noise, for images with faults.

    Parameters
    ----------
    electrode : ndarray of complex, shape (n_echoes, rows, columns)
        Acquired samples of the electrodes' signal.
    dendrite, electrode_t2, electrode_start : ndarray of complex, shape (rows, columns)
        The same of what :class:`spallmap.twin.mri.ImagedMetal` holds of them.
    dendrite_t2_ms : float
        T2 of the dendrite.
    grid : FineGrid
        The acquired matrix.
    """

    electrode: Complex
    dendrite: Complex
    electrode_t2: Complex
    electrode_start: Complex
    dendrite_t2_ms: float
    grid: FineGrid


@lru_cache(maxsize=2)
def _projected(seed: int, kind: str) -> tuple[ImagedMetal, FineGrid, AffineMap, float]:
    shape, spacing = GRIDS["oblong"]
    geometry, rng = draw_geometry(seed, kind, kind == "dendrite")
    tomogram = draw_xct_pose(rng, FULL.xct_shape, FULL.xct_spacing_um)
    pose = draw_mri_pose(rng, shape, spacing, tomogram)
    metal = project_metal(geometry, pose, shape, spacing, TE_MS, FINE_UM)
    grid = FineGrid(metal.row_um, metal.column_um, shape, spacing)
    return metal, grid, pose, float(rng.uniform(14.0, 18.0))


def draw_faulty_scene(seed: int, kind: str, faults: MriFaults) -> FaultyScene:
    """Draw a cell and sample it as coil and field leave it.

    Parameters
    ----------
    seed, kind : int, str
        As for :func:`draw_scene`.
    faults : MriFaults
        The faults.

    Returns
    -------
    FaultyScene
        Its k-space.
    """
    before = MriFaults(
        coil_fraction=faults.coil_fraction,
        shadow_fraction=faults.shadow_fraction,
        distortion_px=faults.distortion_px,
        metal_offset_px=faults.metal_offset_px,
    )
    form = faults.form_seed if before.names else 0
    return _sampled(seed, kind, replace(before, form_seed=form))


@lru_cache(maxsize=4)
def _sampled(seed: int, kind: str, faults: MriFaults) -> FaultyScene:
    metal, grid, pose, t2_ms = _projected(seed, kind)
    densities = np.concatenate(
        [metal.electrode, metal.dendrite[None], metal.electrode_t2[None], metal.electrode_start[None]]
    )
    k = faulty_k_space(densities, grid, pose, faults) / np.prod(grid.spacing_um)
    return FaultyScene(k[:-3], k[-3], k[-2], k[-1], t2_ms, grid)


def mix_faulty(
    scene: FaultyScene,
    faults: MriFaults,
    dendrite_snr: float,
    electrode_snr: float,
    rng: np.random.Generator,
) -> tuple[Floats, Truth, tuple[float, float], float, Floats]:
    """Bring a scene to its signal-to-noise ratios and image it with all its faults.

    Returns
    -------
    echoes : ndarray, shape (n_echoes, ny, nx)
        Magnitudes; the noise of an image without a filter is 1.
    truth : Truth
        What there is to find.
    spacing_um : tuple of float
        Of the delivered pixels.
    sigma : float
        The delivered noise.
    t2_ms : ndarray, shape (ny, nx)
        True T2 of the electrodes' pixels, NaN elsewhere.
    """
    electrode, own = reconstructed(scene.electrode, faults), reconstructed(scene.dendrite, faults)
    bright = np.abs(electrode[0])
    level = electrode_snr / np.median(bright[bright > 0.3 * np.percentile(bright, 98.0)])
    base = Scene(electrode * level / electrode_snr, own, scene.dendrite_t2_ms, scene.grid.spacing_um)
    series, truth = mix(base, dendrite_snr, electrode_snr)
    decay = np.exp(-np.array(TE_MS) / scene.dendrite_t2_ms)[:, None, None]
    gain = 0.0
    if np.abs(own).max() > 0.0:
        at = np.unravel_index(np.argmax(np.abs(own)), own.shape)
        gain = float(np.abs((series[0] - level * electrode[0])[at] / own[at])) / decay[0, 0, 0]
    k_space = level * scene.electrode + gain * scene.dendrite * decay
    noise = rng.normal(size=(2, *k_space.shape))
    k_space = k_space + np.sqrt(np.prod(scene.grid.shape)) * (noise[0] + 1j * noise[1])
    echoes = np.abs(reconstructed(received(k_space, 1.0, faults), faults))
    start = np.abs(reconstructed(scene.electrode_start, faults))
    metal = start > 0.1 * np.percentile(start, 98.0)
    weighted = np.abs(reconstructed(scene.electrode_t2, faults))
    t2_ms = np.where(metal, weighted / np.maximum(start, 1e-12), np.nan)
    spacing = delivered_spacing_um(scene.grid, faults)
    return echoes, truth, spacing, noise_factor(scene.grid.shape, faults), t2_ms
