"""What drawing a figure returns, and what is said where it cannot be drawn."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field

import pandas as pd
from matplotlib.figure import Figure

from spallmap.registration.result import Registration

# A panel of a row of three holds ten lines of some 24 characters.
REASON_CHARS = 150


@dataclass(frozen=True)
class Drawing:
    """A figure with the numbers behind each of its panels.

    Parameters
    ----------
    figure : Figure
        The picture.
    numbers : dict of str to DataFrame
        One table per panel; the key is the panel's letter with a word, fit for a file name.

    Examples
    --------
    >>> from spallmap.figures import cell_figure
    >>> drawing = cell_figure([])
    >>> drawing.figure.axes[0].texts[0].get_text(), drawing.numbers
    ('No tomogram of this cell.', {})
    """

    figure: Figure
    numbers: dict[str, pd.DataFrame] = field(default_factory=dict)


def why_not(what: str, registration: Registration | None, unregistered: str) -> str | None:
    """Say why something cannot be drawn in the reference frame.

    Parameters
    ----------
    what : str
        The acquisition, for the beginning of the sentence.
    registration : Registration or None
        Its registration.
    unregistered : str
        Why there is none.

    Returns
    -------
    str or None
        A sentence short enough for a small panel, with the first reason; the report has the others. None when
        the registration was accepted.
    """
    if registration is None:
        return f"{what} not registered: {unregistered}"
    if not registration.accepted:
        first, *others = registration.reasons
        words = f"{what} registration refused: {textwrap.shorten(first, REASON_CHARS, placeholder=' ...')}"
        n = len(others)
        return words if not n else f"{words}; and {n} more reason{'s' if n > 1 else ''}, see the report"
    return None
