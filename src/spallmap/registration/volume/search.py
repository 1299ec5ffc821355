"""All rotations of one ceramic against another, each with its best shift, by Fourier correlation of pores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage
from scipy.spatial.transform import Rotation

from spallmap.frames import AffineMap, Points, indices_to_points, points_to_indices, rotation_map
from spallmap.registration.gauss_newton import interpolate
from spallmap.registration.verdict import Candidate, keep_different
from spallmap.registration.volume.ceramic import CeramicView, StackAxis, block_mean, stack_axis

# Neighbouring azimuths move the ceramic's rim by this many coarse samples: pores overlap at half a step.
RIM_STEP_SAMPLES = 1.5

# Largest shift between the two ceramics' centroids that is looked at, in coarse samples.
_MAX_SHIFT_SAMPLES = 8

# Width (Gaussian sigma, coarse samples) of what counts as slow shading of the ceramic and is taken away.
_BACKGROUND_SAMPLES = 5.0

# Poses closer than this, in coarse samples on average, are one candidate: refinement brings them
# together.
_SAME_POSE_SAMPLES = 4.0

# Tilts about two axes that are tried where the ceramic's shape does not show its axis, about the prior's.
_TILTS_DEG = (-8.0, 0.0, 8.0)

# Below this best coarse correlation the shape's axis is doubted (a ceramic that the field of view cuts off)
# and the prior's axis is tried too.
_WEAK_CORRELATION = 0.25


def search_rotations(
    moving: CeramicView, fixed: CeramicView, prior: AffineMap, factor: int, *, keep: int, threads: int = 1
) -> list[Candidate]:
    """Correlate the pores of two ceramics at all azimuths, both ways up.

    Parameters
    ----------
    moving, fixed : CeramicView
        The two ceramics.
    prior : AffineMap
        Moving to fixed frame as the table has it.
    factor : int
        Samples per coarse sample.
    keep : int
        Number of poses to return at most.
    threads : int
        For the Fourier transforms.

    Returns
    -------
    list of Candidate
        Different poses, the best first; the score is the correlation of the coarse pore images.
    """
    target = _pore_image(fixed, factor)
    source = _pore_image(moving, factor)
    own, other = stack_axis(moving), stack_axis(fixed)
    search = _RotationSearch(target, source, threads)
    found: list[Candidate] = []
    tilts: tuple[float, ...] = _TILTS_DEG
    if own.distinct and other.distinct:
        found = [search.best_shift(pose) for pose in _by_shape(own, other, search.azimuths)]
        tilts = (0.0,)
    if not found or max(c.score for c in found) < _WEAK_CORRELATION:
        found += [search.best_shift(p) for p in _by_prior(own, other, prior, search.azimuths, tilts)]
    return keep_different(found, search.field, min_um=_SAME_POSE_SAMPLES * search.spacing_um, most=keep)


@dataclass(frozen=True)
class _PoreImage:
    """Pores on a coarse grid, zero mean, with the view that says where the grid lies."""

    values: NDArray[np.float32]
    view: CeramicView


def _pore_image(view: CeramicView, factor: int) -> _PoreImage:
    core = view.core.astype(np.float32)
    weight = block_mean(core, factor)
    pores = block_mean(view.deficit * core, factor)
    slow = [ndimage.gaussian_filter(a, _BACKGROUND_SAMPLES, mode="constant") for a in (pores, weight)]
    flat = pores - weight * slow[0] / np.maximum(slow[1], 1e-3)
    return _PoreImage(flat.astype(np.float32), view.coarser(factor))


class _RotationSearch:
    def __init__(self, target: _PoreImage, source: _PoreImage, threads: int) -> None:
        grid = target.view
        pad = _MAX_SHIFT_SAMPLES
        self.spacing_um = max(grid.spacing_um)
        self._threads = threads
        self._source = source
        self._shape = target.values.shape
        self._size = [fft.next_fast_len(n + pad, real=True) for n in self._shape]
        self._spectrum = fft.rfftn(target.values, self._size, workers=threads).conj()
        self._energy = float(np.sum(target.values.astype(np.float64) ** 2))
        self._spacing = grid.spacing_um
        self._origin = grid.origin_um
        self._samples = np.indices(self._shape, dtype=np.float64).reshape(3, -1).T
        body = source.view.points(source.view.filled)
        self.field: Points = body[:: max(1, body.shape[0] // 500)]
        reach = np.linalg.norm(body - body.mean(axis=0), axis=1).max() / self.spacing_um
        self.azimuths = np.arange(0.0, 2.0 * np.pi, RIM_STEP_SAMPLES / max(reach, 1.0))

    def best_shift(self, pose: AffineMap) -> Candidate:
        """Return the pose shifted to where the pores correlate best."""
        view = self._source.view
        inverse = pose.inverse()
        # The corner and three neighbours of the target grid fix the whole linear map of indices.
        corners = np.vstack([np.zeros((1, 3)), np.eye(3)])
        points = indices_to_points(corners, self._spacing) + self._origin
        indices = points_to_indices(inverse(points) - view.origin_um, view.spacing_um)
        wanted = self._samples @ (indices[1:] - indices[0]) + indices[0]
        # The ceramic has a margin all around, so what goes on beyond the source's edge is zero.
        rotated = interpolate(self._source.values[..., None], wanted)[:, 0].reshape(self._shape)
        energy = float(np.sum(rotated**2)) * self._energy
        if energy == 0.0:
            return Candidate(pose, 0.0)
        spectrum = fft.rfftn(rotated.astype(np.float32), self._size, workers=self._threads)
        # conj(target) x source peaks at minus the shift that brings the source onto the target.
        correlation = fft.irfftn(np.conj(spectrum * self._spectrum), self._size, workers=self._threads)
        reach = _MAX_SHIFT_SAMPLES
        window = [np.r_[0 : reach + 1, n - reach : n] for n in self._size]
        near = correlation[np.ix_(*window)]
        peak = np.unravel_index(int(np.argmax(near)), near.shape)
        shift = np.array(
            [w[i] if w[i] <= reach else w[i] - n for w, i, n in zip(window, peak, self._size, strict=True)]
        )
        shift_um = (shift * np.asarray(self._spacing))[::-1]
        moved = AffineMap.from_parts(pose.linear, pose.translation_um + shift_um)
        return Candidate(moved, float(near[peak]) / float(np.sqrt(energy)))


def _by_shape(own: StackAxis, other: StackAxis, azimuths: NDArray[np.float64]) -> Iterator[AffineMap]:
    """Lay axis upon axis, both ways, at every azimuth."""
    for sign in (1.0, -1.0):
        upright, _ = Rotation.align_vectors([sign * other.direction], [own.direction])
        for azimuth in azimuths:
            rotation = Rotation.from_rotvec(azimuth * other.direction) * upright
            yield rotation_map(rotation, own.centre_um, other.centre_um - own.centre_um)


def _by_prior(
    own: StackAxis,
    other: StackAxis,
    prior: AffineMap,
    azimuths: NDArray[np.float64],
    tilts_deg: Sequence[float],
) -> Iterator[AffineMap]:
    """Take the prior's orientation, a little tilted, at every azimuth about the fixed z, both ways up."""
    base = Rotation.from_matrix(prior.linear)
    for upside_down in (False, True):
        for tilt_x in tilts_deg:
            for tilt_y in tilts_deg:
                tilt = Rotation.from_euler("xy", [tilt_x + 180.0 * upside_down, tilt_y], degrees=True)
                for azimuth in azimuths:
                    rotation = Rotation.from_rotvec([0.0, 0.0, azimuth]) * tilt * base
                    yield rotation_map(rotation, own.centre_um, other.centre_um - own.centre_um)
