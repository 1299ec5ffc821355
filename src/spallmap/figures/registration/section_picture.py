"""Picture that lets a person judge how a section lies in its tomogram."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from spallmap.figures import style
from spallmap.figures.registration.agreement import (
    FieldOfView,
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
from spallmap.figures.registration.pairs import mark_fusion
from spallmap.figures.registration.residuals import (
    muted,
    own_blocks,
    shift_row,
)
from spallmap.frames import sample_volume
from spallmap.registration.diagnostics import Rival
from spallmap.registration.result import Registration

RIVALS_SHOWN = 3
_OUTSIDE_TOMOGRAM = "No part of the image's field lies inside the tomogram here."


def section_picture(
    image: NDArray[Any],
    mask: NDArray[np.bool_] | None,
    spacing_um: Sequence[float],
    grey_volume: NDArray[Any],
    volume_spacing_um: Sequence[float],
    registration: Registration,
) -> Figure:
    """Draw a section image beside and over the tomogram cut in its plane.

    Parameters
    ----------
    image : ndarray, shape (ny, nx)
        Grey values of the section.
    mask : ndarray of bool, shape (ny, nx), optional
        False in the data bar.
    spacing_um : sequence of float
        Along y, x.
    grey_volume : ndarray, shape (nz, ny, nx)
        The tomogram.
    volume_spacing_um : sequence of float
        Its spacing along z, y, x.
    registration : Registration
        From the image's frame to the tomogram's. The first three rivals of its diagnostics are shown.

    Returns
    -------
    Figure
        Image, tomogram, checkerboard, fusion, edges both ways, the cuts of the rivals, and what is left to
        shift in each block where the diagnostics hold it.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.frames import AffineMap
    >>> from spallmap.registration.result import Registration
    >>> known = Registration(AffineMap.identity(), "known", "accepted", (), 1.0)
    >>> volume = np.sin(np.arange(1920.0)).reshape(8, 12, 20)
    >>> figure = section_picture(volume[0], None, (5.0, 5.0), volume, (5.0, 5.0, 5.0), known)
    >>> for axes in figure.axes[:3]:
    ...     print(axes.get_title(loc="left").split("$   ")[-1])
    section image
    tomogram in the same place
    checkerboard: do edges go on?
    """
    with style.context():
        field = cut_out(image, spacing_um, mask)
        rivals = list(registration.diagnostics.rivals)[:RIVALS_SHOWN]
        lines = heading("Section in the tomogram", registration)
        aspect = field.values.shape[0] * field.spacing_um[0] / (field.values.shape[1] * field.spacing_um[1])
        blocks = own_blocks(registration)
        rows = 2 + bool(rivals) + (blocks is not None)
        figure, grid = panels(lines, registration, aspect, rows)
        other = sample_volume(grey_volume, volume_spacing_um, registration.map(field.points), outside=np.nan)
        blur = 0.5 * float(np.mean(volume_spacing_um)) / min(field.spacing_um)
        own = np.asarray(field.values)
        limits = style.grey_range(np.asarray(grey_volume)[::4, ::4, ::4], 0.1, 99.9)
        first, second = to_unit(own), to_unit(other, limits)
        show(grid[0, 0], first, field.extent_um)
        style.panel_title(grid[0, 0], "a", "section image")
        style.bare(grid[0, 0], "columns, u →", "← rows, v")
        style.scale_bar(grid[0, 0])
        _pair(list(grid.ravel()[1:6]), field, first, second, ("section", "tomogram"), blur, _OUTSIDE_TOMOGRAM)
        volume = (grey_volume, volume_spacing_um, limits)
        for k, axes in enumerate(grid[2] if rivals else ()):
            if k < len(rivals):
                _rival(axes, k, rivals[k], field, volume)
            else:
                axes.set_visible(False)
        if blocks is not None:
            show(grid[-1, 0], muted(first), field.extent_um)
            shift_row(grid[-1], "j" if rivals else "g", blocks, "section")
        return figure


def _pair(
    panels: Sequence[Axes],
    field: FieldOfView,
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    names: tuple[str, str],
    blur: float,
    outside: str,
) -> None:
    """Second picture, checkerboard, fusion, and each one's edges on the other, as panels b to f."""
    common = shared(first, second)
    if not common.any():
        for axes in panels:
            style.say_instead(axes, outside, 30)
        for axes, letter in zip(panels, "bcdef", strict=True):
            style.panel_title(axes, letter, names[1] if letter == "b" else "")
        return
    extent = field.extent_um
    b, c, d, e, f = panels
    show(b, second, extent)
    style.panel_title(b, "b", f"{names[1]} in the same place")
    inside = common.sum() / np.isfinite(first).sum()
    if inside < 0.995:
        style.note(b, f"{100.0 * inside:.0f} % of the field inside")
    show(c, checkerboard(first, second), extent)
    style.panel_title(c, "c", "checkerboard: do edges go on?")
    show(d, fusion(first, second), extent)
    style.scale_bar(d)
    mark_fusion(d, *names)
    style.panel_title(d, "d", f"{names[0]} magenta, {names[1]} green")
    for axes, letter, ground, edges, on, of in (
        (e, "e", first, second, names[0], names[1]),
        (f, "f", second, first, names[1], names[0]),
    ):
        show(axes, ground, extent)
        drawn = draw_edges(axes, np.where(common, edges, np.nan), extent, blur)
        style.panel_title(axes, letter, f"edges of {of} on {on}")
        if not drawn:
            style.note(axes, f"{of}: one grey only, no edges")


def _rival(
    axes: Axes,
    rank: int,
    rival: Rival,
    field: FieldOfView,
    volume: tuple[NDArray[Any], Sequence[float], tuple[float, float]],
) -> None:
    """Draw the tomogram where another solution would put the image."""
    grey, spacing, limits = volume
    step = 2 if min(field.points.shape[:2]) > 100 else 1
    points = field.points[::step, ::step]
    values = np.full(points.shape[:2], np.nan)
    if rival.map is not None:
        values = sample_volume(grey, spacing, rival.map(points), outside=np.nan)
    if np.isfinite(values).any():
        show(axes, to_unit(values, limits), field.extent_um)
    else:
        style.say_instead(axes, _OUTSIDE_TOMOGRAM, 30)
    numbers = [] if rival.score is None else [f"{rival.score:.3g}"]
    if rival.differs_by_um is not None:
        numbers.append(f"{rival.differs_by_um:.0f} µm away")
    style.panel_title(axes, "ghi"[rank], f"rival {rank + 1}: {', '.join(numbers) or rival.name}")
