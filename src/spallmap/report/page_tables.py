"""Tables of a page, with headings that a person reads and numbers of a sensible length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

NOTHING = "–"
UNITS = {
    "um": "µm",
    "um2": "µm²",
    "um3": "µm³",
    "ms": "ms",
    "deg": "°",
}
HEADINGS = {
    "t2": "T2",
    "t2_se": "T2, standard error",
    "snr": "SNR",
    "p95": "95th percentile",
    "aperture_median": "aperture, median",
    "aperture_p95": "aperture, 95th percentile",
    "aperture_se": "aperture, standard error",
    "volume_se": "volume, standard error",
    "electrode_area": "area of the electrode",
    "lost_share": "share without contact",
    "n_voids": "voids",
    "sa": "roughness Sa",
    "sq": "roughness Sq",
    "depth_max": "depth, largest",
    "distance_se": "distance, standard error",
    "centroid_x": "centre x",
    "centroid_y": "centre y",
    "centroid_z": "centre z",
    "overlap_fraction": "overlap",
}
MAX_ROWS = 200
# Between these, whole numbers read better than exponents.
LARGE = 1e4
HUGE = 1e10


@dataclass(frozen=True)
class TableView:
    """A table ready to print.

    Parameters
    ----------
    caption : str
        What it lists.
    headings : tuple of str
        One per column.
    rows : tuple of tuple of str
        Cells.
    numeric : tuple of bool
        Which columns are numbers, to be set flush right.
    left_out : int
        Rows that are not shown.
    """

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    left_out: int = 0


def heading(column: str) -> str:
    """Write a column's name such as ``area_um2`` as words with a unit: ``area / µm²``."""
    stem, _, last = column.rpartition("_")
    unit = UNITS.get(last) if stem else None
    name = stem if unit else column
    words = HEADINGS.get(name, name.replace("_", " "))
    return f"{words} / {unit}" if unit else words


def cell_text(value: object) -> str:
    """Write a value: four significant digits, yes and no, a dash where there is none."""
    if value is None or value is pd.NA or value is pd.NaT:
        return NOTHING
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, (float, np.floating)):
        return _number_text(float(value))
    return str(value)


def _number_text(value: float) -> str:
    if not np.isfinite(value):
        return NOTHING
    if LARGE <= abs(value) < HUGE or (value.is_integer() and abs(value) < HUGE):
        return f"{value:.0f}"
    return f"{value:.4g}"


def table_view(frame: pd.DataFrame, caption: str, max_rows: int = MAX_ROWS) -> TableView:
    """Prepare a table.

    Parameters
    ----------
    frame : DataFrame
        The numbers.
    caption : str
        What they are.
    max_rows : int
        Rows beyond this are left out and counted.

    Returns
    -------
    TableView
        Headings with units, cells as text.
    """
    shown = frame.head(max_rows)
    columns = [str(c) for c in frame.columns]
    rows = tuple(tuple(cell_text(v) for v in record) for record in shown.itertuples(index=False, name=None))
    numeric = tuple(bool(pd.api.types.is_numeric_dtype(frame[c])) for c in frame.columns)
    return TableView(caption, tuple(heading(c) for c in columns), rows, numeric, len(frame) - len(shown))


def flatten(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Lay a nested mapping out as lines of dotted key and value.

    Parameters
    ----------
    tree : mapping
        Mappings, sequences and plain values.
    prefix : str
        Put before every key.

    Returns
    -------
    list of (str, str)
        In the mapping's order.
    """
    lines: list[tuple[str, str]] = []
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            lines += flatten(value, f"{name}.") if value else [(name, NOTHING)]
        elif isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
            if any(isinstance(v, Mapping) for v in value):
                lines += flatten({str(k): v for k, v in enumerate(value, start=1)}, f"{name}.")
            else:
                lines.append((name, ", ".join(cell_text(v) for v in value) or NOTHING))
        else:
            lines.append((name, cell_text(value)))
    return lines


def pairs_view(tree: Mapping[str, Any], caption: str, max_rows: int = MAX_ROWS) -> TableView:
    """Prepare a nested mapping as a table of key and value."""
    lines = flatten(tree)
    return TableView(
        caption, ("key", "value"), tuple(lines[:max_rows]), (False, False), max(len(lines) - max_rows, 0)
    )
