"""Matched points that a person picked, and the table that they are written in."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import ErrorList, InputError

if TYPE_CHECKING:
    import pandas as pd

# Columns of the landmark table, in order.
COLUMNS = ("u_um", "v_um", "x_um", "y_um", "z_um", "use")
# What a point serves for: to fit to, or to measure the error with.
USES = ("fit", "check")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")


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


def landmarks_of_rows(rows: Iterable[tuple[str, Mapping[str, str]]]) -> Landmarks:
    """Check the rows of a table of landmarks.

    Parameters
    ----------
    rows : iterable of (str, mapping of str to str)
        Of each row what to call it in an error, and its values by column: u_um, v_um (own frame), x_um,
        y_um, z_um (reference frame) and use, which is ``fit`` or ``check``.

    Returns
    -------
    Landmarks
        The points, in the table's order.

    Raises
    ------
    InputError
        If a coordinate is absent or no number, a use is another word, or a point stands twice; the message
        names the row and the column.
    InputGroupError
        Where several rows are wrong.

    Examples
    --------
    >>> row = {"u_um": "0", "v_um": "20", "x_um": "7", "y_um": "8", "z_um": "1e2", "use": "fit"}
    >>> marks = landmarks_of_rows([("marks.csv, row 1", row)])
    >>> marks.own_um.tolist(), marks.reference_um.tolist()
    ([[0.0, 20.0, 0.0]], [[7.0, 8.0, 100.0]])
    >>> landmarks_of_rows([("marks.csv, row 1", {**row, "use": "maybe"})])
    Traceback (most recent call last):
    spallmap.errors.InputError: marks.csv, row 1, column use: found 'maybe'; allowed: fit or check
    """
    points: list[tuple[float, ...]] = []
    uses: list[str] = []
    seen: dict[tuple[str, tuple[float, ...]], str] = {}
    errors = ErrorList()
    for label, values in rows:
        with errors.collected():
            point = tuple(_coordinate(label, column, values.get(column)) for column in COLUMNS[:5])
            use = values.get("use", "")
            if use not in USES:
                raise InputError(f"{label}, column use", repr(use) if use else "no value", "fit or check")
            for columns, where in (("u_um, v_um", point[:2]), ("x_um, y_um, z_um", point[2:])):
                if (columns, where) in seen:
                    raise InputError(
                        f"{label}, columns {columns}",
                        f"the point of {seen[columns, where]} again",
                        "every point once: the same one cannot serve to fit and to check",
                    )
                seen[columns, where] = label
            points.append(point)
            uses.append(use)
    errors.raise_all()
    numbers = np.array(points, dtype=np.float64).reshape(-1, 5)
    own = np.column_stack([numbers[:, :2], np.zeros(len(numbers))])
    return Landmarks(own, numbers[:, 2:], np.array([u == "check" for u in uses], dtype=np.bool_))


def parse_landmarks(table: pd.DataFrame, source_label: str = "landmarks") -> Landmarks:
    """Check a table of landmarks that is in memory.

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
        As :func:`landmarks_of_rows`, and if a column is missing or unknown; the first row is row 1.
    InputGroupError
        Where several rows are wrong.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"u_um": [0, 50], "v_um": [0, 20], "x_um": [7, 57], "y_um": [8, 9]})
    >>> marks = parse_landmarks(table.assign(z_um=[1, 21], use=["fit", "check"]))
    >>> marks.own_um.tolist(), marks.reference_um.tolist()
    ([[0.0, 0.0, 0.0], [50.0, 20.0, 0.0]], [[7.0, 8.0, 1.0], [57.0, 9.0, 21.0]])
    """
    missing = [c for c in COLUMNS if c not in table.columns]
    unknown = [str(c) for c in table.columns if c not in COLUMNS]
    if missing or unknown:
        found = f"missing {missing}" if missing else f"unknown {unknown}"
        raise InputError(f"{source_label}, header", found, f"the columns {', '.join(COLUMNS)}")
    return landmarks_of_rows(
        (f"{source_label}, row {number}", {c: str(row[c]).strip() for c in COLUMNS})
        for number, row in enumerate(table.to_dict("records"), start=1)
    )


def _coordinate(label: str, column: str, text: str | None) -> float:
    source_label = f"{label}, column {column}"
    if text is None:
        raise InputError(source_label, "no value", "a finite number, um")
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        hint = f", with a decimal point: {text.replace(',', '.')}" if text.count(",") == 1 else ""
        raise InputError(source_label, repr(text), f"a finite number, um{hint}")
    return value
