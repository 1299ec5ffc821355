"""The simulated 23Na MRI: k-space samples of the metal's skin, echo by echo."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spallmap.frames import AffineMap
from spallmap.twin._compiled import compiled
from spallmap.twin.faults.faulty_echoes import (
    FineGrid,
    clean_image,
    delivered_spacing_um,
    faulty_image,
    metal_to_cell,
    noise_factor,
)
from spallmap.twin.faults.mri_faults import MriFaults
from spallmap.twin.fields import (
    FAR_UM,
    ceramic_walls,
    covered,
    crack_sheet,
    electrode_walls,
    hollow_distances,
    sheet_covered,
    waves_at,
)
from spallmap.twin.geometry import CellGeometry, Floats
from spallmap.twin.tape import ELECTRODE_T2, STACK, lay_out

# Depth at which the radio field in sodium falls to 1/e at 9.4 T (10.7 um), as used for the forward model.
SKIN_UM = 11.0

# Width of the zone of fine, sodium-filled fissures beside a filled crack.
FRINGE_UM = 8.0

# Fraction of sodium in that zone next to the crack.
FRINGE_FRACTION = 0.25

# The electrodes' transverse relaxation times stay within these.
T2_LIMITS_MS = (5.0, 10.0)


class ImagedMetal(NamedTuple):
    """Metal that the MRI can see, projected on a fine grid (rows, columns).

    Parameters
    ----------
    electrode : ndarray, shape (n_echo, n_rows, n_columns)
        Skin-weighted thickness of electrode sodium, decayed to each echo, um.
    electrode_t2 : ndarray, shape (n_rows, n_columns)
        Skin-weighted thickness times T2, um ms.
    electrode_start, dendrite : ndarray, shape (n_rows, n_columns)
        Skin-weighted thickness at no decay of the electrodes' and the dendrite's sodium, um.
    row_um, column_um : ndarray
        Where the fine samples lie, in the image's own frame.
    """

    electrode: Floats
    electrode_t2: Floats
    electrode_start: Floats
    dendrite: Floats
    row_um: Floats
    column_um: Floats


@dataclass(frozen=True)
class MriScan:
    """A simulated multi-echo image and its truth.

    Parameters
    ----------
    magnitude : ndarray, shape (n_echo, n_rows, n_columns)
        Magnitudes with noise, in units of the noise of one channel times `sigma`.
    te_ms : tuple of float
        Echo times.
    spacing_um : tuple of float
        Rows, columns.
    to_cell : AffineMap
        From its points to the cell frame.
    sigma : float
        Standard deviation of the noise in the real and in the imaginary part.
    signal : ndarray, shape (n_rows, n_columns)
        First echo without noise.
    fraction : ndarray, shape (n_rows, n_columns)
        The dendrite's fraction of that signal (0 where there is no signal to speak of).
    t2_ms : ndarray, shape (n_rows, n_columns)
        Mean T2 of the electrode sodium in a pixel; NaN outside `electrode`.
    dendrite, electrode : ndarray of bool, shape (n_rows, n_columns)
        Pixels in which either prevails.
    dendrite_t2_ms : float
        The dendrite's T2.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.frames import AffineMap
    >>> from spallmap.twin import draw_cell, draw_mri_pose, simulate_mri
    >>> rng = np.random.default_rng(7)
    >>> cell = draw_cell(rng).shorted
    >>> pose = draw_mri_pose(rng, (32, 24), (46.0, 92.0), AffineMap.identity())
    >>> scan = simulate_mri(cell, pose, rng, shape=(32, 24), spacing_um=(46.0, 92.0))
    >>> bool(np.any(scan.dendrite & scan.electrode)), bool(0.0 <= scan.fraction.min())
    (False, True)
    """

    magnitude: Floats
    te_ms: tuple[float, ...]
    spacing_um: tuple[float, float]
    to_cell: AffineMap
    sigma: float
    signal: Floats
    fraction: Floats
    t2_ms: Floats
    dendrite: NDArray[np.bool_]
    electrode: NDArray[np.bool_]
    dendrite_t2_ms: float


@compiled
def _project(
    to_cell: Floats,
    rows: Floats,
    columns: Floats,
    depths: Floats,
    te_ms: Floats,
    tape: Floats,
    electrode: Floats,
    electrode_t2: Floats,
    start: Floats,
    dendrite: Floats,
) -> None:
    step = depths[1] - depths[0]
    width = step
    stack = int(tape[STACK])
    reach, high = tape[stack] + width, tape[stack + 1] + width
    for j in range(rows.shape[0]):
        for i in range(columns.shape[0]):
            for k in range(depths.shape[0]):
                u, v, w = columns[i], rows[j], depths[k]
                x = to_cell[0, 0] * u + to_cell[0, 1] * v + to_cell[0, 2] * w + to_cell[0, 3]
                y = to_cell[1, 0] * u + to_cell[1, 1] * v + to_cell[1, 2] * w + to_cell[1, 3]
                z = to_cell[2, 0] * u + to_cell[2, 1] * v + to_cell[2, 2] * w + to_cell[2, 3]
                if x * x + y * y > reach * reach or abs(z) > high:
                    continue
                for e in range(2):
                    if z * (2.0 * e - 1.0) < 0.0:
                        continue
                    side, inner, outer = electrode_walls(x, y, z, e, width, tape)
                    fraction = covered(side, width) * covered(inner, width) * covered(outer, width)
                    if fraction == 0.0 or max(side, inner, outer) < -6.0 * SKIN_UM:
                        continue
                    _pore, void = hollow_distances(x, y, z, tape)
                    fraction *= 1.0 - covered(void, width)
                    depth = max(0.0, min(-side, -inner, -outer, void))
                    weight = step * fraction * math.exp(-depth / SKIN_UM)
                    t2 = waves_at(x, y, tape, int(tape[ELECTRODE_T2 + e]))
                    t2 = min(T2_LIMITS_MS[1], max(T2_LIMITS_MS[0], t2))
                    start[j, i] += weight
                    electrode_t2[j, i] += weight * t2
                    for n in range(te_ms.shape[0]):
                        electrode[n, j, i] += weight * math.exp(-te_ms[n] / t2)
                distance, aperture, edge = crack_sheet(x, y, z, 3.0 * FRINGE_UM, tape)
                if distance == FAR_UM or edge > width:
                    continue
                side, below, above = ceramic_walls(x, y, z, width, tape)
                disc = covered(side, width) * covered(below, width) * covered(above, width)
                if disc > 0.0:
                    sheet = sheet_covered(distance, aperture, width)
                    beside = max(0.0, abs(distance) - aperture / 2.0)
                    fringe = FRINGE_FRACTION * (1.0 - sheet) * math.exp(-beside / FRINGE_UM)
                    dendrite[j, i] += step * disc * covered(edge, width) * (sheet + fringe)


def project_metal(
    geometry: CellGeometry,
    to_cell: AffineMap,
    shape: tuple[int, int],
    spacing_um: tuple[float, float],
    te_ms: tuple[float, ...],
    fine_um: float = 4.0,
) -> ImagedMetal:
    """Project the metal that the radio field reaches along the image's normal.

    Parameters
    ----------
    geometry : CellGeometry
        The cell.
    to_cell : AffineMap
        From the image's points to the cell frame.
    shape, spacing_um : tuple
        Rows and columns of the image that will be sampled, and their spacing.
    te_ms : tuple of float
        Echo times.
    fine_um : float
        Largest distance between the fine samples.

    Returns
    -------
    ImagedMetal
        On a grid that fills the image's field of view.
    """
    fine = [_fine_positions(n, s, fine_um) for n, s in zip(shape, spacing_um, strict=True)]
    from_cell = to_cell.inverse()
    tape = lay_out(geometry)
    radius_um, height_um = tape[int(tape[STACK]) :][:2]
    extent = np.hypot(radius_um, height_um)
    centre = float(from_cell(np.zeros(3))[2])
    depths = np.arange(centre - extent, centre + extent, 5.0)
    size = (len(fine[0]), len(fine[1]))
    electrode = np.zeros((len(te_ms), *size))
    electrode_t2, start, dendrite = np.zeros(size), np.zeros(size), np.zeros(size)
    _project(
        to_cell.matrix,
        fine[0],
        fine[1],
        depths,
        np.array(te_ms, dtype=np.float64),
        tape,
        electrode,
        electrode_t2,
        start,
        dendrite,
    )
    return ImagedMetal(electrode, electrode_t2, start, dendrite, fine[0], fine[1])


def _fine_positions(n: int, spacing_um: float, fine_um: float) -> Floats:
    """Centres of fine cells that divide n pixels evenly; the first pixel's centre is at 0."""
    n_fine = math.ceil(spacing_um / fine_um)
    return ((np.arange(n * n_fine) + 0.5) / n_fine - 0.5) * spacing_um


def sample_k_space(
    density: Floats,
    row_um: Floats,
    column_um: Floats,
    shape: tuple[int, int],
    spacing_um: tuple[float, float],
) -> NDArray[np.complex128]:
    """Sample the Fourier transform of a density where a Cartesian sequence does.

    Parameters
    ----------
    density : ndarray, shape (..., n_fine_rows, n_fine_columns)
        Density, even over each fine cell.
    row_um, column_um : ndarray
        Centres of the fine cells in the image's frame.
    shape, spacing_um : tuple
        Matrix and pixel size; the samples are 1 / (matrix times pixel size) apart, from -matrix/2 on.

    Returns
    -------
    ndarray of complex, shape (..., rows, columns)
        The integral of density times exp(-2 pi i k x) over the plane, um^2 times the density's unit.
    """
    kernels = []
    for positions, n, spacing in zip((row_um, column_um), shape, spacing_um, strict=True):
        k = (np.arange(n) - n // 2) / (n * spacing)
        cell = positions[1] - positions[0]
        wave = np.exp(-2j * np.pi * k[:, None] * positions[None, :])
        # np.sinc(k cell) is the transform of one even cell.
        kernels.append(cell * np.sinc(k * cell)[:, None] * wave)
    samples: NDArray[np.complex128] = kernels[0] @ density @ kernels[1].T
    return samples


def image_of(k_space: NDArray[np.complex128], spacing_um: tuple[float, float]) -> NDArray[np.complex128]:
    """Reconstruct the image at the pixel centres from its k-space samples; inverse of the sampling."""
    kernels = []
    for n in k_space.shape[-2:]:
        cycles = np.outer(np.arange(n), np.arange(n) - n // 2) / n
        kernels.append(np.exp(2j * np.pi * cycles) / n)
    image: NDArray[np.complex128] = kernels[0] @ k_space @ kernels[1].T
    return image / (spacing_um[0] * spacing_um[1])


def simulate_mri(
    geometry: CellGeometry,
    to_cell: AffineMap,
    rng: np.random.Generator,
    *,
    shape: tuple[int, int] = (64, 48),
    spacing_um: tuple[float, float] = (23.0, 46.0),
    te_ms: tuple[float, ...] = (2.0, 6.0, 10.0, 14.0, 18.0),
    electrode_snr: float | None = None,
    dendrite_snr: float | None = None,
    dendrite_t2_ms: float = 16.0,
    faults: MriFaults | None = None,
) -> MriScan:
    """Image a cell's sodium metal with a train of spin echoes.

    Parameters
    ----------
    geometry : CellGeometry
        The cell in the state of the scan.
    to_cell : AffineMap
        From the image's points to the cell frame; the image is a projection along its normal.
    rng : numpy.random.Generator
        Draws the noise, and the signal-to-noise ratios where none are given.
    shape, spacing_um : tuple
        Acquired rows and columns, and their spacing.
    te_ms : tuple of float
        Echo times.
    electrode_snr : float, optional
        Median over the electrode pixels of first-echo signal over sigma; else 20 to 35.
    dendrite_snr : float, optional
        The same over the dendrite pixels, to which the dendrite's fine metal is scaled; else 4.5 to 7.
    dendrite_t2_ms : float
        Transverse relaxation time of the dendrite's sodium.
    faults : MriFaults, optional
        What goes wrong. The truth then is that of the delivered image without noise, drifts, ghost, spikes
        and offsets; the signal-to-noise ratios are those without a filter.

    Returns
    -------
    MriScan
        Magnitudes and truth, on the delivered grid.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.frames import AffineMap
    >>> from spallmap.twin import draw_cell, draw_mri_pose
    >>> rng = np.random.default_rng(7)
    >>> cell = draw_cell(rng).shorted
    >>> pose = draw_mri_pose(rng, (32, 24), (46.0, 92.0), AffineMap.identity())
    >>> scan = simulate_mri(cell, pose, rng, shape=(32, 24), spacing_um=(46.0, 92.0), electrode_snr=25.0)
    >>> snr = scan.signal[scan.electrode] / scan.sigma
    >>> scan.magnitude.shape, bool(20.0 < np.median(snr) < 30.0)
    ((5, 32, 24), True)
    """
    drawn = rng.uniform(20.0, 35.0), rng.uniform(4.5, 7.0)
    electrode_snr = drawn[0] if electrode_snr is None else electrode_snr
    dendrite_snr = drawn[1] if dendrite_snr is None else dendrite_snr
    metal = project_metal(geometry, to_cell, shape, spacing_um, te_ms)
    te = np.array(te_ms)
    grid = FineGrid(metal.row_um, metal.column_um, shape, spacing_um)

    def seen(density: Floats) -> NDArray[np.complex128]:
        if faults is not None:
            return clean_image(density, grid, to_cell, faults)
        return image_of(sample_k_space(density, metal.row_um, metal.column_um, shape, spacing_um), spacing_um)

    from_electrode, from_dendrite = seen(metal.electrode), seen(metal.dendrite)
    # the phase of an image with faults is not that of the metal
    real = np.real if faults is None else np.abs
    start, t2_weighted = real(seen(metal.electrode_start)), real(seen(metal.electrode_t2))
    bright = np.abs(from_electrode[0])
    electrode = bright > 0.3 * np.percentile(bright, 98.0)
    sigma = float(np.median(bright[electrode])) / electrode_snr
    dendrite = np.zeros(bright.shape, dtype=np.bool_)
    gain = 0.0
    decay = np.exp(-te / dendrite_t2_ms)[:, None, None]
    if np.any(metal.dendrite > 0.0):
        # The mask is where the dendrite stands out and prevails; it depends on the scale, hence the rounds.
        gain = electrode_snr * sigma / float(np.abs(from_dendrite).max())
        for _ in range(20):
            own = gain * np.abs(from_dendrite) * decay[0]
            dendrite = (own > 0.35 * own.max()) & (own > bright)
            level = float(np.median(own[dendrite])) if dendrite.any() else float(own.max())
            gain *= dendrite_snr * sigma / level
        from_dendrite = gain * from_dendrite
    image = from_electrode + from_dendrite * decay
    own = np.abs(from_dendrite) * decay[0]
    signal = np.abs(image[0])
    dendrite &= signal > 2.5 * sigma
    noise = rng.normal(size=(2, len(te_ms), *shape))
    if faults is None:
        magnitude = np.abs(image + noise[0] * sigma + 1j * (noise[1] * sigma))
    else:
        sampled = metal.electrode + gain * metal.dendrite * decay
        image = faulty_image(sampled, noise[0] + 1j * noise[1], sigma, grid, to_cell, faults)
        magnitude = np.abs(image)
        to_cell = metal_to_cell(to_cell, spacing_um, faults)
        spacing_um = delivered_spacing_um(grid, faults)
        sigma *= noise_factor(shape, faults)
    total = own + bright
    return MriScan(
        magnitude=magnitude,
        te_ms=te_ms,
        spacing_um=spacing_um,
        to_cell=to_cell,
        sigma=sigma,
        signal=signal,
        fraction=np.where(total > sigma, own / np.maximum(total, 1e-12), 0.0),
        t2_ms=np.where(electrode & ~dendrite, t2_weighted / np.where(start == 0.0, 1.0, start), np.nan),
        dendrite=dendrite,
        electrode=electrode & ~dendrite,
        dendrite_t2_ms=dendrite_t2_ms,
    )
