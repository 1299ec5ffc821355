"""Matched points that a person picked, and the table that they are written in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spallmap.errors import InputError

#: Columns of the landmark table, in order.
COLUMNS = ("u_um", "v_um", "x_um", "y_um", "z_um", "use")
USES = ("fit", "check")


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


def parse_landmarks(table: pd.DataFrame, source_label: str = "landmarks") -> Landmarks:
    """Check a table of landmarks.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns u_um, v_um (own frame), x_um, y_um, z_um (reference frame) and use, which is ``fit`` or
        ``check``.
    source_label : str
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
        raise InputError(f"{source_label}, header", found, f"the columns {', '.join(COLUMNS)}")
    numbers = np.empty((len(table), 5))
    for k, column in enumerate(COLUMNS[:5]):
        values = pd.to_numeric(table[column], errors="coerce").to_numpy(dtype=np.float64)
        bad = np.flatnonzero(~np.isfinite(values))
        if bad.size:
            row = int(bad[0])
            raise InputError(
                f"{source_label}, row {row + 1}, column {column}",
                repr(table[column].iloc[row]),
                "a finite number, um",
            )
        numbers[:, k] = values
    uses = [str(u).strip() for u in table["use"]]
    for row, use in enumerate(uses):
        if use not in USES:
            raise InputError(f"{source_label}, row {row + 1}, column use", repr(use), "fit or check")
    own = np.column_stack([numbers[:, :2], np.zeros(len(table))])
    return Landmarks(own, numbers[:, 2:], np.array([u == "check" for u in uses], dtype=np.bool_))


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
