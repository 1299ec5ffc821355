"""Picture that lets a person judge how a magnified image lies in its overview."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Polygon
from numpy.typing import NDArray

from spallmap.figures import style
from spallmap.figures.element_mixture import composite, element_colours
from spallmap.figures.planes import image_values_at
from spallmap.figures.registration.agreement import (
    EDGE,
    FieldOfView,
    blurred,
    checkerboard,
    cut_out,
    draw_edges,
    fusion,
    heading,
    panels,
    shared,
    show,
    to_unit,
)
from spallmap.figures.registration.pairs import mark_fusion, mark_pair
from spallmap.figures.registration.residuals import muted, own_blocks, shift_row
from spallmap.frames import Points
from spallmap.registration.result import Registration

_OUTSIDE_OVERVIEW = "No part of the inset's field lies inside the overview here."


def inset_picture(
    image: NDArray[Any],
    mask: NDArray[np.bool_] | None,
    spacing_um: Sequence[float],
    overview: NDArray[Any],
    overview_mask: NDArray[np.bool_] | None,
    overview_spacing_um: Sequence[float],
    registration: Registration,
    kind: Literal["sem", "edx"],
    elements: Sequence[str] = (),
) -> Figure:
    """Draw where an inset lies in its overview, and both over each other.

    Parameters
    ----------
    image : ndarray, shape (ny, nx) or (n, ny, nx)
        The inset's grey values, or one map per element.
    mask : ndarray of bool, shape (ny, nx), optional
        False in the inset's data bar.
    spacing_um : sequence of float
        Its spacing along y, x.
    overview : ndarray, shape (my, mx)
        Grey values of the overview.
    overview_mask : ndarray of bool, shape (my, mx), optional
        False in the overview's data bar.
    overview_spacing_um : sequence of float
        Its spacing along y, x.
    registration : Registration
        From the inset's frame to the overview's.
    kind : {"sem", "edx"}
        What the inset is; element maps are mixed in colours, and the map that follows the overview's grey
        most closely stands for them where one picture is needed.
    elements : sequence of str
        Names of the maps; ``map 1`` and so on where absent.

    Returns
    -------
    Figure
        Position, overview on the inset's field, inset, checkerboard, edges, the fusion of two SEM images, and
        what is left to shift in each block where the diagnostics hold it.

    Raises
    ------
    ValueError
        If there is not one name per map.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.frames import AffineMap
    >>> from spallmap.registration.result import Registration
    >>> overview = np.sin(np.arange(600.0)).reshape(20, 30)
    >>> within = AffineMap.from_parts(np.eye(3), (50.0, 25.0, 0.0))
    >>> found = Registration(within, "known", "accepted", (), 1.0)
    >>> inset = overview[5:15, 10:20]
    >>> figure = inset_picture(inset, None, (5.0, 5.0), overview, None, (5.0, 5.0), found, "sem")
    >>> len(figure.axes)
    6
    """
    maps = np.asarray(image, dtype=np.float64)
    maps = maps[None] if maps.ndim == 2 else maps
    names = list(elements) or [f"map {k + 1}" for k in range(len(maps))]
    if len(names) != len(maps):
        raise ValueError(f"{len(maps)} maps need as many names; got {len(names)}")
    with style.context():
        fields = [cut_out(layer, spacing_um, mask) for layer in maps]
        field = fields[0]
        ground = np.asarray(overview, dtype=np.float64)
        whole = ground if overview_mask is None else np.where(overview_mask, ground, np.nan)
        # An overview finer than the inset is smoothed to the inset's pixels, against aliasing.
        ratio = min(field.spacing_um) / min(overview_spacing_um)
        smooth = whole if ratio <= 1.0 else blurred(whole, 0.4 * float(np.sqrt(ratio**2 - 1.0)))
        other = image_values_at(smooth, overview_spacing_um, registration.map(field.points))
        lines = heading("Inset in the overview", registration)
        aspect = field.values.shape[0] * field.spacing_um[0] / (field.values.shape[1] * field.spacing_um[1])
        blocks = own_blocks(registration)
        rows = 2 if blocks is None else 3
        figure, grid = panels(lines, registration, aspect, rows, 7.0 if kind == "edx" else 0.0)
        a, b, c, d, e, f = grid.ravel()[:6]
        _outline_panel(a, whole, overview_mask, overview_spacing_um, registration.map(field.corners_um))
        second = to_unit(other)
        inside = bool(np.isfinite(other).any())
        best = _closest(fields, other) if inside else 0
        first = to_unit(np.asarray(fields[best].values))
        picture, name = first, "inset"
        if kind == "edx":
            colours = element_colours(names)
            layers = np.stack([x.values for x in fields])
            picture = _mixed(layers, list(colours.values()))
            figure.legend(
                handles=[Patch(color=colours[k], label=k) for k in names],
                loc="outside lower center",
                ncols=min(len(names), 8),
            )
            name = "elements"
        show(c, picture, field.extent_um)
        style.panel_title(c, "c", "elements" if kind == "edx" else "inset")
        style.bare(c, "columns, u →", "← rows, v")
        style.scale_bar(c)
        if blocks is not None:
            show(grid[2, 0], muted(first), field.extent_um)
            shift_row(grid[2], "g", blocks, "inset", in_plane=True)
        if not inside:
            for axes, letter in ((b, "b"), (d, "d"), (e, "e"), (f, "f")):
                style.say_instead(axes, _OUTSIDE_OVERVIEW, 30)
                style.panel_title(axes, letter, "overview in the same place" if letter == "b" else "")
            return figure
        extent = field.extent_um
        show(b, second, extent)
        style.scale_bar(b)
        style.panel_title(b, "b", "overview in the same place")
        show(d, checkerboard(picture, second), extent)
        style.panel_title(d, "d", "checkerboard: do edges go on?")
        show(e, picture, extent)
        draw_edges(e, other, extent, 2.0)
        style.panel_title(e, "e", f"edges of the overview on the {name}")
        if kind == "edx":
            show(f, second, extent)
            draw_edges(f, np.asarray(fields[best].values), extent, 2.0)
            style.panel_title(f, "f", f"edges of {names[best]} on the overview")
            mark_pair((c, b), "elements", "overview")
        else:
            show(f, fusion(first, second), extent)
            style.scale_bar(f)
            mark_fusion(f, "inset", "overview")
            style.panel_title(f, "f", "inset magenta, overview green")
        return figure


def _mixed(layers: NDArray[np.float64], colours: Sequence[str]) -> NDArray[np.float64]:
    """Colour mixture of element maps, NaN where a map has nothing."""
    mixed = composite(layers, colours)
    mixed[np.isnan(layers).any(axis=0)] = np.nan
    return mixed


def _closest(fields: Sequence[FieldOfView], other: NDArray[np.float64]) -> int:
    """Return the map whose values follow the other picture's most closely, rising or falling."""
    strength = []
    for field in fields:
        both = shared(field.values, other)
        pair = np.stack([blurred(np.asarray(field.values), 1.5)[both], other[both]])
        varies = pair.shape[1] > 1 and bool(np.all(np.ptp(pair, axis=1) > 0.0))
        strength.append(abs(float(np.asarray(np.corrcoef(pair))[0, 1])) if varies else 0.0)
    return int(np.argmax(strength))


def _outline_panel(
    axes: Axes,
    overview: NDArray[np.float64],
    mask: NDArray[np.bool_] | None,
    spacing_um: Sequence[float],
    corners: Points,
) -> None:
    field = cut_out(overview, spacing_um, mask)
    show(axes, to_unit(np.asarray(field.values)), field.extent_um)
    for colour, width in (("black", 2.4), (EDGE, 1.3)):
        axes.add_patch(Polygon(corners[:, :2], closed=True, fill=False, edgecolor=colour, linewidth=width))
    left, right, bottom, top = field.extent_um
    # An outline that leaves the overview is shown whole, with a little room around it.
    room = 0.02 * (right - left)
    low, high = corners[:, :2].min(axis=0), corners[:, :2].max(axis=0)
    axes.set_xlim(left if low[0] >= left else low[0] - room, right if high[0] <= right else high[0] + room)
    axes.set_ylim(bottom if high[1] <= bottom else high[1] + room, top if low[1] >= top else low[1] - room)
    axes.set_facecolor(style.PAPER)
    style.panel_title(axes, "a", "overview with the inset's outline")
    style.scale_bar(axes)
