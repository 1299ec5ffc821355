"""Two bars of metal whose image is known in closed form, for the tests of the projection."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from spallmap.axes import AxesPrior
from spallmap.frames import AffineMap, grid_centre
from spallmap.registration.projection.fit_parameters import FitParameters, Prior
from spallmap.registration.projection.forward import ProjectionPose, Sampler
from spallmap.registration.projection.metal import find_metal, skin_cloud
from spallmap.registration.projection.refine import Problem

SPACING_UM = (8.0, 8.0, 8.0)
SHAPE = (72, 96, 96)
IMAGE_SHAPE = (44, 32)
IMAGE_SPACING_UM = (23.0, 46.0)
SKIN_UM = 10.7
PRIOR = AxesPrior.parse("-z,y")


@dataclass(frozen=True)
class Bar:
    """A box by its first and last voxel (exclusive), in array order."""

    first: tuple[int, int, int]
    last: tuple[int, int, int]

    @property
    def centre_um(self) -> NDArray[np.float64]:
        return np.array([(a + b - 1) / 2.0 * 8.0 for a, b in zip(self.first, self.last, strict=True)])[::-1]

    @property
    def size_um(self) -> NDArray[np.float64]:
        return np.array([(b - a) * 8.0 for a, b in zip(self.first, self.last, strict=True)])[::-1]


BARS = (Bar((10, 16, 22), (26, 66, 70)), Bar((12, 68, 22), (26, 78, 44)), Bar((48, 24, 14), (63, 72, 82)))
OTHER_BARS = (Bar((9, 26, 30), (27, 74, 86)), Bar((48, 14, 22), (64, 82, 66)))


def phases(bars: tuple[Bar, ...] = BARS) -> NDArray[np.uint8]:
    labels = np.full(SHAPE, 5, dtype=np.uint8)
    labels[26:48, 8:88, 8:88] = 1
    for bar in bars:
        labels[tuple(slice(a, b) for a, b in zip(bar.first, bar.last, strict=True))] = 2
    return labels


def pose(rng: np.random.Generator, azimuth_deg: float = 12.0, tilt_deg: float = 6.0) -> AffineMap:
    """Draw a map from the image to the volume within the prior; its plane holds the volume's centre."""
    angles = rng.uniform(-1.0, 1.0, 3) * [tilt_deg, azimuth_deg, tilt_deg]
    linear = PRIOR.linear() @ Rotation.from_rotvec(np.deg2rad(angles)).as_matrix()
    shift = np.array([*rng.uniform(-120.0, 120.0, 2), 0.0])
    own = grid_centre(IMAGE_SHAPE, IMAGE_SPACING_UM) + shift
    return AffineMap.from_parts(linear, grid_centre(SHAPE, SPACING_UM) - linear @ own)


def _box_spectrum(
    bar: Bar, shrink_um: float, k: NDArray[np.float64], to_volume: AffineMap
) -> NDArray[np.complex128]:
    """Fourier transform of a box shrunk on all sides, at wave vectors k of the volume's frame."""
    size = np.maximum(bar.size_um - 2.0 * shrink_um, 0.0)
    origin = k @ (bar.centre_um - to_volume.translation_um)
    return np.prod(size * np.sinc(k * size / (2.0 * np.pi)), axis=-1) * np.exp(-1j * origin)


def image(
    to_volume: AffineMap, bars: tuple[Bar, ...] = BARS, skin_um: float | None = SKIN_UM
) -> NDArray[np.float64]:
    """Amplitude per pixel of the bars, in um^3, from their Fourier transform in closed form.

    The skin weight exp(-d / skin) of a box, d the distance to its nearest face, is the box less the boxes
    shrunk by s, weighted by exp(-s / skin) / skin.
    """
    frequencies = [
        2.0 * np.pi * np.fft.fftfreq(n, s) for n, s in zip(IMAGE_SHAPE, IMAGE_SPACING_UM, strict=True)
    ]
    ky, kx = np.meshgrid(*frequencies, indexing="ij")
    k = kx[..., None] * to_volume.linear[:, 0] + ky[..., None] * to_volume.linear[:, 1]
    spectrum = np.zeros(IMAGE_SHAPE, dtype=np.complex128)
    nodes, weights = np.polynomial.legendre.leggauss(60)
    for bar in bars:
        spectrum += _box_spectrum(bar, 0.0, k, to_volume)
        if skin_um is None:
            continue
        half = bar.size_um.min() / 2.0
        for node, weight in zip(nodes, weights, strict=True):
            s = (node + 1.0) / 2.0 * half
            fraction = weight / 2.0 * half * np.exp(-s / skin_um) / skin_um
            spectrum -= fraction * _box_spectrum(bar, s, k, to_volume)
    return np.abs(np.fft.ifft2(spectrum))


def stack_image(
    to_volume: AffineMap, n_slices: int, slice_um: float, bars: tuple[Bar, ...] = BARS
) -> NDArray[np.float64]:
    """Amplitude per pixel of the bars in box-shaped slices: fine grains of metal, binned and counted."""
    grain = 4.0
    shape = (n_slices, *IMAGE_SHAPE)
    own, weight = [], []
    for bar in bars:
        axes = [np.arange(-s / 2.0 + grain / 2.0, s / 2.0, grain) for s in bar.size_um]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
        depth = (bar.size_um / 2.0 - np.abs(grid)).min(axis=1)
        own.append(to_volume.inverse()(grid + bar.centre_um))
        weight.append(grain**3 * np.exp(-depth / SKIN_UM))
    points, mass = np.concatenate(own)[:, ::-1], np.concatenate(weight)
    spacing = np.array([slice_um, *IMAGE_SPACING_UM])
    fine = np.array([1, 8, 16])
    edges = [(np.arange(n * f + 1) / f - 0.5) * s for n, f, s in zip(shape, fine, spacing, strict=True)]
    counted = np.histogramdd(points, edges, weights=mass)[0]
    spectrum = np.fft.fft2(counted)
    kept = [np.fft.fftfreq(n, 1.0 / n).astype(int) for n in IMAGE_SHAPE]
    for axis, (k, f) in enumerate(zip(kept, fine[1:], strict=True), start=1):
        # The middle of the first fine cell lies (1 - 1/f)/2 of a pixel before that of the first pixel.
        phase = np.exp(2j * np.pi * k / len(k) * (0.5 - 0.5 / f)) * np.sinc(k / len(k) / f)
        spectrum = np.take(spectrum, k, axis=axis) * np.expand_dims(phase, tuple({0, 1, 2} - {axis}))
    return np.abs(np.fft.ifft2(spectrum))


def magnitude(
    amplitude: NDArray[np.float64], sigma: float, rng: np.random.Generator, n_coils: int = 1
) -> NDArray[np.float64]:
    noise = rng.normal(size=(2 * n_coils, *amplitude.shape)) * sigma
    noise[0] += amplitude
    return np.sqrt((noise**2).sum(axis=0))


def make_problem(sigma_fraction: float = 0.03, seed: int = 6) -> tuple[Problem, FitParameters, float]:
    rng = np.random.default_rng(seed)
    truth = pose(rng)
    clean = image(truth)
    sigma = sigma_fraction * float(clean.max())
    noise = rng.normal(scale=sigma, size=(2, *IMAGE_SHAPE))
    metal = find_metal(phases(), SPACING_UM, 10.7)
    assert metal is not None
    cloud = skin_cloud(metal, 10.7, 9.0)
    problem = Problem(
        np.hypot(clean + noise[0], noise[1]),
        np.ones(IMAGE_SHAPE, dtype=bool),
        sigma,
        Sampler(IMAGE_SHAPE, IMAGE_SPACING_UM),
        cloud,
        Prior(PRIOR.linear(), IMAGE_SPACING_UM),
    )
    start = FitParameters(
        ProjectionPose.from_map(truth, cloud.centre_um), np.ones(2), 0.0, np.zeros(2), np.zeros(5)
    )
    return problem, start, sigma
