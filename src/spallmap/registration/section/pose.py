"""A placement of a section in a volume, and how two of them differ."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from spallmap import frames

# Largest scale error of a microscope, and largest stretch between its axes, that is corrected for: stages
# that stayed tilted by up to 14 degrees stretch by 3 %, which must not lie at the bound.
MOST_SCALE = 0.03
MOST_ANISOTROPY = 0.04
# Steps of the small grid around a refined pose; a pore's radius at the rim of a field of 900 um.
NEIGHBOUR_UM = 15.0
NEIGHBOUR_DEG = 3.0


@dataclass(frozen=True)
class SectionPose:
    """A placement: the field's centre goes to `centre_um`, the own axes along `rotation`'s columns.

    Parameters
    ----------
    rotation : ndarray, shape (3, 3)
        Own axes in the volume's frame.
    centre_um : ndarray, shape (3,)
        Where the field's centre goes.
    score : float
        Agreement; more is better.
    log_scale : float
        Logarithm of true over stated pixel size.
    log_anisotropy : float
        Logarithm of the true pixel's width over its height, where the stated one's is 0.
    """

    rotation: NDArray[np.float64]
    centre_um: NDArray[np.float64]
    score: float
    log_scale: float = 0.0
    log_anisotropy: float = 0.0

    @property
    def stretch(self) -> NDArray[np.float64]:
        """Factors along the own axes u, v and normal."""
        half = self.log_anisotropy / 2.0
        return np.array([np.exp(self.log_scale + half), np.exp(self.log_scale - half), 1.0])

    @property
    def linear(self) -> NDArray[np.float64]:
        """Linear part of the map, shape (3, 3)."""
        return self.rotation * self.stretch

    def place(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Send points (..., 3), relative to the field's centre, to the volume's frame."""
        placed: NDArray[np.float64] = points @ self.linear.T + self.centre_um
        return placed

    def map(self, own_centre_um: NDArray[np.float64]) -> frames.AffineMap:
        """From the section's own frame to the volume's."""
        return frames.AffineMap.from_parts(self.linear, self.centre_um - self.linear @ own_centre_um)

    def moved(self, step: NDArray[np.float64]) -> SectionPose:
        """Rotate about the field's centre (rad), shift (um) and stretch (logarithms, kept within bounds).

        Parameters
        ----------
        step : ndarray, shape (k,)
            Rotation about x, y, z and shift along x, y, z of the volume; then, where k is 7 or 8, the change
            of `log_scale` and of `log_anisotropy`.

        Returns
        -------
        SectionPose
            With the old score.
        """
        scale, uneven = (*step[6:], 0.0, 0.0)[:2]
        reach, uneven_reach = np.log1p(MOST_SCALE), np.log1p(MOST_ANISOTROPY)
        return replace(
            self,
            rotation=Rotation.from_rotvec(step[:3]).as_matrix() @ self.rotation,
            centre_um=self.centre_um + step[3:6],
            log_scale=float(np.clip(self.log_scale + scale, -reach, reach)),
            log_anisotropy=float(np.clip(self.log_anisotropy + uneven, -uneven_reach, uneven_reach)),
        )


def distinct(
    poses: list[SectionPose],
    own_points: NDArray[np.float64],
    own_centre_um: NDArray[np.float64],
    apart_um: float,
    most: int,
) -> list[SectionPose]:
    """Keep the best of poses that place the field within a distance of each other.

    Parameters
    ----------
    poses : list of SectionPose
        Best first.
    own_points : ndarray, shape (n, 3)
        A few points that span the field.
    own_centre_um : ndarray, shape (3,)
        The field's centre.
    apart_um : float
        Mean distance below which two poses are the same.
    most : int
        Number to keep.

    Returns
    -------
    list of SectionPose
        Best first.
    """
    kept: list[SectionPose] = []
    placed = np.empty((most, *own_points.shape))
    relative = own_points - own_centre_um
    for pose in poses:
        at = pose.place(relative)
        if kept:
            distance = np.linalg.norm(placed[: len(kept)] - at, axis=-1).mean(axis=-1)
            if distance.min() < apart_um:
                continue
        placed[len(kept)] = at
        kept.append(pose)
        if len(kept) == most:
            break
    return kept


def neighbours(
    pose: SectionPose, shift_um: float = NEIGHBOUR_UM, angle_deg: float = NEIGHBOUR_DEG
) -> list[SectionPose]:
    """List the poses around one: shifted along the normal, tilted, and rotated about the rows.

    Parameters
    ----------
    pose : SectionPose
        The middle, which is not listed.
    shift_um, angle_deg : float
        How far off they lie.

    Returns
    -------
    list of SectionPose
        26 poses; in the plane, where a refinement reaches farthest, they lie alike.
    """
    found = []
    for shift in (-shift_um, 0.0, shift_um):
        for tilt in (-angle_deg, 0.0, angle_deg):
            for azimuth in (-angle_deg, 0.0, angle_deg):
                if shift or tilt or azimuth:
                    rotation = Rotation.from_euler("xy", (tilt, azimuth), degrees=True).as_matrix()
                    centre = pose.centre_um + shift * pose.rotation[:, 2]
                    found.append(
                        replace(pose, rotation=pose.rotation @ rotation, centre_um=centre, score=-np.inf)
                    )
    return found
