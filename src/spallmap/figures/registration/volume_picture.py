"""Picture that lets a person judge how one tomogram lies on another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from spallmap.figures import style
from spallmap.figures.registration.agreement import (
    LINE_MM,
    LONGEST_SIDE,
    TITLE_MM,
    checkerboard,
    fusion,
    heading,
    set_heading,
    shared,
    show,
    to_unit,
)
from spallmap.figures.registration.pairs import mark_fusion
from spallmap.figures.registration.residuals import (
    across_bar,
    along,
    draw_key,
    draw_shifts,
    fixed_blocks,
    median_words,
    muted,
    near_plane,
    shift_scale,
)
from spallmap.frames import Points, grid_centre, indices_to_points, sample_volume
from spallmap.registration.result import Registration

_OUTSIDE_FIXED = "No part of the other tomogram lies in this plane."


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

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.frames import AffineMap
    >>> from spallmap.registration.result import Registration
    >>> known = Registration(AffineMap.identity(), "known", "accepted", (), 1.0)
    >>> grey = np.sin(np.arange(1536.0)).reshape(8, 12, 16)
    >>> figure = volume_picture(grey, (5.0, 5.0, 5.0), grey, (5.0, 5.0, 5.0), known)
    >>> len(figure.axes)
    6
    """
    with style.context():
        lines = heading("Tomogram in the tomogram", registration)
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
                draw_shifts(left, near_plane(along(blocks, order), middle["zyx".index(normal)]), scale)
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
