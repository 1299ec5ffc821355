"""Find the fourteen spheres of a relaxometry plate of the NIST system phantom in its own images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize, signal

Array = NDArray[np.float64]

# The plate: ten spheres on a circle, numbered clockwise as a coronal image shows them, and four within it at
# the corners of a square, numbered from the corner between spheres 9 and 10. Stupic et al., Magn. Reson.
# Med. 86 (2021) 1194, describe the phantom; the lengths, mm, were checked in the images: they fit two
# scanners within 0.3 %.
CIRCLE_RADIUS_MM = 50.0
HALF_SQUARE_MM = 20.0
N_OUTER = 10
N_SPHERES = 14
# A sphere's plastic shell gives no signal: a dark ring between the liquid inside and the water outside.
SHELL_MM = (8.3, 10.2)
INSIDE_MM = 7.0
OUTSIDE_MM = (11.5, 13.0)
# Brightness falls off towards the coil's far end over lengths longer than this.
SHADE_MM = 15.0
# The plate hangs in the middle of the water, rotated by an unknown angle.
SEARCH_MM = 16.0
STEP_MM = 2.0
STEP_DEG = 3.0


@dataclass(frozen=True)
class Plate:
    """Where the plate lies.

    Parameters
    ----------
    centres : ndarray, shape (14, 2)
        Row and column of each sphere's centre, in pixels, sphere 1 first.
    angle_deg : float
        Rotation of the plate, positive from sphere 1 towards sphere 2.
    scale : float
        Size against the design; far from 1 where something else was found.
    order : float
        Correlation of the outer spheres' numbers with how much signal is left at the last echo; near -1
        where the numbering is right, as T2 falls with the number.
    """

    centres: Array
    angle_deg: float
    scale: float
    order: float


def design_mm() -> Array:
    """Rows and columns of the spheres' centres about the plate's, mm, sphere 1 straight up."""
    angle = 2.0 * np.pi * np.arange(N_OUTER) / N_OUTER
    outer = CIRCLE_RADIUS_MM * np.stack([-np.cos(angle), np.sin(angle)], axis=1)
    inner = HALF_SQUARE_MM * np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, 1.0], [1.0, -1.0]])
    return np.concatenate([outer, inner])


def find_plate(echoes: Array, pixel_mm: float) -> Plate:
    """Find the spheres.

    The dark shells are looked for with a ring-shaped filter; the design is then rotated, moved and scaled
    to where it meets most of them. It looks alike rotated by 180 degrees: of the two, that is taken in which
    the signal that is left falls from sphere 1 to sphere 10.

    Parameters
    ----------
    echoes : ndarray, shape (n_echoes, y, x)
        Magnitudes, in the order of their echo times.
    pixel_mm : float
        Pixel size.

    Returns
    -------
    Plate
        The best placement.
    """
    response = _shells(echoes[0], pixel_mm)
    water = echoes[0] > 0.3 * np.percentile(echoes[0], 90)
    middle = np.array(ndimage.center_of_mass(ndimage.binary_fill_holes(water)))
    design = design_mm() / pixel_mm

    def score(pose: Array) -> float:
        return -float(ndimage.map_coordinates(response, _placed(design, pose).T, order=1).sum())

    shifts = np.arange(-SEARCH_MM, SEARCH_MM + STEP_MM, STEP_MM) / pixel_mm
    dy, dx = (grid.ravel() for grid in np.meshgrid(shifts, shifts, indexing="ij"))
    best = np.inf, np.zeros(4)
    for angle in np.deg2rad(np.arange(0.0, 180.0, STEP_DEG)):
        points = _placed(design, np.array([*middle, angle, 1.0]))[:, :, None] + np.stack([dy, dx])
        sums = ndimage.map_coordinates(response, points.transpose(1, 0, 2), order=1).sum(axis=0)
        k = int(np.argmax(sums))
        if -sums[k] < best[0]:
            best = -float(sums[k]), np.array([middle[0] + dy[k], middle[1] + dx[k], angle, 1.0])
    simplex = best[1] + np.concatenate([np.zeros((1, 4)), np.diag([1.0, 1.0, 0.03, 0.01])])
    pose = optimize.minimize(
        score, best[1], method="Nelder-Mead", options={"initial_simplex": simplex, "xatol": 1e-3}
    ).x
    rotated = pose + np.array([0.0, 0.0, np.pi, 0.0])
    return min((_judged(echoes, design, p) for p in (pose, rotated)), key=lambda plate: plate.order)


def _shells(image: Array, pixel_mm: float) -> Array:
    """How much darker a ring of the shell's size is than what lies within and around it."""
    reach = int(np.ceil(OUTSIDE_MM[1] / pixel_mm))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1] * pixel_mm
    radius = np.hypot(y, x)
    shell = (radius > SHELL_MM[0]) & (radius < SHELL_MM[1])
    beside = (radius < INSIDE_MM) | ((radius > OUTSIDE_MM[0]) & (radius < OUTSIDE_MM[1]))
    kernel = beside / beside.sum() - shell / shell.sum()
    shade = ndimage.gaussian_filter(image, SHADE_MM / pixel_mm) + 1e-3 * image.max()
    response: Array = signal.fftconvolve(image / shade, kernel, mode="same")
    return response


def _placed(design: Array, pose: Array) -> Array:
    cos, sin = np.cos(pose[2]), np.sin(pose[2])
    rotated: Array = design @ np.array([[cos, -sin], [sin, cos]])
    placed: Array = pose[:2] + pose[3] * rotated
    return placed


def _judged(echoes: Array, design: Array, pose: Array) -> Plate:
    centres = _placed(design, pose)
    # the second echo: stimulated echoes falsify the first
    early, late = (ndimage.map_coordinates(e, centres.T, order=1) for e in (echoes[1], echoes[-1]))
    left = late[:N_OUTER] / np.maximum(early[:N_OUTER], 1e-6 * echoes[1].max())
    order = float(np.corrcoef(np.arange(N_OUTER), left)[0, 1])
    angle = float(np.rad2deg(pose[2]) + 180.0) % 360.0 - 180.0
    return Plate(centres, angle, float(pose[3]), order)


def square_of_pixels(centre: Array, half_width: int, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Mask of the square of pixels about the pixel in which a point lies.

    Parameters
    ----------
    centre : ndarray, shape (2,)
        Row and column.
    half_width : int
        2 for a square of 5 x 5 pixels.
    shape : tuple of int
        The image's.

    Returns
    -------
    ndarray of bool
        True in the square.
    """
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    row, column = np.rint(centre)
    inside: NDArray[np.bool_] = (np.abs(rows - row) <= half_width) & (np.abs(columns - column) <= half_width)
    return inside
