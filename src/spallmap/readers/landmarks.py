"""Matched points, as a person marked them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from spallmap.errors import InputError
from spallmap.registration.landmarks import Landmarks, parse_landmarks


def read_landmarks(path: Path | str) -> Landmarks:
    """Read a CSV file of landmarks.

    Parameters
    ----------
    path : Path or str
        Columns u_um, v_um, x_um, y_um, z_um and use.

    Returns
    -------
    Landmarks
        The points.

    Raises
    ------
    InputError
        If the file is no such table.
    """
    try:
        table = pd.read_csv(path, skipinitialspace=True)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(
            str(path), f"no readable table ({error})", "a comma-separated table with a header"
        ) from error
    return parse_landmarks(table, str(path))
