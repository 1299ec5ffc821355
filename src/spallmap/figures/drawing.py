"""What drawing a figure returns, and what is said where it cannot be drawn."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd
from matplotlib.figure import Figure

from spallmap.registration.result import Registration


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
        A sentence; None when the registration was accepted.
    """
    if registration is None:
        return f"{what} not registered: {unregistered}"
    if not registration.accepted:
        return f"{what} registration refused: {'; '.join(registration.reasons)}"
    return None
