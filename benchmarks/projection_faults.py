"""MRI of twin cells on a scanner's bad days, for the validation of the projection: one fault or several.

What is drawn here shares no formula with what is tested: metal is moved on its fine grid, k-space is what a
console would fill, damp or drop. One echo only, since one is registered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from projection_images import AXES, SHAPE, SPACING_UM, Metal, Specimen

from spallmap.axes import AxesPrior
from spallmap.frames import AffineMap
from spallmap.sampling import AcquiredSampling
from spallmap.twin.mri import image_of, sample_k_space

ELECTRODE_SNR, DENDRITE_SNR = (15.0, 40.0), (4.5, 7.0)
Array = np.ndarray


@dataclass(frozen=True)
class BadScan:
    """A delivered magnitude image, what is known of its sampling, and its true map to the tomogram."""

    magnitude: Array
    spacing_um: tuple[float, float]
    sampling: AcquiredSampling
    sigma: float
    dendrite: Array
    truth: AffineMap
    drawn: dict[str, float]
    axes: AxesPrior = AXES


@dataclass
class Draw:
    """What faults change on the way from the metal to the image."""

    metal: Metal
    rng: np.random.Generator
    gain: Array
    moved: Array
    readout: int
    window: Array
    ghost: float = 0.0
    spike: float = 0.0
    centre: float = 0.0
    zero_filling: float = 1.0
    said: dict[str, float] | None = None

    @property
    def field(self) -> tuple[Array, Array]:
        """Rows and columns from -1 to 1 over the field, fine."""
        at = (self.metal.row_um, self.metal.column_um)
        y, x = np.meshgrid(*(2.0 * (p - p[0]) / (p[-1] - p[0]) - 1.0 for p in at), indexing="ij")
        return y, x


def coil(d: Draw) -> None:
    """Let the sensitivity change by 20 to 40 % from the middle to an edge, curved."""
    y, x = d.field
    angle, strength = d.rng.uniform(0, 2 * np.pi), d.rng.uniform(0.2, 0.4)
    along = np.cos(angle) * x + np.sin(angle) * y
    d.gain *= 1.0 + strength * along - d.rng.uniform(0.0, 0.3) * strength * (x**2 + y**2)


def shadow(d: Draw) -> None:
    """Weaken one electrode, on one side of it more."""
    y, x = d.field
    middle = np.average(y, weights=d.metal.electrode)
    side = np.sign(d.rng.normal()) * (y - middle) > 0
    depth = d.rng.uniform(0.2, 0.5)
    d.gain *= np.where(side, 1.0 - depth * 0.5 * (1.0 + np.tanh(2.0 * d.rng.normal() * x)), 1.0)


def distortion(d: Draw, strength: float | None = None) -> None:
    """Move metal along the readout by up to 0.3 to 1 pixel, smoothly."""
    y, x = d.field
    bumps = sum(
        d.rng.normal() * np.exp(-((x - a) ** 2 + (y - b) ** 2) / (2.0 * d.rng.uniform(0.5, 1.0) ** 2))
        for a, b in d.rng.uniform(-1, 1, (3, 2))
    )
    bumps = bumps + d.rng.normal(scale=0.5) * x + d.rng.normal(scale=0.5) * y
    seen = d.metal.electrode > 0
    bumps = bumps - bumps.mean()
    pixel = d.rng.uniform(0.3, 1.0) if strength is None else strength
    d.moved += pixel * SPACING_UM[d.readout] * bumps / np.abs(bumps[seen]).max()


def offset(d: Draw) -> None:
    """Move all metal along the readout by up to a pixel: its frequency is not the reference's."""
    d.moved += d.rng.uniform(-1.0, 1.0) * SPACING_UM[d.readout]


def ghost(d: Draw) -> None:
    """Add a copy, half a field along the phase, of 2 to 5 %."""
    d.ghost = d.rng.uniform(0.02, 0.05)


def spike(d: Draw) -> None:
    """Strike one or two samples of k-space."""
    d.spike = d.rng.uniform(1.0, 3.0)


def centre(d: Draw) -> None:
    """Add a receiver's offset: a bright pixel."""
    d.centre = d.rng.uniform(3.0, 20.0)


def blur(d: Draw) -> None:
    """Let the readout last one to three T2*."""
    fy, fx = frequencies()
    d.window = d.window * np.exp(-np.abs(fx if d.readout else fy) * d.rng.uniform(1.0, 3.0))


def filtered(d: Draw) -> None:
    """Filter k-space after Hann, Hamming or Gauss."""
    fy, fx = frequencies()
    kind = d.rng.integers(3)
    if kind == 0:
        d.window = d.window * np.exp(-2.0 * np.pi**2 * d.rng.uniform(0.3, 0.8) ** 2 * (fy**2 + fx**2))
    else:
        low = 0.54 if kind == 1 else 0.5
        d.window = d.window * np.prod([low + (1.0 - low) * np.cos(2.0 * np.pi * f) for f in (fy, fx)], axis=0)


def partial(d: Draw) -> None:
    """Leave out the last fifth to two fifths of the phase's or readout's k-space."""
    fy, fx = frequencies()
    along = fy if d.rng.uniform() < 0.7 else fx
    d.window = d.window * (along < d.rng.uniform(0.6, 0.8) - 0.5)


def zero_15(d: Draw) -> None:
    """Fill with zeros to 1.5 times the matrix."""
    d.zero_filling = 1.5


def zero_2(d: Draw) -> None:
    """Fill with zeros to twice the matrix."""
    d.zero_filling = 2.0


def zero_4(d: Draw) -> None:
    """Fill with zeros to four times the matrix."""
    d.zero_filling = 4.0


FAULTS: dict[str, Callable[[Draw], None]] = {
    f.__name__: f
    for f in (
        coil,
        shadow,
        distortion,
        offset,
        ghost,
        spike,
        centre,
        blur,
        filtered,
        partial,
        zero_15,
        zero_2,
        zero_4,
    )
}


def frequencies() -> tuple[Array, Array]:
    """Cycles per pixel of each sample of k-space."""
    fy, fx = np.meshgrid(*((np.arange(n) - n // 2) / n for n in SHAPE), indexing="ij")
    return fy, fx


def displaced(density: Array, d: Draw) -> Array:
    """Move metal along the readout on its fine grid, kept whole."""
    axis = d.readout
    step = (d.metal.row_um, d.metal.column_um)[axis]
    n = density.shape[axis]
    index = np.indices(density.shape)
    to = index[axis] + d.moved / (step[1] - step[0])
    low = np.floor(to).astype(int)
    result = np.zeros_like(density)
    for neighbour, part in ((low, 1.0 - (to - low)), (low + 1, to - low)):
        where = [index[0], index[1]]
        where[axis] = np.clip(neighbour, 0, n - 1)
        np.add.at(result, tuple(where), density * part)
    return result


def sampling_of(d: Draw) -> AcquiredSampling:
    """Return what the noise of the image says of its sampling, without error."""
    factor, edge, alike = [], [], []
    for axis in (0, 1):
        weight = d.window.max(axis=1 - axis)
        kept = weight > 0.0
        factor.append(max(1.0, d.zero_filling * kept.size / kept.sum()))
        edge.append(float(np.clip(weight[kept][0] / weight.max(), 0.05, 1.0)))
        square = weight[kept] ** 2
        alike.append(max(1.0, factor[-1] * kept.sum() * (square**2).sum() / square.sum() ** 2))
    return AcquiredSampling((factor[0], factor[1]), (edge[0], edge[1]), (alike[0], alike[1]), "drawn")


def bad_scan(cell: Specimen, metal: Metal, faults: tuple[str, ...], rng: np.random.Generator) -> BadScan:
    """Draw an image with some faults."""
    fine = metal.electrode.shape
    d = Draw(metal, rng, np.ones(fine), np.zeros(fine), int(rng.integers(2)), np.ones(SHAPE))
    for name in faults:
        FAULTS[name](d)
    snr, dendrite_snr = rng.uniform(*ELECTRODE_SNR), rng.uniform(*DENDRITE_SNR)

    def samples(density: Array) -> Array:
        return sample_k_space(
            displaced(density * d.gain, d), metal.row_um, metal.column_um, SHAPE, SPACING_UM
        )

    k_electrode, k_dendrite = samples(metal.electrode), samples(metal.dendrite)
    bright = np.abs(image_of(k_electrode, SPACING_UM))
    sigma = float(np.median(bright[bright > 0.3 * np.percentile(bright, 98.0)])) / snr
    if np.any(metal.dendrite > 0):
        own = np.abs(image_of(k_dendrite, SPACING_UM))
        k_dendrite = k_dendrite * (dendrite_snr * sigma / float(np.median(own[own > 0.5 * own.max()])))
    k = k_electrode + k_dendrite
    # Noise of unit strength per pixel, in k-space.
    unit = SPACING_UM[0] * SPACING_UM[1] * np.sqrt(np.prod(SHAPE)) * sigma
    noise = unit * (rng.normal(size=SHAPE) + 1j * rng.normal(size=SHAPE))
    k = k + noise
    if d.ghost:
        sign = np.where(np.arange(SHAPE[1 - d.readout]) % 2, 1.0, -1.0)
        k = k * (1.0 + d.ghost * (sign[:, None] if d.readout else sign[None, :]))
    if d.spike:
        for _ in range(int(rng.integers(1, 3))):
            struck = tuple(int(rng.integers(n)) for n in SHAPE)
            k[struck] += (
                d.spike
                * sigma
                * SPACING_UM[0]
                * SPACING_UM[1]
                * np.prod(SHAPE)
                * np.exp(2j * np.pi * rng.uniform())
            )
    k = k * d.window
    if d.centre:
        fy, fx = frequencies()
        at = np.rint(rng.uniform(0.3, 0.7, 2) * SHAPE)
        k = k + d.centre * sigma * SPACING_UM[0] * SPACING_UM[1] * np.exp(
            -2j * np.pi * (fy * at[0] + fx * at[1])
        )
    shape = tuple(round(n * d.zero_filling) for n in SHAPE)
    spacing = tuple(n * s / m for n, s, m in zip(SHAPE, SPACING_UM, shape, strict=True))
    before = [m // 2 - n // 2 for n, m in zip(SHAPE, shape, strict=True)]

    def delivered(samples: Array) -> Array:
        filled = np.zeros(shape, dtype=complex)
        filled[tuple(slice(b, b + n) for b, n in zip(before, SHAPE, strict=True))] = samples
        # The scale of the image stays: its inverse transform has 1 / (matrix times pixel).
        return image_of(filled, spacing)  # type: ignore[arg-type]

    image = delivered(k)
    e, dd = np.abs(delivered(k_electrode * d.window)), np.abs(delivered(k_dendrite * d.window))
    prevails = (dd > 0.35 * dd.max()) & (dd > e) if dd.max() > 0 else np.zeros(shape, dtype=bool)
    noise_sigma = sigma * float(np.sqrt(np.mean(d.window**2)))
    said = {"readout": float(d.readout), "moved_um": float(np.average(d.moved, weights=metal.electrode))}
    return BadScan(
        np.abs(image), (spacing[0], spacing[1]), sampling_of(d), noise_sigma, prevails, metal.truth, said
    )
