"""Coarse search over rotations: shifts by Fourier correlation at each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.spatial.transform import Rotation

from spallmap.frames import grid_centre
from spallmap.registration.projection.forward import ProjectionPose, whole_image
from spallmap.registration.projection.refine import Problem


@dataclass(frozen=True)
class CoarsePose:
    """A pose of the coarse grid.

    Parameters
    ----------
    pose : ProjectionPose
        The rotation with its best shift.
    correlation : float
        Between image and model, 0 to 1.
    azimuth_index : int
        Which rotation about the stack axis it belongs to.
    """

    pose: ProjectionPose
    correlation: float
    azimuth_index: int


def coarse_poses(
    problem: Problem,
    about: NDArray[np.float64],
    azimuths_deg: Sequence[float],
    tilts_deg: Sequence[float],
    stack_column: int,
) -> list[CoarsePose]:
    """Correlate the model with the image on a grid of rotations.

    Parameters
    ----------
    problem : Problem
        Image and metal; a coarse cloud suffices.
    about : ndarray, shape (3, 3)
        Rotation that the grid is laid around.
    azimuths_deg : sequence of float
        Rotations about the own axis that runs along the stack.
    tilts_deg : sequence of float
        Rotations about each of the other two own axes.
    stack_column : int
        Which own axis runs along the stack: 0 for x, 1 for y, 2 for the normal.

    Returns
    -------
    list of CoarsePose
        One for each rotation of the grid.
    """
    data = problem.amplitude
    data_spectrum = fft.fftn(data, _correlation_shape(problem))
    norm = max(float(np.linalg.norm(data)), 1e-300)
    others = [k for k in range(3) if k != stack_column]
    poses: list[CoarsePose] = []
    for index, azimuth in enumerate(azimuths_deg):
        for first in tilts_deg:
            for second in tilts_deg:
                angles = np.zeros(3)
                angles[stack_column], angles[others[0]], angles[others[1]] = azimuth, first, second
                rotation = Rotation.from_rotvec(np.deg2rad(angles)).as_matrix()
                poses.append(_best_shift(problem, about @ rotation, data_spectrum, norm, index))
    return poses


def best_per_azimuth(poses: list[CoarsePose], n_each: int, min_rotation_deg: float) -> list[CoarsePose]:
    """Keep the best few poses at each azimuth that are not neighbours of a better one.

    Parameters
    ----------
    poses : list of CoarsePose
        The whole grid.
    n_each : int
        Kept per azimuth.
    min_rotation_deg : float
        Poses closer than this are neighbours.

    Returns
    -------
    list of CoarsePose
        By azimuth, best first.
    """
    kept: list[CoarsePose] = []
    for index in sorted({p.azimuth_index for p in poses}):
        ranked = sorted((p for p in poses if p.azimuth_index == index), key=lambda p: -p.correlation)
        chosen: list[CoarsePose] = []
        for pose in ranked:
            angles = [
                Rotation.from_matrix(c.pose.rotation.T @ pose.pose.rotation).magnitude() for c in chosen
            ]
            if all(angle > np.deg2rad(min_rotation_deg) for angle in angles):
                chosen.append(pose)
            if len(chosen) == n_each:
                break
        kept += chosen
    return kept


def _best_shift(
    problem: Problem,
    rotation: NDArray[np.float64],
    data_spectrum: NDArray[np.complex128],
    norm: float,
    azimuth_index: int,
) -> CoarsePose:
    sampler = problem.sampler
    # The centroid is drawn at the field's middle, so that the shift found is relative to it.
    middle = grid_centre(sampler.image_shape, sampler.image_spacing_um)
    model = np.abs(whole_image(problem.cloud, ProjectionPose(rotation, middle), sampler))
    size = _correlation_shape(problem)
    correlation = np.real(fft.ifftn(data_spectrum * np.conj(fft.fftn(model, size))))
    peak = np.unravel_index(int(np.argmax(correlation)), correlation.shape)
    steps = [_signed(int(k), n) * s for k, n, s in zip(peak, size, sampler.image_spacing_um, strict=True)]
    shift = np.zeros(3)
    shift[: len(steps)] = steps[::-1]
    score = float(correlation[peak]) / (norm * max(float(np.linalg.norm(model)), 1e-300))
    return CoarsePose(ProjectionPose(rotation, middle + shift), score, azimuth_index)


def _correlation_shape(problem: Problem) -> tuple[int, ...]:
    """Return the shape to correlate on: a projection folds as its scan does, slices need room."""
    sampler = problem.sampler
    return sampler.shape if sampler.slices is None else (2 * sampler.slices.count, *sampler.shape)


def _signed(k: int, n: int) -> int:
    return k - n if k > n // 2 else k
