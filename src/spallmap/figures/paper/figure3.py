"""Figure 3: T2 maps with their errors, histograms and misfit."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from matplotlib.colors import ListedColormap, Normalize
from numpy.typing import NDArray
from scipy import ndimage

from spallmap.figures import style
from spallmap.figures.drawing import Drawing
from spallmap.figures.layout import RepeatableLayout
from spallmap.figures.panels import mri_image, pixel_outline, signal_box
from spallmap.figures.paper.histograms import (
    compared_widths,
    draw_histogram,
    draw_widths,
    histogram_title,
    short,
)
from spallmap.relaxometry import FitStatus
from spallmap.results.records import SNR_SHOWN, MriRecord

# Heights of a state's row, of the row of misfits, of the panel of widths, and what each state beyond the
# second adds to it.
ROW_MM = 58.0
MISFIT_MM = 52.0
WIDTHS_MM = 30.0
STATE_MM = 7.0
# Standard error that is drawn in the brightest colour: beyond half of T2 a pixel alone says nothing.
HIGHEST_ERROR_PERCENT = 50.0
# Reduced chi-square that is drawn in the brightest colour: noise alone stays below it in 99.8 % of pixels of
# five echoes.
HIGHEST_CHI2 = 5.0
# Panels of a row of misfits, so that few states do not have larger ones than above.
_PER_ROW = 3
# Pixels of a specimen have this many others around them; lone ones are noise.
_COMPANY = 3
_EMPTY = "#E6E6E6"
# Pixels whose T2 lies beyond the echoes.
_BEYOND = "#8C8C8C"
# Rows are figures of their own, whose titles would else touch the page's edge.
_PAD_INCHES = 0.1


def t2_figure(series: Sequence[MriRecord]) -> Drawing:
    """Draw figure 3: the T2 map of every state on one colour scale, its errors, histogram and misfit.

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
        judged = any("chi2_reduced" in p.t2 for p in planes)
        heights = [ROW_MM] * n + [MISFIT_MM] * judged
        heights += [WIDTHS_MM + STATE_MM * (n - 2)] if compared else []
        figure = style.new_figure("double", sum(heights) + 4.0)
        figure.set_layout_engine(RepeatableLayout(h_pad=_PAD_INCHES, w_pad=_PAD_INCHES))
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
        if judged:
            panels = rows[n].subplots(1, max(n, _PER_ROW), squeeze=False).ravel()
            for axes, plane in zip(panels, planes, strict=False):
                _misfit_map(axes, plane, box, next(letters))
            for axes in panels[n:]:
                axes.set_axis_off()
        if compared:
            last = rows[-1].subplots()
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
    seen = _seen(mri)
    around = ndimage.convolve(seen.astype(int), np.ones((3, 3), dtype=int), mode="constant") - seen
    beyond = seen & ~mri.usable() & (around >= _COMPANY)
    if beyond.any():
        one_colour = np.where(beyond, 1.0, np.nan)
        mri_image(axes, mri, one_colour, box, norm=Normalize(0.0, 1.0)).set_cmap(ListedColormap([_BEYOND]))
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


def _seen(mri: MriRecord) -> NDArray[np.bool_]:
    """Pixels with a signal, whether or not the echoes say how long their T2 is."""
    if "status" not in mri.t2 or "snr" not in mri.t2:
        return mri.usable()
    codes = (FitStatus.OK, FitStatus.AT_BOUND, FitStatus.BEYOND_ECHOES)
    seen: NDArray[np.bool_] = np.isin(mri.t2["status"], codes) & (np.asarray(mri.t2["snr"]) >= SNR_SHOWN)
    return seen


def _misfit_map(axes: Axes, mri: MriRecord, box: tuple[float, float, float, float], letter: str) -> None:
    """Draw each pixel's reduced chi-square, and write its median beside that of noise alone below."""
    median, expected = (mri.summary.get(f"chi2_reduced_{name}") for name in ("median", "expected"))
    title = f"{short(mri.state)}: misfit"
    style.panel_title(axes, letter, title)
    if "chi2_reduced" not in mri.t2:
        style.say_instead(axes, "No misfit is given with this map.")
        style.panel_title(axes, letter, title)
        return
    label = r"reduced $\chi^2$"
    if median is not None and expected is not None and np.isfinite(median):
        label += f": median {median:.2f}, noise alone {expected:.2f}"
    chi2 = np.asarray(mri.t2["chi2_reduced"])
    bar = _map(axes, mri, chi2, box, style.APERTURE_MAP, Normalize(0.0, HIGHEST_CHI2), _seen(mri))
    bar.set_label(label)


def _map(
    axes: Axes,
    mri: MriRecord,
    values: NDArray[np.float64],
    box: tuple[float, float, float, float],
    colours: str,
    norm: Normalize,
    where: NDArray[np.bool_] | None = None,
) -> Colorbar:
    cmap = mpl.colormaps[colours].with_extremes(bad=_EMPTY)
    shown = np.where(mri.usable() if where is None else where, values, np.nan)
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
