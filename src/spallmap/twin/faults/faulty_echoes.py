"""What sampling, receiver, coil and field do to a series of echoes on a bad day."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spallmap.frames import AffineMap
from spallmap.twin.faults.mri_faults import MriFaults

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]

# Streams of the random numbers behind the forms of the faults; another fault never changes them.
_COIL, _SHADOW, _DISTORTION, _GHOST, _GAIN, _DRIFT, _SPIKES = range(7)


class FineGrid(NamedTuple):
    """Where the fine samples of a density lie, and the image that will be made of them.

    Parameters
    ----------
    row_um, column_um : ndarray
        Centres of the fine cells in the image's frame.
    shape : tuple of int
        Acquired rows and columns.
    spacing_um : tuple of float
        Acquired pixel size.
    """

    row_um: Floats
    column_um: Floats
    shape: tuple[int, int]
    spacing_um: tuple[float, float]

    def unit(self) -> tuple[Floats, Floats]:
        """Rows and columns over the field of view, from -1 to 1."""
        extent = [n * s for n, s in zip(self.shape, self.spacing_um, strict=True)]
        middle = [(e - s) / 2.0 for e, s in zip(extent, self.spacing_um, strict=True)]
        rows = 2.0 * (self.row_um - middle[0]) / extent[0]
        columns = 2.0 * (self.column_um - middle[1]) / extent[1]
        return rows[:, None], columns[None, :]


def _form(faults: MriFaults, which: int) -> np.random.Generator:
    return np.random.default_rng([faults.form_seed, which])


def sensitivity_of(grid: FineGrid, to_cell: AffineMap, faults: MriFaults) -> Floats:
    """Return what coil and shadow leave of the signal at each fine sample, 1 at the most.

    Parameters
    ----------
    grid : FineGrid
        The fine samples.
    to_cell : AffineMap
        From the image's points to the cell frame, which tells one electrode from the other.
    faults : MriFaults
        The faults.

    Returns
    -------
    ndarray, shape (n_fine_rows, n_fine_columns)
        The factor.
    """
    rows, columns = grid.unit()
    seen = np.ones((rows.size, columns.size))
    if faults.coil_fraction:
        rng = _form(faults, _COIL)
        angle, centre = rng.uniform(0.0, 2.0 * np.pi), rng.uniform(-0.3, 0.3, 2)
        bowl = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2
        loss = np.cos(angle) * rows + np.sin(angle) * columns + rng.uniform(0.0, 1.0) * bowl
        seen *= 1.0 - faults.coil_fraction * (loss - loss.min()) / np.ptp(loss)
    if faults.shadow_fraction:
        rng = _form(faults, _SHADOW)
        side, tilt = rng.choice([-1.0, 1.0]), rng.uniform(-0.5, 0.5)
        points = np.zeros((rows.size, columns.size, 3))
        points[..., 0], points[..., 1] = grid.column_um[None, :], grid.row_um[:, None]
        height = side * to_cell(points.reshape(-1, 3))[:, 2].reshape(seen.shape)
        ramp = 1.0 + tilt * np.broadcast_to(columns, seen.shape)
        seen *= np.where(height > 0.0, np.clip(1.0 - faults.shadow_fraction * ramp, 0.0, 1.0), 1.0)
    return seen


def readout_displacement_um(grid: FineGrid, faults: MriFaults) -> Floats:
    """How far along the readout the metal at each fine sample appears from where it is.

    Parameters
    ----------
    grid : FineGrid
        The fine samples.
    faults : MriFaults
        The faults.

    Returns
    -------
    ndarray, shape (n_fine_rows, n_fine_columns)
        Along the columns, um, the metal's common offset left out.
    """
    rows, columns = grid.unit()
    if not faults.distortion_px:
        return np.zeros((rows.size, columns.size))
    rng = _form(faults, _DISTORTION)
    field = np.zeros((rows.size, columns.size))
    for _ in range(3):
        wave = rng.normal(size=2)
        # at most some half a wave over the field of view
        wave *= rng.uniform(0.4, 1.8) / np.linalg.norm(wave)
        field += rng.normal() * np.sin(wave[0] * rows + wave[1] * columns + rng.uniform(0.0, 2.0 * np.pi))
    field -= field.mean()
    moved: Floats = faults.distortion_px * grid.spacing_um[1] * field / np.abs(field).max()
    return moved


def faulty_k_space(density: Floats, grid: FineGrid, to_cell: AffineMap, faults: MriFaults) -> Complex:
    """Sample the transform of a density as coil and field leave it.

    Parameters
    ----------
    density : ndarray, shape (..., n_fine_rows, n_fine_columns)
        Density, even over each fine cell.
    grid : FineGrid
        Its samples, and the acquired matrix.
    to_cell : AffineMap
        From the image's points to the cell frame.
    faults : MriFaults
        The faults; those of the density act here.

    Returns
    -------
    ndarray of complex, shape (..., rows, columns)
        As of :func:`spallmap.twin.mri.sample_k_space`.
    """
    seen = density * sensitivity_of(grid, to_cell, faults)
    k_row, k_column = (
        (np.arange(n) - n // 2) / (n * s) for n, s in zip(grid.shape, grid.spacing_um, strict=True)
    )
    cells = [float(p[1] - p[0]) for p in (grid.row_um, grid.column_um)]
    moved = readout_displacement_um(grid, faults) + faults.metal_offset_px * grid.spacing_um[1]
    lines = np.empty((*seen.shape[:-1], k_column.size), dtype=np.complex128)
    for j, shift_um in enumerate(moved):
        wave = np.exp(-2j * np.pi * np.outer(grid.column_um + shift_um, k_column))
        lines[..., j, :] = seen[..., j, :] @ wave
    lines *= cells[1] * np.sinc(k_column * cells[1])
    down = np.exp(-2j * np.pi * np.outer(k_row, grid.row_um))
    samples: Complex = cells[0] * np.sinc(k_row * cells[0])[:, None] * (down @ lines)
    return samples


def clean_image(density: Floats, grid: FineGrid, to_cell: AffineMap, faults: MriFaults) -> Complex:
    """Make the delivered image of a density without noise and without what the receiver does.

    Parameters
    ----------
    density, grid, to_cell, faults : ndarray, FineGrid, AffineMap, MriFaults
        As for :func:`faulty_k_space`.

    Returns
    -------
    ndarray of complex, shape (..., delivered rows, delivered columns)
        Pixels of the density's unit, as of :func:`spallmap.twin.mri.image_of`.
    """
    k_space = faulty_k_space(density, grid, to_cell, faults) / np.prod(grid.spacing_um)
    return reconstructed(k_space, faults)


def faulty_image(
    density: Floats, noise: Complex, sigma: float, grid: FineGrid, to_cell: AffineMap, faults: MriFaults
) -> Complex:
    """Make the delivered images of an echo series with noise and all faults.

    Parameters
    ----------
    density : ndarray, shape (n_echoes, n_fine_rows, n_fine_columns)
        What each echo has left.
    noise : ndarray of complex, shape (n_echoes, rows, columns)
        Standard normal in either channel, one number for each acquired sample.
    sigma : float
        Noise of one channel in an image without a filter.
    grid, to_cell, faults : FineGrid, AffineMap, MriFaults
        As for :func:`faulty_k_space`.

    Returns
    -------
    ndarray of complex, shape (n_echoes, delivered rows, delivered columns)
        The images, before their magnitude is taken.
    """
    k_space = faulty_k_space(density, grid, to_cell, faults) / np.prod(grid.spacing_um)
    # the receiver sees signal and noise together, before anything is filtered or filled
    k_space = k_space + sigma * np.sqrt(np.prod(grid.shape)) * noise
    return reconstructed(received(k_space, sigma, faults), faults)


def delivered_spacing_um(grid: FineGrid, faults: MriFaults) -> tuple[float, float]:
    """Return the pixel size of the delivered image."""
    spacing = [
        s * n / delivered_size(n, f)
        for s, n, f in zip(grid.spacing_um, grid.shape, faults.zero_filling, strict=True)
    ]
    return spacing[0], spacing[1]


def receiver_gains(n_echoes: int, faults: MriFaults) -> Floats:
    """Gain of each echo: scatter from echo to echo and a walk, in a proportion that the form decides."""
    rng = _form(faults, _GAIN)
    scatter, walk = rng.normal(size=n_echoes), np.cumsum(rng.normal(size=n_echoes))
    part = rng.uniform()
    both = part * scatter + (1.0 - part) * (walk - walk.mean()) / np.sqrt(max(n_echoes / 6.0, 1.0))
    both -= both.mean()
    gains: Floats = 1.0 + faults.gain_drift * both / max(float(np.sqrt(np.mean(both**2))), 1e-12)
    return gains


def received(k_space: Complex, sigma: float, faults: MriFaults) -> Complex:
    """Return what the receiver makes of each echo's samples: ghost, drifts, spikes, offsets, gain.

    Parameters
    ----------
    k_space : ndarray of complex, shape (n_echoes, rows, columns)
        Signal and noise as they reach it, from -n/2 on; the sample at the centre is the sum of the pixels.
    sigma : float
        Noise of one channel of the image that is made of it without a filter.
    faults : MriFaults
        The faults.

    Returns
    -------
    ndarray of complex, same shape
        What is stored.
    """
    n_echoes, n_rows, n_columns = k_space.shape
    stored = k_space.astype(np.complex128)
    if faults.frequency_drift_px:
        rng = _form(faults, _DRIFT)
        step = np.arange(n_echoes) / max(n_echoes - 1, 1)
        shift_px = faults.frequency_drift_px * (step + 0.2 * rng.normal(size=n_echoes) * (step > 0.0))
        cycles = shift_px[:, None] * (np.arange(n_columns) - n_columns // 2) / n_columns
        stored *= np.exp(-2j * np.pi * cycles)[:, None, :]
    if faults.ghost_fraction:
        phase = np.exp(2j * np.pi * _form(faults, _GHOST).uniform(size=n_echoes))
        sign = (-1.0) ** np.arange(n_rows)
        stored *= 1.0 + faults.ghost_fraction * phase[:, None, None] * sign[:, None]
    # a lone sample is a wave of its size over the number of samples
    pixel = sigma * n_rows * n_columns
    rng = _form(faults, _SPIKES)
    for _ in range(faults.n_spikes):
        echo, row, column = (int(rng.integers(n)) for n in stored.shape)
        stored[echo, row, column] += faults.spike_sigma * pixel * np.exp(2j * np.pi * rng.uniform())
    unit = np.exp(2j * np.pi * rng.uniform())
    centred = np.exp(-2j * np.pi * (np.arange(n_columns) - n_columns // 2) * (n_columns // 2) / n_columns)
    if faults.dc_sigma:
        down = np.exp(-2j * np.pi * (np.arange(n_rows) - n_rows // 2) * (n_rows // 2) / n_rows)
        stored += faults.dc_sigma * sigma * unit * down[:, None] * centred
    if faults.dc_line_sigma:
        offsets = rng.normal(size=(2, n_echoes, n_rows))
        line = (offsets[0] + 1j * offsets[1])[:, :, None] * centred
        stored += faults.dc_line_sigma * sigma * np.sqrt(n_rows) * line
    if faults.gain_drift:
        stored *= receiver_gains(n_echoes, faults)[:, None, None]
    return stored


def reconstructed(k_space: Complex, faults: MriFaults) -> Complex:
    """Weight, fill with zeros and transform samples to the delivered image.

    Parameters
    ----------
    k_space : ndarray of complex, shape (..., rows, columns)
        Samples from -n/2 on, the sum of an image's pixels at the centre.
    faults : MriFaults
        The faults.

    Returns
    -------
    ndarray of complex, shape (..., delivered rows, delivered columns)
        The image; a pixel has the same scale whatever the matrix is. Its first sample is where that of an
        image without faults is.
    """
    acquired = k_space.shape[-2:]
    weighted = k_space * _weights(acquired, faults)
    kernels = []
    for n, factor in zip(acquired, faults.zero_filling, strict=True):
        delivered = delivered_size(n, factor)
        cycles = np.outer(np.arange(delivered), np.arange(n) - n // 2) / delivered
        kernels.append(np.exp(2j * np.pi * cycles) / n)
    image: Complex = kernels[0] @ weighted @ kernels[1].T
    return image


def delivered_size(n: int, factor: float) -> int:
    """Return how many samples a matrix is filled to."""
    return round(n * factor)


def _weights(shape: tuple[int, int], faults: MriFaults) -> Floats:
    weights = []
    for n in shape:
        at = (np.arange(n) - n // 2) / (n / 2.0)
        weight = np.ones(n)
        if faults.k_filter == "hamming":
            weight = 0.54 + 0.46 * np.cos(np.pi * at)
        elif faults.k_filter == "gauss":
            weight = faults.filter_edge ** (at**2)
        weights.append(weight)
    weights[0][: round(faults.partial_fourier * shape[0])] = 0.0
    return weights[0][:, None] * weights[1]


def noise_factor(shape: tuple[int, int], faults: MriFaults) -> float:
    """Noise of a pixel over that of an image without filter and of all phase steps."""
    return float(np.sqrt(np.mean(_weights(shape, faults) ** 2)))


def metal_to_cell(to_cell: AffineMap, spacing_um: tuple[float, float], faults: MriFaults) -> AffineMap:
    """Map the point where metal appears to where it is in the cell frame, the field's distortion left out.

    Parameters
    ----------
    to_cell : AffineMap
        From the image's points to the cell frame, without the chemical shift.
    spacing_um : tuple of float
        Acquired pixel size.
    faults : MriFaults
        The faults.

    Returns
    -------
    AffineMap
        The map for the metal.
    """
    back = np.eye(4)
    back[0, 3] = -faults.metal_offset_px * spacing_um[1]
    return to_cell @ AffineMap(back)
