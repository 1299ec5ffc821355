"""Matched points that a person picked: a start for a registration, and an independent check of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from spallmap.errors import InputError
from spallmap.frames import AffineMap
from spallmap.registration.result import Registration

#: Columns of the landmark table, in order.
COLUMNS = ("u_um", "v_um", "x_um", "y_um", "z_um", "use")
USES = ("fit", "check")
#: A rigid map in space needs three points that do not lie on a line.
LEAST_FIT_POINTS = 3
#: Points count as lying on a line where their second spread is below this share of the first.
COLLINEAR = 1e-3


@dataclass(frozen=True)
class Landmarks:
    """Matched points.

    Parameters
    ----------
    own_um : ndarray, shape (n, 3)
        Points in the acquisition's own frame; the third coordinate is 0 for an image.
    reference_um : ndarray, shape (n, 3)
        The same points in the frame that is registered to, as (x, y, z).
    check : ndarray of bool, shape (n,)
        True for points that are kept apart to measure the error.
    """

    own_um: NDArray[np.float64]
    reference_um: NDArray[np.float64]
    check: NDArray[np.bool_]

    @property
    def n_fit(self) -> int:
        """Number of points to fit to."""
        return int((~self.check).sum())


def parse_landmarks(table: pd.DataFrame, place: str = "landmarks") -> Landmarks:
    """Check a table of landmarks.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns u_um, v_um (own frame), x_um, y_um, z_um (reference frame) and use, which is ``fit`` or
        ``check``.
    place : str
        What to call the table in an error, usually its file.

    Returns
    -------
    Landmarks
        The points.

    Raises
    ------
    InputError
        If a column is missing or unknown, a coordinate is no number, or a use is another word.
    """
    missing = [c for c in COLUMNS if c not in table.columns]
    unknown = [str(c) for c in table.columns if c not in COLUMNS]
    if missing or unknown:
        found = f"missing {missing}" if missing else f"unknown {unknown}"
        raise InputError(f"{place}, header", found, f"the columns {', '.join(COLUMNS)}")
    numbers = np.empty((len(table), 5))
    for k, column in enumerate(COLUMNS[:5]):
        values = pd.to_numeric(table[column], errors="coerce").to_numpy(dtype=np.float64)
        bad = np.flatnonzero(~np.isfinite(values))
        if bad.size:
            row = int(bad[0])
            raise InputError(
                f"{place}, row {row + 1}, column {column}",
                repr(table[column].iloc[row]),
                "a finite number, um",
            )
        numbers[:, k] = values
    uses = [str(u).strip() for u in table["use"]]
    for row, use in enumerate(uses):
        if use not in USES:
            raise InputError(f"{place}, row {row + 1}, column use", repr(use), "fit or check")
    own = np.column_stack([numbers[:, :2], np.zeros(len(table))])
    return Landmarks(own, numbers[:, 2:], np.array([u == "check" for u in uses], dtype=np.bool_))


def fit_rigid(own_um: ArrayLike, reference_um: ArrayLike) -> AffineMap:
    """Rotation and shift that bring points nearest to their partners.

    Parameters
    ----------
    own_um, reference_um : array_like, shape (n, 3)
        At least three points that do not lie on a line.

    Returns
    -------
    AffineMap
        From the own frame to the reference frame; never a reflection.

    Raises
    ------
    ValueError
        If there are too few points or they lie on a line.

    References
    ----------
    Kabsch, "A discussion of the solution for the best rotation to relate two sets of vectors", Acta
    Crystallographica A34 (1978).
    """
    p, q = np.asarray(own_um, dtype=np.float64), np.asarray(reference_um, dtype=np.float64)
    if len(p) < LEAST_FIT_POINTS:
        raise ValueError(f"{len(p)} points; a rigid map needs at least {LEAST_FIT_POINTS}")
    a, b = p - p.mean(axis=0), q - q.mean(axis=0)
    for name, spread in (("own", np.linalg.svd(a)[1]), ("reference", np.linalg.svd(b)[1])):
        if spread[1] <= COLLINEAR * spread[0]:
            raise ValueError(f"the {name} points lie on a line: the turn about it is open")
    U, _, Vt = np.linalg.svd(a.T @ b)
    sign = np.sign(np.linalg.det(Vt.T @ U.T))
    R = Vt.T @ np.diag([1.0, 1.0, sign]) @ U.T
    return AffineMap.from_parts(R, q.mean(axis=0) - R @ p.mean(axis=0))


def start_from_landmarks(landmarks: Landmarks) -> AffineMap | None:
    """Rigid map through the ``fit`` points.

    Parameters
    ----------
    landmarks : Landmarks
        Matched points.

    Returns
    -------
    AffineMap or None
        None where there are fewer than three ``fit`` points.
    """
    if landmarks.n_fit < LEAST_FIT_POINTS:
        return None
    fit = ~landmarks.check
    return fit_rigid(landmarks.own_um[fit], landmarks.reference_um[fit])


def landmark_errors(to_reference: AffineMap, landmarks: Landmarks) -> tuple[float | None, float | None]:
    """Root mean square distance at ``check`` points (TRE) and at ``fit`` points (FRE).

    Parameters
    ----------
    to_reference : AffineMap
        The map that is judged.
    landmarks : Landmarks
        Matched points.

    Returns
    -------
    tre_um, fre_um : float or None
        None where there are no such points. The second says how well the points agree with one another, not
        how well the map is right.

    References
    ----------
    Fitzpatrick, "Fiducial registration error and target registration error are uncorrelated", Proc. SPIE 7261
    (2009).
    """
    distance = np.linalg.norm(to_reference(landmarks.own_um) - landmarks.reference_um, axis=1)
    tre, fre = (
        float(np.sqrt(np.mean(distance[pick] ** 2))) if pick.any() else None
        for pick in (landmarks.check, ~landmarks.check)
    )
    return tre, fre


def apply_landmarks(registration: Registration, landmarks: Landmarks | None) -> Registration:
    """Add the errors at landmarks to a registration.

    Parameters
    ----------
    registration : Registration
        Any registration.
    landmarks : Landmarks or None
        None leaves it as it is.

    Returns
    -------
    Registration
        The same map and verdict with `tre_um` and `fre_um`.
    """
    if landmarks is None:
        return registration
    tre, fre = landmark_errors(registration.map, landmarks)
    return replace(registration, tre_um=tre, fre_um=fre)
