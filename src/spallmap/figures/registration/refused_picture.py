"""Picture of a registration that was not tried."""

from __future__ import annotations

import textwrap

from matplotlib.figure import Figure

from spallmap.figures import style
from spallmap.figures.registration.agreement import (
    LINE_MM,
    set_heading,
)
from spallmap.registration.result import Registration

REFUSED_CHARS = 105


def refused_picture(why: str | Registration, what: str = "This acquisition") -> Figure:
    """Say in words why there is nothing to draw.

    Parameters
    ----------
    why : str or Registration
        The reason, or a registration that was refused before it was tried.
    what : str
        The acquisition.

    Returns
    -------
    Figure
        A panel of text.

    Raises
    ------
    ValueError
        If the registration was accepted.

    Examples
    --------
    >>> figure = refused_picture("there is no tomogram to register it to", "mri-t2")
    >>> figure.get_suptitle()
    'mri-t2: REFUSED, nothing may depend on it'
    """
    if isinstance(why, Registration):
        if why.accepted:
            raise ValueError("an accepted registration has a picture of its own")
        why = "; ".join(why.reasons)
    with style.context():
        words = f"Why: {why}"
        lines = len(textwrap.wrap(words, REFUSED_CHARS))
        figure = style.new_figure("double", 16.0 + 1.3 * LINE_MM * lines)
        set_heading(figure, [f"{what}: REFUSED, nothing may depend on it"], "refused")
        style.say_instead(figure.subplots(), words, REFUSED_CHARS)
        return figure
