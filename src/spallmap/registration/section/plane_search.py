"""Coarse search: every orientation that the prior allows, every offset, shifts by Fourier transform."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from spallmap import frames
from spallmap.axes import AxesPrior
from spallmap.registration.section.appearance import CERAMIC, EMPTY, VOID, Section
from spallmap.registration.section.compiled import cut_slices
from spallmap.registration.section.pose import SectionPose
from spallmap.registration.section.target import Specimen

# Probability of what the section shows (rows: ceramic, void, solid, empty) where the tomogram says ceramic,
# void, solid or empty (columns). Rounded from the fraction of pixels that fall on another class when a pose
# is within a coarse step of the right one; the search needs the order of magnitude only.
AGREEMENT = np.array(
    [
        [0.90, 0.30, 0.05, 0.03],
        [0.04, 0.60, 0.01, 0.02],
        [0.03, 0.03, 0.80, 0.15],
        [0.03, 0.07, 0.14, 0.80],
    ]
)
# How much more a void counts than its likelihood ratio says. Outlines are long, so that the roughness of an
# interface and the rounding to the grid outweigh the few pores that alone distinguish planes. On four
# sections that the search had lost or nearly lost, the best of the starts within 30 um of the truth had the
# ranks 22 to none of 1200 with a factor of 3, 3 to 972 with 10, and 1 to 10 with 30.
VOID_EMPHASIS = 30.0
# Floor of a class's fraction of the section, so that a speck of it does not outweigh everything.
LEAST_FRACTION = 0.01
# Steps of the grid. A pore of 15 um radius at the rim of a field of 900 um is still met at half a step.
AZIMUTH_STEP_DEG = 3.0
TILT_STEP_DEG = 4.0
# The prior is good to 15 degrees; sections are cut across the plate to within about 10.
TILT_RANGE_DEG = 12.0
ROTATION_RANGE_DEG = 14.0
AZIMUTH_RANGE_DEG = 15.0
# Step of the in-plane rotation where no straight interface gives it.
ROTATION_STEP_DEG = 4.0
# Resolution at which rotated templates are kept.
TEMPLATE_STEP_DEG = 1.0
# Fraction of the ceramic seen in the section that a plane must offer.
LEAST_CERAMIC = 0.6
# How far beyond the ceramic the cut planes reach (casing helps a little), um.
MARGIN_UM = 150.0
# Distinct shifts kept per plane and face.
PEAKS_PER_PLANE = 2
# Peaks nearer than this in the plane are one.
PEAK_REACH_UM = 40.0


@dataclass(frozen=True)
class CutPlane:
    """An orientation of the cut, and the rotations of the section in it (face 1, or -1 from behind)."""

    axes: NDArray[np.float64]
    rotations_deg: tuple[tuple[int, float], ...]


def planes(
    prior: AxesPrior,
    interface: NDArray[np.float64] | None,
    plate_normal: NDArray[np.float64] | None,
) -> Iterator[CutPlane]:
    """List the orientations that the prior allows.

    Parameters
    ----------
    prior : AxesPrior
        Rows along a named direction; columns along a named one or ``r``.
    interface : ndarray of shape (2,), or None
        Direction of the ceramic's edge in the section; with `plate_normal` it fixes the rotation in the
        plane.
    plate_normal : ndarray of shape (3,), or None
        Normal of the plate in the volume.

    Yields
    ------
    CutPlane
        Axes are the columns u, v and normal before the rotation in the plane.
    """
    if prior.unknown_direction:
        azimuths = np.arange(0.0, 180.0, AZIMUTH_STEP_DEG)
        faces: tuple[int, ...] = (1, -1)
    else:
        azimuths = _symmetric(AZIMUTH_RANGE_DEG, AZIMUTH_STEP_DEG)
        faces = (1,)
    for azimuth in azimuths:
        base = prior.linear(float(azimuth)) if prior.unknown_direction else _about_rows(prior, float(azimuth))
        for tilt in _symmetric(TILT_RANGE_DEG, TILT_STEP_DEG):
            axes = base @ Rotation.from_euler("x", tilt, degrees=True).as_matrix()
            rotations = []
            for face in faces:
                own_axes = axes * np.array([face, 1.0, face])
                rotations += [(face, angle) for angle in _rotations_deg(own_axes, interface, plate_normal)]
            if rotations:
                yield CutPlane(axes, tuple(rotations))


def _about_rows(prior: AxesPrior, azimuth_deg: float) -> NDArray[np.float64]:
    rotated: NDArray[np.float64] = (
        prior.linear() @ Rotation.from_euler("y", azimuth_deg, degrees=True).as_matrix()
    )
    return rotated


def _symmetric(reach: float, step: float) -> NDArray[np.float64]:
    n = int(reach / step + 1e-9)
    return np.arange(-n, n + 1, dtype=np.float64) * float(step)


def _rotations_deg(
    axes: NDArray[np.float64],
    interface: NDArray[np.float64] | None,
    plate_normal: NDArray[np.float64] | None,
) -> list[float]:
    """List the rotations that lay the section's interface along the plate; a grid where it has none."""
    if interface is None or plate_normal is None:
        return [float(t) for t in _symmetric(ROTATION_RANGE_DEG, ROTATION_STEP_DEG)]
    in_plane = (axes.T @ plate_normal)[:2]
    if np.hypot(*in_plane) < 0.5:
        return [float(t) for t in _symmetric(ROTATION_RANGE_DEG, ROTATION_STEP_DEG)]
    wanted = np.rad2deg(np.arctan2(in_plane[1], in_plane[0])) + 90.0
    angle = wanted - np.rad2deg(np.arctan2(interface[1], interface[0]))
    angle = (angle + 90.0) % 180.0 - 90.0
    return [float(angle)] if abs(angle) <= ROTATION_RANGE_DEG else []


class _Templates:
    """Fourier transforms of the section's weight for each class of the tomogram, rotated and from both faces.

    Parameters
    ----------
    section : Section
        The section.
    spacing_um : float
        Spacing of the planes' samples.
    shape : tuple of int
        Rows and columns of the transforms.
    """

    def __init__(self, section: Section, spacing_um: float, shape: tuple[int, int]) -> None:
        sigma = [0.35 * spacing_um / s for s in section.spacing_um]
        smooth = [ndimage.gaussian_filter(m, sigma) for m in section.maps]
        fraction = section.maps.sum(axis=(1, 2)) / section.maps.sum()
        ratio = np.log(AGREEMENT / np.maximum(fraction, LEAST_FRACTION)[:, None])
        weights = np.tensordot(ratio.T, np.stack(smooth), axes=1)
        ceramic = smooth[CERAMIC] + smooth[VOID]
        excess = smooth[VOID] - ceramic * (smooth[VOID].sum() / ceramic.sum())
        # Pores do not meet until a pose is nearly right. Scored as the class that they are, those of a plane
        # that is a little off count against it, and planes without any pores win.
        gain = VOID_EMPHASIS * np.log(AGREEMENT[VOID, VOID] / AGREEMENT[VOID, CERAMIC])
        weights[VOID] = weights[CERAMIC] + gain * excess
        self._weights = weights.astype(np.float32)
        self._section = section
        self._spacing_um = spacing_um
        self._shape = shape
        self._kept: dict[tuple[int, int], NDArray[np.complex64]] = {}

    def get(self, face: int, rotation_deg: float) -> NDArray[np.complex64]:
        """Return the conjugate transforms, shape (4, rows, columns // 2 + 1), about the field's centre."""
        key = (face, round(rotation_deg / TEMPLATE_STEP_DEG))
        if key not in self._kept:
            self._kept[key] = self._draw(face, np.deg2rad(key[1] * TEMPLATE_STEP_DEG))
        return self._kept[key]

    def _draw(self, face: int, angle: float) -> NDArray[np.complex64]:
        rows, columns = self._shape
        dq = np.fft.fftfreq(rows, 1.0 / rows)[:, None] * self._spacing_um
        dp = face * np.fft.fftfreq(columns, 1.0 / columns)[None, :] * self._spacing_um
        u = np.cos(angle) * dp + np.sin(angle) * dq + self._section.centre_um[0]
        v = -np.sin(angle) * dp + np.cos(angle) * dq + self._section.centre_um[1]
        at = np.stack(
            [
                (v - self._section.origin_um[0]) / self._section.spacing_um[0],
                (u - self._section.origin_um[1]) / self._section.spacing_um[1],
            ]
        )
        drawn = np.stack([ndimage.map_coordinates(w, at, order=1, mode="constant") for w in self._weights])
        found: NDArray[np.complex64] = np.conj(scipy.fft.rfft2(drawn.astype(np.float32)))
        return found


def coarse_search(
    section: Section, specimen: Specimen, prior: AxesPrior, *, threads: int = 1
) -> list[SectionPose]:
    """Score every plane of the grid at every shift.

    Parameters
    ----------
    section, specimen : Section, Specimen
        What is looked for, and where.
    prior : AxesPrior
        Rows along a named direction; columns along a named one or ``r``.
    threads : int
        Number of threads.

    Returns
    -------
    list of SectionPose
        Best first; scores are log-likelihood ratios per sample of the coarse grid, to be compared only.
    """
    step = float(np.mean(specimen.spacing_um))
    radius = specimen.ceramic_radius_um()
    half = int(np.ceil((radius + MARGIN_UM) / step))
    height, width = section.field_um
    pad = int(np.ceil(np.hypot(height, width) / step / 2.0))
    size = 2 * half + 1
    reach_rows = min(half, int(np.ceil(_half_extent_um(specimen, prior) / step)))
    n_rows, n_columns = 2 * reach_rows + 1, size
    shape = (
        scipy.fft.next_fast_len(n_rows + min(pad, int(height / step)), real=True),
        scipy.fft.next_fast_len(n_columns + min(pad, int(width / step)), real=True),
    )
    templates = _Templates(section, step, shape)
    # Beyond the volume nothing is known; scored as no class at all, a field that shows hardly anything but
    # ceramic would fit best out there. Taken relative to empty space, what is not sampled counts as empty.
    channels = specimen.channels.copy()
    channels[EMPTY] -= 1.0
    offsets = _symmetric(radius, step)
    wanted_um2 = LEAST_CERAMIC * section.ceramic_area_um2

    def one(plane: CutPlane) -> list[SectionPose]:
        start_um = (
            specimen.centre_um
            - specimen.origin_um
            + offsets[:, None] * plane.axes[:, 2]
            - half * step * plane.axes[:, 0]
            - reach_rows * step * plane.axes[:, 1]
        )
        stack = np.zeros((len(offsets), 4, n_rows, n_columns), dtype=np.float32)
        cut_slices(
            channels,
            frames.points_to_indices(start_um, specimen.spacing_um),
            frames.points_to_indices(plane.axes[:, 1] * step, specimen.spacing_um),
            frames.points_to_indices(plane.axes[:, 0] * step, specimen.spacing_um),
            stack,
        )
        area = stack[:, :2].sum(axis=(1, 2, 3)) * step**2
        used = np.flatnonzero(area >= wanted_um2)
        poses: list[SectionPose] = []
        for begin in range(0, len(used), 16):
            poses += _score(plane, stack[used[begin : begin + 16]], offsets[used[begin : begin + 16]])
        return poses

    def _score(plane: CutPlane, stack: NDArray[np.float32], at_um: NDArray[np.float64]) -> list[SectionPose]:
        transformed = scipy.fft.rfft2(stack, s=shape)
        found = []
        for face, angle in plane.rotations_deg:
            scores = scipy.fft.irfft2((transformed * templates.get(face, angle)).sum(axis=1), s=shape)
            own = plane.axes * np.array([face, 1.0, face])
            rotation = own @ Rotation.from_euler("z", angle, degrees=True).as_matrix()
            for score_map, offset in zip(scores[:, :n_rows, :n_columns], at_um, strict=True):
                for row, column, score in _peaks(score_map, step):
                    centre = (
                        specimen.centre_um
                        + offset * plane.axes[:, 2]
                        + (column - half) * step * plane.axes[:, 0]
                        + (row - reach_rows) * step * plane.axes[:, 1]
                    )
                    found.append(SectionPose(rotation, centre, score))
        return found

    listed = list(planes(prior, section.interface, specimen.plate_normal))
    with ThreadPoolExecutor(max(1, threads)) as pool:
        poses = [pose for found in pool.map(one, listed) for pose in found]
    return sorted(poses, key=lambda pose: -pose.score)


def _half_extent_um(specimen: Specimen, prior: AxesPrior) -> float:
    """Half the volume's extent along the section's rows, with room for the tilt."""
    _, nz, ny, nx = specimen.channels.shape
    extent = np.array([nx, ny, nz]) * np.asarray(specimen.spacing_um)[::-1]
    return float(np.abs(prior.linear()[:, 1]) @ extent) / 2.0 * 1.15


def _peaks(score_map: NDArray[np.float32], step_um: float) -> list[tuple[int, int, float]]:
    reach = int(np.ceil(PEAK_REACH_UM / step_um))
    left = score_map.copy()
    found = []
    for _ in range(PEAKS_PER_PLANE):
        row, column = divmod(int(np.argmax(left)), left.shape[1])
        found.append((row, column, float(left[row, column])))
        left[max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1] = -np.inf
    return found
