"""Figure 3: T2 maps with their histograms."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from numpy.typing import NDArray

from spallmap.figures import style
from spallmap.figures.inputs import Drawing, MriPanel
from spallmap.figures.panels import mri_image, pixel_outline, signal_box

DEFAULT_LONG_MS = 12.0
BIN_MS = 0.5
ROW_MM = 58.0


def t2_figure(series: Sequence[MriPanel]) -> Drawing:
    """Draw figure 3: the T2 map of every state on one colour scale, each with its histogram.

    Parameters
    ----------
    series : sequence of MriPanel
        One per state, in the order to show; may be empty.

    Returns
    -------
    Drawing
        Numbers: ``maps``, one row per pixel, and ``histograms``, one row per state and bin.
    """
    with style.context():
        if not series:
            figure = style.new_figure("double", 30.0)
            style.say_instead(figure.subplots(), "No MRI of this cell.", 70)
            return Drawing(figure)
        planes = [s.plane() for s in series]
        figure = style.new_figure("double", ROW_MM * len(planes) + 4.0)
        grid = figure.subplots(len(planes), 2, squeeze=False, width_ratios=(1.05, 1.0))
        box = signal_box(planes)
        # Twice the threshold on top, for every cell, so that maps of different cells can be laid side by
        # side.
        norm = Normalize(0.0, 2.0 * max(_long_ms(p) for p in planes))
        cmap = mpl.colormaps[style.T2_MAP].with_extremes(bad="#E6E6E6")
        letters = iter("abcdefghijklmnopqrstuvwxyz")
        histograms = []
        for (map_axes, histogram_axes), whole, panel in zip(grid, series, planes, strict=True):
            values = np.where(panel.usable(), panel.t2["t2_ms"], np.nan)
            picture = mri_image(map_axes, panel, values, box, cmap=cmap.name, norm=norm)
            picture.set_cmap(cmap)
            if panel.regions is not None:
                pixel_outline(map_axes, panel.regions, panel.spacing_um)
            words = f"{panel.state}: {_regions_in_words(whole)}"
            style.panel_title(map_axes, next(letters), words)
            style.scale_bar(map_axes, ground="light")
            if panel.remark:
                style.note(map_axes, panel.remark)
            bar = figure.colorbar(picture, ax=map_axes, extend="max", shrink=0.85)
            bar.set_label(r"$T_2$ / ms")
            bar.ax.axhline(_long_ms(panel), color="white", lw=2.2)
            bar.ax.axhline(_long_ms(panel), color="black", lw=1.0)
            bar.outline.set_visible(False)
            histograms.append(_histogram(histogram_axes, whole))
            style.panel_title(histogram_axes, next(letters), _histogram_title(whole))
        numbers = {"maps": _pixels(planes), "histograms": pd.concat(histograms, ignore_index=True)}
        return Drawing(figure, numbers)


def _long_ms(panel: MriPanel) -> float:
    return float(panel.summary.get("long", {}).get("threshold_ms", DEFAULT_LONG_MS))


def _regions_in_words(panel: MriPanel) -> str:
    n = 0 if panel.regions is None else len(np.unique(panel.regions)) - int(0 in panel.regions)
    if panel.regions is None:
        return "regions not sought"
    return {0: "no long-T2 region", 1: "1 long-T2 region (outlined)"}.get(
        n, f"{n} long-T2 regions (outlined)"
    )


def _binned(panel: MriPanel) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    histogram = panel.summary.get("histogram")
    if histogram:
        return np.asarray(histogram["edges_ms"], float), np.asarray(histogram["counts"], float)
    shown = np.asarray(panel.t2["t2_ms"])[panel.usable()]
    edges = np.arange(0.0, 2.5 * _long_ms(panel) + BIN_MS, BIN_MS)
    return edges, np.histogram(shown, edges)[0].astype(float)


def _histogram_title(panel: MriPanel) -> str:
    beyond = (panel.summary.get("histogram") or {}).get("n_above")
    more = f" ({beyond} beyond the axis)" if beyond else ""
    return f"{panel.state}: fitted pixels{more}"


def _known(value: float | None) -> float | None:
    """Return the value, None where it is missing or not a number."""
    return None if value is None or not np.isfinite(value) else float(value)


def _histogram(axes: Axes, panel: MriPanel) -> pd.DataFrame:
    edges, counts = _binned(panel)
    long_ms = _long_ms(panel)
    colours = [style.REGION_CURVE if low >= long_ms - 1e-9 else style.ELECTRODE_CURVE for low in edges[:-1]]
    axes.bar(
        edges[:-1], counts, np.diff(edges), align="edge", color=colours, edgecolor="white", linewidth=0.2
    )
    axes.axvline(long_ms, color=style.REGION_CURVE, lw=0.9, ls="--")
    top = float(counts.max()) if counts.size and counts.max() > 0 else 1.0
    axes.set_ylim(0.0, 1.32 * top)
    axes.set_xlim(0.0, float(edges[-1]))
    axes.text(
        long_ms,
        1.3 * top,
        f" long: > {long_ms:g} ms",
        color=style.REGION_CURVE,
        ha="left",
        va="top",
        fontsize=6.3,
    )
    electrode = panel.summary.get("electrode") or {}
    median, fwhm = (_known(electrode.get(k)) for k in ("t2_median_ms", "fwhm_ms"))
    told = []
    if median is not None:
        axes.axvline(median, 0.0, 1.17 / 1.32, color="black", lw=0.8)
        told.append(f"electrode: median {median:.1f} ms")
    if median is not None and fwhm is not None:
        left, right = median - fwhm / 2.0, median + fwhm / 2.0
        axes.plot([left, right], [top / 2.0] * 2, color="black", lw=0.8, marker="|", ms=5.0)
        told.append(f"FWHM {fwhm:.1f} ms")
    axes.text(0.98, 0.78, "\n".join(told), transform=axes.transAxes, ha="right", va="top", fontsize=6.5)
    axes.set_xlabel(r"$T_2$ / ms")
    axes.set_ylabel("pixels")
    return pd.DataFrame(
        {"state": panel.state, "edge_low_ms": edges[:-1], "edge_high_ms": edges[1:], "pixels": counts}
    )


def _pixels(planes: Sequence[MriPanel]) -> pd.DataFrame:
    tables = []
    for panel in planes:
        t2 = np.asarray(panel.t2["t2_ms"])
        rows, columns = np.indices(t2.shape)
        table = pd.DataFrame({"state": panel.state, "row": rows.ravel(), "column": columns.ravel()})
        for name, channel in panel.t2.items():
            table[name] = np.asarray(channel).ravel()
        table["shown"] = panel.usable().ravel()
        table["region"] = 0 if panel.regions is None else np.asarray(panel.regions).ravel()
        tables.append(table)
    return pd.concat(tables, ignore_index=True)
