"""Pictures that let a person judge a registration: what was laid on what, and how well it lies."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from spallmap.figures import style
from spallmap.figures.agreement import (
    LINE_MM,
    LONGEST_SIDE,
    TITLE_MM,
    Field,
    checkerboard,
    cut_out,
    draw_edges,
    fusion,
    heading,
    panels,
    set_heading,
    shared,
    show,
    to_unit,
)
from spallmap.figures.check_inset import inset_picture
from spallmap.figures.check_projection import projection_picture
from spallmap.figures.pairs import mark_fusion
from spallmap.figures.residuals import (
    across_bar,
    draw_key,
    draw_shifts,
    fixed_blocks,
    median_words,
    muted,
    own_blocks,
    shift_row,
    shift_scale,
)
from spallmap.frames import AffineMap, Points, displacement_um, grid_centre, indices_to_points, sample_volume
from spallmap.registration.result import Registration

__all__ = [
    "inset_picture",
    "projection_picture",
    "refused_picture",
    "section_picture",
    "volume_picture",
]

CANDIDATES_SHOWN = 3
REFUSED_CHARS = 105
_OUTSIDE_TOMOGRAM = "No part of the image's field lies inside the tomogram here."
_OUTSIDE_FIXED = "No part of the other tomogram lies in this plane."


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
        From the image's frame to the tomogram's. Where the diagnostics hold ``candidates``, each with
        ``matrix`` and ``score``, the first three are shown.

    Returns
    -------
    Figure
        Image, tomogram, checkerboard, fusion, edges both ways, the candidates' cuts, and what is left to
        shift in each block where the diagnostics hold it.
    """
    with style.context():
        field = cut_out(image, spacing_um, mask)
        candidates = list(registration.diagnostics.get("candidates", ()))[:CANDIDATES_SHOWN]
        lines = heading("Section in the tomogram", registration, "share of contrast explained")
        aspect = field.values.shape[0] * field.spacing_um[0] / (field.values.shape[1] * field.spacing_um[1])
        blocks = own_blocks(registration)
        rows = 2 + bool(candidates) + (blocks is not None)
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
        for k, axes in enumerate(grid[2] if candidates else ()):
            if k < len(candidates):
                _candidate(axes, k, candidates[k], registration.map, field, volume)
            else:
                axes.set_visible(False)
        if blocks is not None:
            show(grid[-1, 0], muted(first), field.extent_um)
            shift_row(grid[-1], "j" if candidates else "g", blocks, "section")
        return figure


def _pair(
    panels: Sequence[Axes],
    field: Field,
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
    share = common.sum() / np.isfinite(first).sum()
    if share < 0.995:
        style.note(b, f"{100.0 * share:.0f} % of the field inside")
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


def _candidate(
    axes: Axes,
    rank: int,
    candidate: dict[str, Any],
    reported: AffineMap,
    field: Field,
    volume: tuple[NDArray[Any], Sequence[float], tuple[float, float]],
) -> None:
    """Draw the tomogram where another solution would put the image."""
    grey, spacing, limits = volume
    place = AffineMap(np.asarray(candidate["matrix"], dtype=np.float64))
    step = 2 if min(field.points.shape[:2]) > 100 else 1
    points = field.points[::step, ::step]
    values = sample_volume(grey, spacing, place(points), outside=np.nan)
    away = float(displacement_um(place, reported, points).mean())
    if np.isfinite(values).any():
        show(axes, to_unit(values, limits), field.extent_um)
    else:
        style.say_instead(axes, _OUTSIDE_TOMOGRAM, 30)
    where = "the reported one" if away < 0.5 else f"{away:.0f} µm away"
    style.panel_title(axes, "ghi"[rank], f"candidate {rank + 1}: {float(candidate['score']):.3g}, {where}")


def volume_picture(
    moving_grey: NDArray[Any],
    moving_spacing_um: Sequence[float],
    fixed_grey: NDArray[Any],
    fixed_spacing_um: Sequence[float],
    registration: Registration,
) -> Figure:
    """Draw two tomograms over each other in the three middle planes of the fixed one.

    Parameters
    ----------
    moving_grey : ndarray, shape (nz, ny, nx)
        The tomogram that was registered, on the common grey scale.
    moving_spacing_um : sequence of float
        Its spacing along z, y, x.
    fixed_grey : ndarray, shape (mz, my, mx)
        The tomogram that it was registered to, on the same scale.
    fixed_spacing_um : sequence of float
        Its spacing along z, y, x.
    registration : Registration
        From the moving tomogram's frame to the fixed one's.

    Returns
    -------
    Figure
        One column per plane: checkerboard, colour fusion, and what is left to shift in each block where the
        diagnostics hold it.
    """
    with style.context():
        lines = heading("Tomogram in the tomogram", registration, "correlation")
        fixed, to_moving = np.asarray(fixed_grey), registration.map.inverse()
        spans = [n * s for n, s in zip(fixed.shape, fixed_spacing_um, strict=True)]
        # Equal heights: each column as wide as its plane's shape asks for.
        widths = [spans[2] / spans[1], spans[2] / spans[0], spans[1] / spans[0]]
        panel_mm = (style.DOUBLE_COLUMN_MM - 16.0) / sum(widths)
        blocks = fixed_blocks(registration)
        rows, below_mm = (2, 0.0) if blocks is None else (3, 9.0)
        height = LINE_MM * (len(lines) + 1) + rows * (min(panel_mm, 75.0) + TITLE_MM + 4.0) + below_mm
        figure = style.new_figure("double", height)
        set_heading(figure, lines, registration.verdict)
        grid = figure.subplots(rows, 3, width_ratios=widths)
        scale = None if blocks is None else shift_scale(blocks, min(spans))
        limits = style.grey_range(fixed[::4, ::4, ::4], 0.1, 99.9)
        middle = grid_centre(fixed.shape, fixed_spacing_um)[::-1]
        for k, (normal, sides) in enumerate((("z", "xy"), ("y", "xz"), ("x", "yz"))):
            points, extent = _middle_plane(fixed.shape, fixed_spacing_um, "zyx".index(normal))
            first = to_unit(sample_volume(fixed, fixed_spacing_um, points), limits)
            moved = sample_volume(moving_grey, moving_spacing_um, to_moving(points), outside=np.nan)
            second = to_unit(moved, limits)
            board, mixed = grid[0, k], grid[1, k]
            if shared(first, second).any():
                show(board, checkerboard(first, second), extent)
                show(mixed, fusion(first, second), extent)
                style.scale_bar(board)
                style.scale_bar(mixed)
                mark_fusion(
                    mixed, "reference", "registered", f"{normal} = {middle['zyx'.index(normal)]:.0f} µm"
                )
            else:
                style.say_instead(board, _OUTSIDE_FIXED, 28)
                style.say_instead(mixed, _OUTSIDE_FIXED, 28)
            kind = ", checkerboard" if k == 1 else ""
            style.panel_title(board, "abc"[k], f"{normal} = {middle['zyx'.index(normal)]:.0f} µm{kind}")
            style.panel_title(mixed, "def"[k], ("colour fusion", "magenta: fixed", "green: moving")[k])
            for axes in (board, mixed):
                style.bare(axes, f"{sides[0]} →", f"{sides[1]} →")
            if blocks is not None and scale is not None:
                left = grid[2, k]
                show(left, muted(first), extent)
                order = ["xyz".index(axis) for axis in (*sides, normal)]
                draw_shifts(left, blocks.turned(order).near(middle["zyx".index(normal)]), scale)
                style.bare(left, f"{sides[0]} →", f"{sides[1]} →")
                shown = (
                    "what is left to shift",
                    f"by block, enlarged {scale.enlarged:g} times",
                    median_words(blocks),
                )[k]
                style.panel_title(left, "ghi"[k], shown)
                if k == 0:
                    draw_key(left, scale)
        if scale is not None:
            across_bar(
                list(grid[2]), scale, "shift left in the block, across the plane / µm", shrink=0.5, aspect=50
            )
        return figure


def _middle_plane(
    shape: Sequence[int], spacing_um: Sequence[float], axis: int
) -> tuple[Points, tuple[float, float, float, float]]:
    """Points of a volume's middle plane, the first row at the top, and its extent."""
    samples = []
    for n in shape:
        step = max(1, -(-n // LONGEST_SIDE))
        samples.append(np.arange(0, n, step, dtype=np.float64))
    samples[axis] = np.array([(shape[axis] - 1) / 2.0])
    indices = np.stack(np.meshgrid(*samples, indexing="ij"), axis=-1).squeeze(axis)
    points = indices_to_points(indices, spacing_um)[::-1]
    row, column = (k for k in range(3) if k != axis)
    low, high = ([s[e] * d for s, d in zip(samples, spacing_um, strict=True)] for e in (0, -1))
    half = [
        (s[1] - s[0]) * d / 2.0 if len(s) > 1 else d / 2.0 for s, d in zip(samples, spacing_um, strict=True)
    ]
    extent = (
        float(low[column] - half[column]),
        float(high[column] + half[column]),
        float(low[row] - half[row]),
        float(high[row] + half[row]),
    )
    return points, extent


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
