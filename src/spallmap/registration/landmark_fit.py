"""What landmarks give a registration: a start, and an independent check of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.transform import Rotation

from spallmap.frames import AffineMap
from spallmap.landmarks import Landmarks
from spallmap.registration.result import Registration

# A rigid map in space needs three points that do not lie on a line.
LEAST_FIT_POINTS = 3
# Points count as lying on a line where their second spread is below this fraction of the first.
COLLINEAR = 1e-3


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

    Examples
    --------
    >>> import numpy as np
    >>> own = np.array([[0.0, 0.0, 0.0], [10.0, 0.0, 0.0], [0.0, 10.0, 0.0]])
    >>> fit_rigid(own, own + [5.0, 6.0, 7.0]).translation_um.round(6)
    array([5., 6., 7.])
    """
    p, q = np.asarray(own_um, dtype=np.float64), np.asarray(reference_um, dtype=np.float64)
    if len(p) < LEAST_FIT_POINTS:
        raise ValueError(f"{len(p)} points; a rigid map needs at least {LEAST_FIT_POINTS}")
    a, b = p - p.mean(axis=0), q - q.mean(axis=0)
    for name, spread in (("own", np.linalg.svd(a)[1]), ("reference", np.linalg.svd(b)[1])):
        if spread[1] <= COLLINEAR * spread[0]:
            raise ValueError(f"the {name} points lie on a line: the rotation about it is open")
    R = Rotation.align_vectors(b, a)[0].as_matrix()
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

    Examples
    --------
    >>> import numpy as np
    >>> own = np.array([[0.0, 0.0, 0.0], [10.0, 0.0, 0.0], [0.0, 10.0, 0.0]])
    >>> picked = Landmarks(own, own + [5.0, 6.0, 7.0], np.array([False, False, True]))
    >>> start_from_landmarks(picked) is None
    True
    """
    if landmarks.n_fit < LEAST_FIT_POINTS:
        return None
    fit = ~landmarks.check
    return fit_rigid(landmarks.own_um[fit], landmarks.reference_um[fit])


def landmarks_in(landmarks: Landmarks | None, to_reference: Registration | None) -> Landmarks | None:
    """Take the partners of landmarks from the reference frame to that of a tomogram.

    Parameters
    ----------
    landmarks : Landmarks or None
        Matched points, partners in the reference frame; None where nobody picked any.
    to_reference : Registration or None
        The tomogram's; None where it is the reference itself.

    Returns
    -------
    Landmarks or None
        None also where the tomogram's registration was refused: nothing may depend on it.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.frames import AffineMap
    >>> from spallmap.landmarks import Landmarks
    >>> from spallmap.registration.result import Registration
    >>> point = Landmarks(np.zeros((1, 3)), np.array([[50.0, 60.0, 70.0]]), np.array([False]))
    >>> moved = AffineMap.from_parts(np.eye(3), (10.0, 0.0, 0.0))
    >>> tomogram = Registration(moved, "known", "accepted", (), 1.0)
    >>> landmarks_in(point, tomogram).reference_um
    array([[40., 60., 70.]])
    """
    if landmarks is None or to_reference is None:
        return landmarks
    if not to_reference.accepted:
        return None
    return replace(landmarks, reference_um=to_reference.map.inverse()(landmarks.reference_um))


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

    Examples
    --------
    >>> import numpy as np
    >>> picked = Landmarks(np.zeros((1, 3)), np.array([[3.0, 4.0, 0.0]]), np.array([True]))
    >>> known = Registration(AffineMap.identity(), "known", "accepted", (), 1.0)
    >>> apply_landmarks(known, picked).tre_um
    5.0
    """
    if landmarks is None:
        return registration
    tre, fre = landmark_errors(registration.map, landmarks)
    return replace(registration, tre_um=tre, fre_um=fre)
