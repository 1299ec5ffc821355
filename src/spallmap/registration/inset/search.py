"""All places and turns of a small image in a large one, by masked normalised correlation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage
from scipy.spatial.transform import Rotation

from spallmap.frames import AffineMap, Points, grid_points, points_to_indices, rotation_map
from spallmap.registration.verdict import Candidate, mean_difference_um

FloatArray = NDArray[np.float64]

RIM_STEP_SAMPLES = 1.5
"""Neighbouring turns move the corners of the inset by this many samples."""

MIN_OVERLAP = 0.75
"""At least this share of the inset must lie inside the overview."""

FLAT_RATIO = 0.05
"""Where the overview's contrast under the inset is below this part of its contrast as a whole, there is
nothing to correlate with."""

PEAKS_PER_TURN = 3
"""Shifts kept of each turn."""


@dataclass(frozen=True)
class Sheet:
    """A plane image on a square grid.

    Parameters
    ----------
    values : ndarray, shape (k, ny, nx)
        One or more channels; 0 where masked.
    mask : ndarray of bool, shape (ny, nx)
        Where the samples show the specimen.
    spacing_um : float
        Along rows and columns.
    """

    values: FloatArray
    mask: NDArray[np.bool_]
    spacing_um: float


def resample_sheet(
    channels: NDArray[np.float64],
    mask: NDArray[np.bool_],
    spacing_um: Sequence[float],
    grid_um: float,
    blur_um: float,
) -> Sheet:
    """Blur an image to a wanted width and sample it on a square grid that starts at the first sample.

    Parameters
    ----------
    channels : ndarray, shape (k, ny, nx)
        The image.
    mask : ndarray of bool, shape (ny, nx)
        Masked samples neither count nor bleed into others.
    spacing_um : sequence of float
        (row spacing, column spacing).
    grid_um : float
        Spacing of the wanted grid.
    blur_um : float
        Wanted Gaussian sigma, the samples' own aperture (a box: its variance is a twelfth of its width
        squared) counted in.

    Returns
    -------
    Sheet
        A sample is masked where less than half of its weight showed the specimen.
    """
    sigma = [float(np.sqrt(max(blur_um**2 - s**2 / 12.0, 0.0))) / s for s in spacing_um]
    weight = ndimage.gaussian_filter(mask.astype(np.float64), sigma, mode="constant")
    shape = [int((n - 1) * s / grid_um) + 1 for n, s in zip(mask.shape, spacing_um, strict=True)]
    indices = np.stack(
        np.meshgrid(
            *(np.arange(n) * grid_um / s for n, s in zip(shape, spacing_um, strict=True)), indexing="ij"
        )
    )
    sampled_weight = ndimage.map_coordinates(weight, indices, order=1, mode="nearest")
    nearest = ndimage.map_coordinates(mask.astype(np.uint8), indices, order=0, mode="nearest") > 0
    kept = nearest & (sampled_weight > 0.25)
    values = []
    for channel in channels:
        blurred = ndimage.gaussian_filter(np.where(mask, channel, 0.0), sigma, mode="constant")
        sampled = ndimage.map_coordinates(blurred, indices, order=1, mode="nearest")
        values.append(np.where(kept, sampled / np.maximum(sampled_weight, 1e-6), 0.0))
    return Sheet(np.stack(values), kept, grid_um)


def search_placements(
    inset: Sheet, overview: Sheet, max_turn_deg: float, *, keep: int, same_um: float
) -> list[Candidate]:
    """Correlate an inset with an overview over all turns and shifts.

    Parameters
    ----------
    inset : Sheet
        Its channels must be uncorrelated with each other: the squared correlations are added.
    overview : Sheet
        One channel, on the same spacing.
    max_turn_deg : float
        Turns from minus to plus this angle are tried.
    keep : int
        Number of placements to return at most.
    same_um : float
        Placements closer than this, on average over the inset, are one.

    Returns
    -------
    list of Candidate
        Maps from the inset's frame to the overview's, the best first; the score is the multiple correlation.

    References
    ----------
    Padfield 2012, Masked object registration in the Fourier domain.
    """
    step = inset.spacing_um
    field = grid_points(inset.mask.shape, (step, step))
    centre = field.reshape(-1, 3).mean(axis=0)
    radius = np.linalg.norm(field - centre, axis=-1).max() / step
    n_side = int(np.ceil(np.deg2rad(max_turn_deg) * radius / RIM_STEP_SAMPLES))
    matcher = _Matcher(overview, int(2 * np.ceil(radius) + 1))
    found: list[Candidate] = []
    for turn in np.linspace(-max_turn_deg, max_turn_deg, 2 * n_side + 1):
        pose = rotation_map(Rotation.from_euler("z", turn, degrees=True), centre, -centre)
        found += matcher.best_shifts(inset, pose)
    few = field[:: max(1, field.shape[0] // 12), :: max(1, field.shape[1] // 12)].reshape(-1, 3)
    return different(found, few, same_um, keep)


def different(found: Sequence[Candidate], field: Points, min_um: float, keep: int) -> list[Candidate]:
    """Return the best candidates that lie at least `min_um` apart on average over the field, best first."""
    kept: list[Candidate] = []
    for candidate in sorted(found, key=lambda c: -c.score):
        if len(kept) == keep:
            break
        if all(mean_difference_um(candidate.map, k.map, field) > min_um for k in kept):
            kept.append(candidate)
    return kept


class _Matcher:
    """The overview's side of the correlation, transformed once."""

    def __init__(self, overview: Sheet, canvas: int) -> None:
        self._canvas = canvas
        self._shape = [n + canvas - 1 for n in overview.mask.shape]
        self._size = [fft.next_fast_len(n, real=True) for n in self._shape]
        seen = overview.values[0][overview.mask]
        # Centred and scaled, so that single precision serves.
        values = np.where(overview.mask, (overview.values[0] - seen.mean()) / (float(seen.std()) or 1.0), 0.0)
        self._mask = self._forward(overview.mask)
        self._values = self._forward(values)
        self._squares = self._forward(values**2)

    def _forward(self, image: NDArray[np.float64] | NDArray[np.bool_]) -> NDArray[np.complex64]:
        return np.asarray(fft.rfft2(image.astype(np.float32), self._size))

    def _sum_under(self, overview: NDArray[np.complex64], inset: NDArray[np.complex64]) -> FloatArray:
        """Sum overview times shifted inset, for every shift from just touching to just touching."""
        full = fft.irfft2(overview * inset, self._size)
        return np.asarray(full[: self._shape[0], : self._shape[1]], dtype=np.float64)

    def best_shifts(self, inset: Sheet, pose: AffineMap) -> list[Candidate]:
        """Turn the inset, whose centre `pose` sends to the origin, onto a canvas and find its best shifts.

        The inset's mean and variance are taken over the whole of it, also where a part lies outside the
        overview; refinement does that exactly.
        """
        step, canvas = inset.spacing_um, self._canvas
        middle = (canvas - 1) / 2.0
        points = grid_points((canvas, canvas), (step, step)) - np.array([middle, middle, 0.0]) * step
        indices = np.moveaxis(points_to_indices(pose.inverse()(points), (step, step)), -1, 0)
        weight = ndimage.map_coordinates(inset.mask.astype(np.float64), indices, order=1, mode="constant")
        mask = weight > 0.5
        if not mask.any():
            return []
        # Reversed along both axes, so that the product of spectra is a correlation.
        m = self._forward(mask[::-1, ::-1])
        n = self._sum_under(self._mask, m)
        safe_n = np.maximum(n, 1.0)
        sum_f = self._sum_under(self._values, m)
        variance_f = self._sum_under(self._squares, m) - sum_f**2 / safe_n
        usable = (n > MIN_OVERLAP * float(mask.sum())) & (variance_f > FLAT_RATIO**2 * safe_n)
        share = np.zeros_like(n)
        for channel in inset.values:
            turned = ndimage.map_coordinates(channel, indices, order=1, mode="nearest")
            t = np.where(mask, turned - turned[mask].mean(), 0.0)
            t /= float(t[mask].std()) or 1.0
            both = self._sum_under(self._values, self._forward(t[::-1, ::-1]))
            share[usable] += both[usable] ** 2 / (safe_n[usable] * variance_f[usable])
        score = np.sqrt(np.clip(share, 0.0, 1.0))
        peaks = (score == ndimage.maximum_filter(score, 9)) & (score > 0)
        where = np.argwhere(peaks)
        order = np.argsort(-score[peaks], kind="stable")[:PEAKS_PER_TURN]
        return [self._placed(pose, where[k], float(score[tuple(where[k])]), step) for k in order]

    def _placed(self, pose: AffineMap, index: NDArray[np.intp], score: float, step: float) -> Candidate:
        first = index - (self._canvas - 1)
        centre = (first + (self._canvas - 1) / 2.0) * step
        shift = np.array([centre[1], centre[0], 0.0])
        return Candidate(AffineMap.from_parts(pose.linear, pose.translation_um + shift), score)
