"""Matplotlib's constrained layout, the same to the last digit in every process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.transforms import Bbox

if TYPE_CHECKING:
    from matplotlib.figure import Figure, FigureBase

# Fractions of the figure: a billionth is far below what any printer shows, far above the solver's rounding.
_DECIMALS = 9


class RepeatableLayout(ConstrainedLayoutEngine):
    """Constrained layout whose positions are rounded.

    The solver goes through its constraints in the order of their addresses in memory, which differ each time.
    So its positions differ in the last bits, and an edge at 0 is now 0 and now -0, which a PDF shows.

    Parameters
    ----------
    **settings
        As of :class:`matplotlib.layout_engine.ConstrainedLayoutEngine`.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> figure = Figure(layout=RepeatableLayout(compress=True))
    >>> axes = figure.subplots()
    >>> figure.draw_without_rendering()
    >>> bool(axes.get_position().x0 == round(axes.get_position().x0, 9))
    True
    """

    def execute(self, fig: Figure) -> Any:
        """Lay the figure out.

        Parameters
        ----------
        fig : matplotlib.figure.Figure
            The figure; its axes and subfigures are moved.

        Returns
        -------
        dict
            The solved grids, as the engine gives them.
        """
        grids = super().execute(fig)
        _round_subfigures(fig)
        for axes in fig.get_axes():
            # The public way would take the axes out of the layout.
            axes._set_position(  # type: ignore[attr-defined]
                _rounded(axes.get_position(original=True)), which="original"
            )
        return grids


def _rounded(box: Any) -> Bbox:
    """Round a box; adding zero makes -0 to 0."""
    return Bbox(np.round(box.get_points(), _DECIMALS) + 0.0)


def _round_subfigures(figure: FigureBase) -> None:
    for subfigure in figure.subfigs:
        box = _rounded(subfigure.bbox_relative)
        subfigure.bbox_relative.p0, subfigure.bbox_relative.p1 = box.p0, box.p1
        _round_subfigures(subfigure)
