"""Ways of laying two pictures of the same place over each other, and the line that gives the verdict."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu

from spallmap.figures import style
from spallmap.frames import Points, grid_points
from spallmap.registration.result import Registration

# More samples along a side than this are finer than the print.
LONGEST_SIDE = 800
# Squares along the longer side of a checkerboard: edges cross many borders, each square is still readable.
SQUARES = 8
EDGE = style.OKABE_ITO["yellow"]
VERDICT_COLOURS = {"accepted": style.OKABE_ITO["blue"], "refused": style.OKABE_ITO["vermillion"]}
# Letters of the heading that fit across 178 mm.
HEADING_CHARS = 112
REASONS_SHOWN = 3
LINE_MM = 3.6
# A spot that crosses the threshold by less than this fraction of the contrast is not outlined.
LEAST_DEPTH = 0.2
COLUMN_MM = style.DOUBLE_COLUMN_MM / 3.0
TITLE_MM = 6.0
_EMPTY = 0.93
# A space that no line is broken at.
_JOINT = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class FieldOfView:
    """The part of an image that shows specimen, at a resolution fit for print.

    Parameters
    ----------
    values : ndarray, shape (ny, nx) or (ny, nx, 3)
        Samples; NaN outside the mask.
    points : ndarray, shape (ny, nx, 3)
        Where they lie in the image's own frame.
    spacing_um : tuple of float
        Along y, x.
    """

    values: NDArray[np.float64]
    points: Points
    spacing_um: tuple[float, float]

    @property
    def extent_um(self) -> tuple[float, float, float, float]:
        """Outer edges for ``imshow(origin="upper")``: left, right, bottom, top."""
        (dy, dx), first, last = self.spacing_um, self.points[0, 0], self.points[-1, -1]
        return (
            float(first[0]) - dx / 2.0,
            float(last[0]) + dx / 2.0,
            float(last[1]) + dy / 2.0,
            float(first[1]) - dy / 2.0,
        )

    @property
    def corners_um(self) -> Points:
        """The four outer corners in the image's own frame, in turn, shape (4, 3)."""
        left, right, bottom, top = self.extent_um
        return np.array([(left, top, 0.0), (right, top, 0.0), (right, bottom, 0.0), (left, bottom, 0.0)])


def cut_out(
    image: NDArray[Any],
    spacing_um: Sequence[float],
    mask: NDArray[np.bool_] | None = None,
    longest: int = LONGEST_SIDE,
) -> FieldOfView:
    """Cut the specimen out of an image and average its pixels to at most `longest` along a side.

    Parameters
    ----------
    image : ndarray, shape (ny, nx)
        Grey values.
    spacing_um : sequence of float
        Along y, x.
    mask : ndarray of bool, shape (ny, nx), optional
        False where there is no specimen, such as in a data bar.
    longest : int
        Most samples along a side.

    Returns
    -------
    FieldOfView
        Over the mask's bounding box; the whole image where the mask is empty or absent.
    """
    values = np.asarray(image, dtype=np.float64)
    rows, columns = slice(0, values.shape[0]), slice(0, values.shape[1])
    if mask is not None and mask.any():
        values = np.where(mask, values, np.nan)
        inside = ndimage.find_objects(mask.astype(np.int8))[0]
        rows, columns = inside[0], inside[1]
    points = grid_points(values.shape, spacing_um)[rows, columns]
    values = values[rows, columns]
    k = max(1, math.ceil(max(values.shape) / longest))
    dy, dx = (float(s) for s in spacing_um)
    return FieldOfView(_binned(values[..., None], k)[..., 0], _binned(points, k), (dy * k, dx * k))


def _binned(values: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """Mean over blocks of k by k samples, shape (ny // k, nx // k, n); a rest at the edge is left out."""
    if k == 1:
        return values
    ny, nx, n = values.shape[0] // k, values.shape[1] // k, values.shape[2]
    blocks = values[: ny * k, : nx * k].reshape(ny, k, nx, k, n)
    return np.asarray(blocks.mean(axis=(1, 3)))


def to_unit(values: NDArray[np.float64], limits: tuple[float, float] | None = None) -> NDArray[np.float64]:
    """Stretch grey values to 0 to 1 between `limits`, their own percentiles where absent; NaN stays."""
    low, high = style.grey_range(values) if limits is None else limits
    return np.asarray(((values - low) / (high - low)).clip(0.0, 1.0))


def _in_colour(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert a picture of greys from 0 to 1 to red, green, blue; a coloured one stays, NaN becomes pale."""
    rgb = np.repeat(values[..., None], 3, axis=2) if values.ndim == 2 else values
    return np.where(np.isfinite(rgb), rgb, _EMPTY)


def checkerboard(
    first: NDArray[np.float64], second: NDArray[np.float64], squares: int = SQUARES
) -> NDArray[np.float64]:
    """Show two pictures in turn in the squares of a board.

    Parameters
    ----------
    first, second : ndarray, shape (ny, nx) or (ny, nx, 3)
        From 0 to 1, on the same samples; NaN where there is nothing. The square in the upper left corner
        shows the first.
    squares : int
        Number of squares along the longer side.

    Returns
    -------
    ndarray, shape (ny, nx, 3)
        Pale where either has nothing.
    """
    ny, nx = first.shape[:2]
    side = max(1, math.ceil(max(ny, nx) / squares))
    odd = ((np.arange(ny)[:, None] // side + np.arange(nx)[None, :] // side) % 2).astype(bool)
    board = np.where(odd[..., None], _in_colour(second), _in_colour(first))
    return np.where(shared(first, second)[..., None], board, _EMPTY)


def fusion(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Show one grey picture in magenta and another in green: grey where they agree.

    Parameters
    ----------
    first, second : ndarray, shape (ny, nx)
        From 0 to 1, on the same samples; NaN where there is nothing.

    Returns
    -------
    ndarray, shape (ny, nx, 3)
        Pale where either has nothing.
    """
    mixed = np.stack([first, second, first], axis=-1)
    return np.where(shared(first, second)[..., None], mixed, _EMPTY)


def shared(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Find the samples where both pictures have a value, shape (ny, nx)."""
    has = [np.isfinite(v) if v.ndim == 2 else np.isfinite(v).all(axis=-1) for v in (first, second)]
    return np.asarray(has[0] & has[1])


def blurred(values: NDArray[np.float64], blur: float) -> NDArray[np.float64]:
    """Smooth a picture by a Gaussian of `blur` samples without drawing anything in from where it has NaN."""
    has = np.isfinite(values)
    weight = ndimage.gaussian_filter(has.astype(np.float64), blur)
    total = ndimage.gaussian_filter(np.where(has, values, 0.0), blur)
    return np.where(has, total / np.maximum(weight, 1e-9), np.nan)


def draw_edges(
    axes: Axes,
    values: NDArray[np.float64],
    extent: Sequence[float],
    blur: float = 1.0,
    colour: str = EDGE,
) -> bool:
    """Draw the line that separates a picture's bright from its dark material, rows running down.

    Parameters
    ----------
    axes : Axes
        The panel.
    values : ndarray, shape (ny, nx)
        Whose edges to draw; NaN where there is nothing.
    extent : sequence of float
        left, right, bottom, top.
    blur : float
        Gaussian smoothing before, in samples.
    colour : str
        Of the line.

    Returns
    -------
    bool
        False where there is only one grey and so no edge.

    References
    ----------
    Otsu, "A threshold selection method from gray-level histograms", IEEE Trans. Syst. Man Cybern. 9 (1979),
    62.
    """
    has = np.isfinite(values)
    if not has.any() or np.ptp(values[has]) == 0.0:
        return False
    smooth = np.nan_to_num(blurred(values, blur))
    level = float(threshold_otsu(smooth[has]))
    smooth = _without_islands(smooth, has, level)
    left, right, bottom, top = extent
    ny, nx = values.shape
    x = left + (np.arange(nx) + 0.5) * (right - left) / nx
    y = top + (np.arange(ny) + 0.5) * (bottom - top) / ny
    lines = axes.contour(
        x, y, np.ma.masked_array(smooth, ~has), levels=[level], colors=[colour], linewidths=0.7
    )
    lines.set_path_effects([patheffects.withStroke(linewidth=1.5, foreground="black")])
    return True


def _without_islands(
    smooth: NDArray[np.float64], has: NDArray[np.bool_], level: float
) -> NDArray[np.float64]:
    """Fold spots that hardly cross the level back over it: they are texture or noise, not edges."""
    above, below = has & (smooth > level), has & (smooth <= level)
    if not above.any() or not below.any():
        return smooth
    contrast = float(smooth[above].mean() - smooth[below].mean())
    distance = np.abs(smooth - level)
    for side in (above, below):
        labels, n = ndimage.label(side)
        depth = np.concatenate([[np.inf], ndimage.maximum(distance, labels, np.arange(1, n + 1))])
        smooth = np.where((depth < LEAST_DEPTH * contrast)[labels], 2.0 * level - smooth, smooth)
    return smooth


def show(axes: Axes, picture: NDArray[np.float64], extent: Sequence[float]) -> None:
    """Draw a picture of values from 0 to 1 in micrometres of its own frame, rows running down."""
    left, right, bottom, top = extent
    axes.imshow(_in_colour(picture), origin="upper", extent=(left, right, bottom, top))
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    style.bare(axes)


def heading(what: str, registration: Registration) -> list[str]:
    """Put a registration's verdict and numbers into words.

    Parameters
    ----------
    what : str
        What was registered to what.
    registration : Registration
        The outcome.

    Returns
    -------
    list of str
        Lines that fit across a figure of two columns: the verdict first, then score and standard errors,
        then the first reasons of a refusal.
    """
    result = registration
    verdict = "ACCEPTED" if result.accepted else "REFUSED, nothing may depend on it"
    score = "no score"
    if result.score is not None:
        meaning = result.diagnostics.score_is
        score = f"score {result.score:.3g}" + (f" ({meaning})" if meaning else "")
    numbers = [score]
    if result.runner_up is not None:
        rival = result.runner_up
        away = f"{rival.differs_by_um:.0f}{_JOINT}µm and {rival.differs_by_deg:.1f}° away"
        numbers.append(f"next best {rival.score:.3g}, {away}")
    errors = [_errors(result)]
    if result.tre_um is not None:
        errors.append(f"error at landmarks {result.tre_um:.3g}{_JOINT}µm")
    lines = [f"{what}: {verdict}", "; ".join(numbers), "; ".join(errors)]
    if not result.accepted:
        reasons = list(result.reasons[:REASONS_SHOWN])
        left = len(result.reasons) - len(reasons)
        if left:
            reasons.append(f"and {left} more reason{'s' if left > 1 else ''}")
        lines.append("Why: " + "; ".join(reasons))
    return [part for line in lines for part in textwrap.wrap(line, HEADING_CHARS)]


def _errors(registration: Registration) -> str:
    se = registration.se_um
    named = (("u", se.u), ("v", se.v), ("normal", se.normal))
    if all(value is None for _, value in named):
        return "standard error not estimated" if not registration.accepted else "position not observable"
    words = [f"{name} {'not observable' if v is None else f'{v:.2g}{_JOINT}µm'}" for name, v in named]
    return f"standard error {', '.join(words)}"


def set_heading(figure: Figure, lines: Sequence[str], verdict: str) -> None:
    """Write the heading above a figure, in the verdict's colour."""
    figure.suptitle(
        style.plain("\n".join(lines)),
        x=0.01,
        ha="left",
        fontsize=7.5,
        color=VERDICT_COLOURS[verdict],
        linespacing=1.25,
    )


def panels(
    lines: Sequence[str], registration: Registration, aspect: float, rows: int, legend_mm: float = 0.0
) -> tuple[Figure, NDArray[Any]]:
    """Lay out three panels a row below a heading.

    Parameters
    ----------
    lines : sequence of str
        As from :func:`heading`.
    registration : Registration
        Its verdict gives the colour.
    aspect : float
        Height of the pictures over their width.
    rows : int
        Rows of panels.
    legend_mm : float
        Height to keep for a legend below.

    Returns
    -------
    tuple of Figure and ndarray
        The figure and its axes, shape (rows, 3).
    """
    panel_mm = float(np.clip((COLUMN_MM - 4.0) * aspect, 22.0, 62.0)) + TITLE_MM
    figure = style.new_figure("double", LINE_MM * (len(lines) + 1) + rows * panel_mm + 5.0 + legend_mm)
    set_heading(figure, lines, registration.verdict)
    grid: NDArray[Any] = figure.subplots(rows, 3, squeeze=False)
    for axes in grid.flat:
        axes.set_anchor("N")
    return figure, grid
