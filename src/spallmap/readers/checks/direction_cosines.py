"""Directions of an image's axes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import InputError

# Direction cosines come with six digits and more; a scanner's axes are at right angles.
RIGHT_ANGLES = 0.01


def check_directions(source_label: str, directions: NDArray[np.float64], key: str) -> None:
    """Refuse directions that are no unit vectors at right angles: distances along them would be wrong.

    Parameters
    ----------
    source_label, key : str
        Named in the message.
    directions : ndarray, shape (2 or 3, 3)
        Of own x and own y, and perhaps own z.

    Raises
    ------
    InputError
        If they are no unit vectors, or not at right angles.

    Examples
    --------
    >>> check_directions("visu_pars", np.eye(3), "VisuCoreOrientation")
    """
    products = directions @ directions.T
    if not np.abs(products - np.eye(len(directions))).max() <= RIGHT_ANGLES:
        found = f"{key} {np.round(directions, 4).ravel().tolist()}"
        raise InputError(source_label, found, "unit vectors at right angles to each other")
