"""Matched points that a person picked, and the table that they are written in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

# Columns of the landmark table, in order.
COLUMNS = ("u_um", "v_um", "x_um", "y_um", "z_um", "use")
# What a point serves for: to fit to, or to measure the error with.
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

    Examples
    --------
    >>> points = np.array([[0.0, 0.0, 0.0], [50.0, 20.0, 0.0]])
    >>> Landmarks(points, points + 100.0, np.array([False, True])).n_fit
    1
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
        ``check``, in any order.
    source_label : str
        What to call the table in an error, usually its file.

    Returns
    -------
    Landmarks
        The points, in the table's order.

    Raises
    ------
    InputError
        If a column is missing or unknown, a coordinate is no number, or a use is another word; the message
        names the table, the row (the first below the header is row 1) and the column.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"u_um": [0, 50], "v_um": [0, 20], "x_um": [7, 57], "y_um": 8, "z_um": [1, 21]})
    >>> marks = parse_landmarks(table.assign(use=["fit", "check"]))
    >>> marks.own_um.tolist(), marks.reference_um.tolist()
    ([[0.0, 0.0, 0.0], [50.0, 20.0, 0.0]], [[7.0, 8.0, 1.0], [57.0, 8.0, 21.0]])
    >>> parse_landmarks(table.assign(use=["fit", "maybe"]), "marks.csv")
    Traceback (most recent call last):
    spallmap.errors.InputError: marks.csv, row 2, column use: found 'maybe'; allowed: fit or check
    """
    import pandas as pd

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
    r"""Read a CSV file of landmarks.

    Parameters
    ----------
    path : Path or str
        Columns u_um, v_um, x_um, y_um, z_um and use, as for :func:`parse_landmarks`.

    Returns
    -------
    Landmarks
        The points.

    Raises
    ------
    InputError
        If the file is missing or is no such table; the message names the file, the row and the column.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "marks.csv")
    ...     _ = path.write_text("u_um,v_um,x_um,y_um,z_um,use\n10,20,110,5,220,fit\n")
    ...     read_landmarks(path).reference_um.tolist()
    [[110.0, 5.0, 220.0]]
    """
    import pandas as pd

    try:
        table = pd.read_csv(path, skipinitialspace=True)
    except FileNotFoundError:
        raise InputError(
            str(path), "no such file", f"a CSV file with the columns {','.join(COLUMNS)}"
        ) from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(
            str(path), f"no readable table ({error})", "a comma-separated table with a header"
        ) from error
    return parse_landmarks(table, str(path))
