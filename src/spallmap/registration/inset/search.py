"""All positions and rotations of a small image in a large one, by masked normalised correlation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage
from scipy.spatial.transform import Rotation

from spallmap.frames import AffineMap, grid_points, points_to_indices, rotation_map
from spallmap.registration.inset.sheet import FloatArray, Sheet
from spallmap.registration.verdict import Candidate, keep_different

# Rotations that are searched: insets are taken at the overview's stage setting or rotated by up to 15
# degrees.
MAX_ROTATION_DEG = 16.0

# Neighbouring rotations move the corners of the inset by this many samples.
_RIM_STEP_SAMPLES = 1.5

# At least this fraction of the inset must lie inside the overview.
_MIN_OVERLAP = 0.75

# Where the overview's contrast under the inset is below this fraction of its contrast as a whole, there is
# nothing to correlate with.
_FLAT_RATIO = 0.05

# Shifts kept of each rotation.
_PEAKS_PER_ROTATION = 3


def search_poses(inset: Sheet, overview: Sheet, *, keep: int, same_um: float) -> list[Candidate]:
    """Correlate an inset with an overview over all rotations up to `MAX_ROTATION_DEG` and all shifts.

    Parameters
    ----------
    inset : Sheet
        Its channels must be uncorrelated with each other: the squared correlations are added.
    overview : Sheet
        One channel, on the same spacing.
    keep : int
        Number of poses to return at most.
    same_um : float
        Poses closer than this, on average over the inset, are one.

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
    n_side = int(np.ceil(np.deg2rad(MAX_ROTATION_DEG) * radius / _RIM_STEP_SAMPLES))
    matcher = _Matcher(overview, int(2 * np.ceil(radius) + 1))
    found: list[Candidate] = []
    for rotation_deg in np.linspace(-MAX_ROTATION_DEG, MAX_ROTATION_DEG, 2 * n_side + 1):
        pose = rotation_map(Rotation.from_euler("z", rotation_deg, degrees=True), centre, -centre)
        found += matcher.best_shifts(inset, pose)
    few = field[:: max(1, field.shape[0] // 12), :: max(1, field.shape[1] // 12)].reshape(-1, 3)
    return keep_different(found, few, min_um=same_um, most=keep)


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
        """Rotate the inset, whose centre `pose` sends to the origin, onto a canvas and find its best shifts.

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
        usable = (n > _MIN_OVERLAP * float(mask.sum())) & (variance_f > _FLAT_RATIO**2 * safe_n)
        explained = np.zeros_like(n)
        for channel in inset.values:
            rotated = ndimage.map_coordinates(channel, indices, order=1, mode="nearest")
            t = np.where(mask, rotated - rotated[mask].mean(), 0.0)
            t /= float(t[mask].std()) or 1.0
            both = self._sum_under(self._values, self._forward(t[::-1, ::-1]))
            explained[usable] += both[usable] ** 2 / (safe_n[usable] * variance_f[usable])
        score = np.sqrt(np.clip(explained, 0.0, 1.0))
        peaks = (score == ndimage.maximum_filter(score, 9)) & (score > 0)
        where = np.argwhere(peaks)
        order = np.argsort(-score[peaks], kind="stable")[:_PEAKS_PER_ROTATION]
        return [self._shifted(pose, where[k], float(score[tuple(where[k])]), step) for k in order]

    def _shifted(self, pose: AffineMap, index: NDArray[np.intp], score: float, step: float) -> Candidate:
        first = index - (self._canvas - 1)
        centre = (first + (self._canvas - 1) / 2.0) * step
        shift = np.array([centre[1], centre[0], 0.0])
        return Candidate(AffineMap.from_parts(pose.linear, pose.translation_um + shift), score)
