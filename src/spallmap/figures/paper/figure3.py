"""Figure 3: T2 maps with their errors and histograms."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from matplotlib.colors import Normalize
from numpy.typing import NDArray

from spallmap.figures import style
from spallmap.figures.drawing import Drawing
from spallmap.figures.panels import mri_image, pixel_outline, signal_box
from spallmap.figures.paper.histograms import (
    compared_widths,
    draw_histogram,
    draw_widths,
    histogram_title,
    short,
)
from spallmap.results.records import MriRecord

# Heights of a state's row, of the panel of widths, and what each state beyond the second adds to it.
ROW_MM = 58.0
WIDTHS_MM = 30.0
STATE_MM = 7.0
# Standard error that is drawn in the brightest colour: beyond half of T2 a pixel alone says nothing.
HIGHEST_ERROR_PERCENT = 50.0
_EMPTY = "#E6E6E6"
# Rows are figures of their own, whose titles would else touch the page's edge.
_PAD_INCHES = 0.1


def t2_figure(series: Sequence[MriRecord]) -> Drawing:
    """Draw figure 3: the T2 map of every state on one colour scale, its errors, and its histogram.

    Parameters
    ----------
    series : sequence of MriRecord
        One per state, in the order to show; may be empty.

    Returns
    -------
    Drawing
        Numbers: ``maps``, one row per pixel, ``histograms``, one row per state and bin, and ``widths``, one
        row per state, where there are several whose width is known.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.results.records import MriRecord
    >>> maps = {"t2_ms": np.full((4, 5), 7.0)}
    >>> drawing = t2_figure([MriRecord("shorted", "t2", np.ones((2, 4, 5)), (2.0, 6.0), (20.0, 20.0), maps)])
    >>> table = drawing.numbers["histograms"]
    >>> table.loc[table["pixels"] > 0, ["edge_low_ms", "edge_high_ms", "pixels"]].to_numpy().tolist()
    [[7.0, 7.5, 20.0]]
    """
    with style.context():
        if not series:
            figure = style.new_figure("double", 30.0)
            style.say_instead(figure.subplots(), "No MRI of this cell.", 70)
            return Drawing(figure)
        planes = [s.plane() for s in series]
        compared = bool(compared_widths(series))
        n = len(planes)
        heights = [ROW_MM] * n + ([WIDTHS_MM + STATE_MM * (n - 2)] if compared else [])
        figure = style.new_figure("double", sum(heights) + 4.0)
        figure.set_layout_engine("constrained", h_pad=_PAD_INCHES, w_pad=_PAD_INCHES)
        rows = list(figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights).ravel())
        box = signal_box(planes)
        # Twice the threshold on top, for every cell, so that maps of different cells can be laid side by
        # side.
        norm = Normalize(0.0, 2.0 * max(p.long_ms for p in planes))
        letters = iter("abcdefghijklmnopqrstuvwxyz")
        histograms = []
        for row, whole, plane in zip(rows[:n], series, planes, strict=True):
            left, right = row.subfigures(1, 2, width_ratios=(1.3, 1.0))
            first, second = left.subplots(1, 2)
            _t2_map(first, plane, box, norm, next(letters), _regions_in_words(whole))
            _error_map(second, plane, box, next(letters))
            third = right.subplots()
            histograms.append(draw_histogram(third, whole))
            style.panel_title(third, next(letters), histogram_title(whole))
        numbers = {"maps": _pixels(planes), "histograms": pd.concat(histograms, ignore_index=True)}
        if compared:
            last = rows[n].subplots()
            numbers["widths"] = draw_widths(last, series)
            style.panel_title(last, next(letters), "width of the electrode's peak")
        return Drawing(figure, numbers)


def _t2_map(
    axes: Axes,
    mri: MriRecord,
    box: tuple[float, float, float, float],
    norm: Normalize,
    letter: str,
    regions: str,
) -> None:
    threshold = mri.long_ms
    bar = _map(axes, mri, np.asarray(mri.t2["t2_ms"]), box, style.T2_MAP, norm)
    bar.set_label(r"$T_2$ / ms")
    bar.ax.axvline(threshold, color="white", lw=2.2)
    bar.ax.axvline(threshold, color="black", lw=1.0)
    style.panel_title(axes, letter, f"{short(mri.state)}: {regions}")
    if mri.remark:
        style.note(axes, mri.remark)


def _error_map(axes: Axes, mri: MriRecord, box: tuple[float, float, float, float], letter: str) -> None:
    """Draw the standard error of each pixel's T2 in percent of it."""
    style.panel_title(axes, letter, f"{short(mri.state)}: error of one pixel")
    if "t2_se_ms" not in mri.t2:
        style.say_instead(axes, "No errors are given with this map.")
        style.panel_title(axes, letter, f"{short(mri.state)}: error of one pixel")
        return
    with np.errstate(divide="ignore", invalid="ignore"):
        percent = 100.0 * np.asarray(mri.t2["t2_se_ms"]) / np.asarray(mri.t2["t2_ms"])
    bar = _map(axes, mri, percent, box, style.DEPTH_MAP, Normalize(0.0, HIGHEST_ERROR_PERCENT))
    bar.set_label(r"standard error / % of $T_2$")


def _map(
    axes: Axes,
    mri: MriRecord,
    values: NDArray[np.float64],
    box: tuple[float, float, float, float],
    colours: str,
    norm: Normalize,
) -> Colorbar:
    cmap = mpl.colormaps[colours].with_extremes(bad=_EMPTY)
    shown = np.where(mri.usable(), values, np.nan)
    picture = mri_image(axes, mri, shown, box, cmap=cmap.name, norm=norm)
    picture.set_cmap(cmap)
    if mri.regions is not None:
        pixel_outline(axes, mri.regions, mri.spacing_um, linewidth=0.6)
    style.scale_bar(axes, ground="light")
    bar = axes.figure.colorbar(picture, ax=axes, extend="max", location="bottom", shrink=0.9, aspect=28)
    bar.outline.set_visible(False)
    return bar


def _regions_in_words(mri: MriRecord) -> str:
    n = 0 if mri.regions is None else len(np.unique(mri.regions)) - int(0 in mri.regions)
    if mri.regions is None:
        return "regions not sought"
    return {0: "no long-T2 region", 1: "1 long-T2 region"}.get(n, f"{n} long-T2 regions")


def _pixels(planes: Sequence[MriRecord]) -> pd.DataFrame:
    tables = []
    for mri in planes:
        t2 = np.asarray(mri.t2["t2_ms"])
        rows, columns = np.indices(t2.shape)
        table = pd.DataFrame({"state": mri.state, "row": rows.ravel(), "column": columns.ravel()})
        for name, channel in mri.t2.items():
            table[name] = np.asarray(channel).ravel()
        table["shown"] = mri.usable().ravel()
        table["region"] = 0 if mri.regions is None else np.asarray(mri.regions).ravel()
        tables.append(table)
    return pd.concat(tables, ignore_index=True)
