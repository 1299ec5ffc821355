"""Figure 4: decay curves of long-T2 regions and of electrode pixels, with the noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy import ndimage, optimize

from spallmap.figures import style
from spallmap.figures.inputs import Drawing, MriPanel
from spallmap.relaxometry.rice import magnitude_mean
from spallmap.relaxometry.summary import ELECTRODE_SNR

# Mean of Rayleigh-distributed noise in units of sigma (Gudbjartsson and Patz 1995).
RAYLEIGH_MEAN = float(np.sqrt(np.pi / 2.0))
MAX_REGIONS_SHOWN = 3
REGION_MARKERS = ("o", "s", "D")
REGION_COLOURS = (style.REGION_CURVE, style.OKABE_ITO["green"], style.OKABE_ITO["purple"])


@dataclass(frozen=True)
class Decay:
    """The mean decay of a set of pixels.

    Parameters
    ----------
    name : str
        What the pixels are.
    te_ms, magnitude, standard_error : ndarray, shape (n_echo,)
        Echo times, mean magnitude and its standard error from the noise.
    curve_te_ms, curve : ndarray
        The fitted expectation of the magnitude.
    t2_ms : float
        The T2 of the curve.
    n_pixels : int
        How many pixels were averaged.
    """

    name: str
    te_ms: NDArray[np.float64]
    magnitude: NDArray[np.float64]
    standard_error: NDArray[np.float64]
    curve_te_ms: NDArray[np.float64]
    curve: NDArray[np.float64]
    t2_ms: float
    n_pixels: int


def decay_figure(series: Sequence[MriPanel]) -> Drawing:
    """Draw figure 4: mean decays of the long-T2 regions beside the electrode's, one panel per state.

    The points are means over pixels, their bars one standard error from the noise (sigma over the root of the
    number of pixels; the spread of the pixels where sigma is unknown). Each curve is the model's expectation
    of the mean at the T2 that is written beside it, scaled by one amplitude.

    Parameters
    ----------
    series : sequence of MriPanel
        One per state, in the order to show; may be empty.

    Returns
    -------
    Drawing
        Numbers: ``decays`` (points) and ``curves``.
    """
    with style.context():
        if not series:
            figure = style.new_figure("double", 30.0)
            style.say_instead(figure.subplots(), "No MRI of this cell.", 70)
            return Drawing(figure)
        planes = [s.plane() for s in series]
        width: Literal["single", "double"] = "single" if len(planes) == 1 else "double"
        per_row = min(len(planes), 2)
        n_rows = -(-len(planes) // per_row)
        figure = style.new_figure(width, 62.0 * n_rows)
        grid = figure.subplots(n_rows, per_row, squeeze=False, sharex=True, sharey=True).ravel()
        points, curves = [], []
        every: list[Decay] = []
        for letter, axes, panel in zip("abcdefghijklmnopqrstuvwxyz", grid, planes, strict=False):
            decays = region_decays(panel)
            electrode = electrode_decay(panel)
            shown = [*decays, *([electrode] if electrode is not None else [])]
            every += shown
            _draw(axes, panel, decays, electrode)
            words = panel.state if decays else f"{panel.state}: no long-T2 region"
            style.panel_title(axes, letter, words)
            points += [_points_table(panel.state, d) for d in shown]
            curves += [_curve_table(panel.state, d) for d in shown]
        for axes in grid[len(planes) :]:
            axes.set_visible(False)
        if every:
            grid[0].set_ylim(_limits(planes, every))
        for axes in grid[::per_row]:
            axes.set_ylabel("mean magnitude / a.u.")
        numbers = {}
        if points:
            numbers = {
                "decays": pd.concat(points, ignore_index=True),
                "curves": pd.concat(curves, ignore_index=True),
            }
        return Drawing(figure, numbers)


def electrode_decay(panel: MriPanel) -> Decay | None:
    """Mean decay of the electrode: strong pixels that neither lie in nor touch a long-T2 region.

    Parameters
    ----------
    panel : MriPanel
        A plane with its T2 maps.

    Returns
    -------
    Decay or None
        None where no such pixel exists.
    """
    pixels = panel.usable()
    if "snr" in panel.t2:
        strong = pixels & (np.asarray(panel.t2["snr"]) >= ELECTRODE_SNR)
        # An MRI without a single strong pixel still has a decay to look at.
        pixels = strong if strong.any() else pixels
    if panel.regions is not None and np.any(panel.regions):
        pixels &= ~ndimage.binary_dilation(np.asarray(panel.regions) > 0, np.ones((3, 3), dtype=bool))
    if not pixels.any():
        return None
    known = (panel.summary.get("electrode") or {}).get("t2_median_ms")
    if known is None or not np.isfinite(known):
        known = np.median(np.asarray(panel.t2["t2_ms"])[pixels])
    return _decay("electrode", panel, pixels, float(known))


def region_decays(panel: MriPanel) -> list[Decay]:
    """Mean decays of the largest long-T2 regions, each with the T2 of its pooled fit.

    Parameters
    ----------
    panel : MriPanel
        A plane with its regions and their table.

    Returns
    -------
    list of Decay
        At most three.
    """
    if panel.regions is None or panel.regions_table is None:
        return []
    labels = np.asarray(panel.regions)
    here = panel.regions_table[panel.regions_table["region"].isin(np.unique(labels[labels > 0]))]
    largest = here.sort_values("pixels", ascending=False).head(MAX_REGIONS_SHOWN)
    return [
        _decay(f"region {int(region)}", panel, labels == region, float(t2))
        for region, t2 in zip(largest["region"], largest["t2_ms"], strict=True)
    ]


def _decay(name: str, panel: MriPanel, pixels: NDArray[np.bool_], t2_ms: float) -> Decay:
    te = np.asarray(panel.te_ms, dtype=np.float64)
    samples = np.asarray(panel.echoes, dtype=np.float64)[:, pixels]
    mean, n = samples.mean(axis=1), int(pixels.sum())
    spread = samples.std(axis=1, ddof=1) if n > 1 else np.full(len(te), np.nan)
    noise = spread if panel.sigma is None else np.full(len(te), panel.sigma)
    s0 = np.nan_to_num(np.asarray(panel.t2["s0"], dtype=np.float64)[pixels]).clip(0.0)
    if not s0.any():
        s0 = np.full(n, float(mean.max()))
    offset = panel.t2.get("offset")
    floor = 0.0 if offset is None else float(np.nanmean(np.asarray(offset)[pixels]))

    def expectation(times: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
        signal = scale * s0[:, None] * np.exp(-times / t2_ms)
        return _expected_magnitude(signal, str(panel.summary.get("model", "rician")), panel.sigma, floor)

    def misfit(log_scale: float) -> float:
        return float(np.sum((expectation(te, np.exp(log_scale)) - mean) ** 2))

    scale = float(np.exp(optimize.minimize_scalar(misfit, bounds=(-3.0, 3.0), method="bounded").x))
    times = np.linspace(0.0, 1.05 * te.max(), 100)
    return Decay(name, te, mean, noise / np.sqrt(n), times, expectation(times, scale), t2_ms, n)


def _expected_magnitude(
    signal: NDArray[np.float64], model: str, sigma: float | None, floor: float
) -> NDArray[np.float64]:
    """Mean over pixels of what the model expects, shape (n_times,)."""
    if model == "free_offset":
        expected = signal + floor
    elif sigma is None:
        expected = signal
    elif model == "offset":
        expected = signal + RAYLEIGH_MEAN * sigma
    else:
        # A magnitude has its Rician mean whether it was fitted so or from the complex data.
        expected = sigma * magnitude_mean(signal / sigma)
    mean: NDArray[np.float64] = expected.mean(axis=0)
    return mean


def _draw(axes: Axes, panel: MriPanel, regions: Sequence[Decay], electrode: Decay | None) -> None:
    if electrode is not None:
        label = rf"electrode, {electrode.n_pixels} pixels: median $T_2$ {electrode.t2_ms:.1f} ms"
        _curve(axes, electrode, style.ELECTRODE_CURVE, "^", label)
    for k, decay in enumerate(regions):
        label = rf"{decay.name}, {decay.n_pixels} pixels: $T_2$ {decay.t2_ms:.1f}{_error(panel, decay)} ms"
        _curve(axes, decay, REGION_COLOURS[k], REGION_MARKERS[k], label)
    if panel.sigma is not None:
        axes.axhline(
            RAYLEIGH_MEAN * panel.sigma, color=style.NEUTRAL, ls=":", lw=0.9, label="noise floor, 1.25 σ"
        )
    if electrode is None and not regions:
        style.say_instead(axes, f"No pixel of the {panel.state} MRI could be fitted.")
        return
    axes.set_yscale("log")
    axes.set_xlabel("echo time / ms")
    axes.set_xlim(left=0.0)
    axes.legend(loc="lower left", handlelength=1.8)


def _limits(planes: Sequence[MriPanel], shown: Sequence[Decay]) -> tuple[float, float]:
    """Bottom and top of every panel: room for the legend below the noise floor, and for all curves."""
    values = np.concatenate([np.append(d.curve, d.magnitude) for d in shown])
    floors = [RAYLEIGH_MEAN * p.sigma for p in planes if p.sigma is not None]
    lowest = min([float(values[values > 0.0].min()), *floors])
    return lowest / 6.0, 1.3 * float(values.max())


def _curve(axes: Axes, decay: Decay, colour: str, marker: str, label: str) -> None:
    axes.errorbar(
        decay.te_ms,
        decay.magnitude,
        decay.standard_error,
        fmt=marker,
        color=colour,
        capsize=2.0,
        elinewidth=0.8,
        label=label,
    )
    axes.plot(decay.curve_te_ms, decay.curve, color=colour, lw=0.9)


def _error(panel: MriPanel, decay: Decay) -> str:
    if panel.regions_table is None or "t2_se_ms" not in panel.regions_table:
        return ""
    table = panel.regions_table
    se = table.loc[table["region"] == int(decay.name.split()[-1]), "t2_se_ms"]
    return f" ± {float(se.iloc[0]):.1f}" if len(se) and np.isfinite(se.iloc[0]) else ""


def _points_table(state: str, decay: Decay) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "state": state,
            "pixels_of": decay.name,
            "n_pixels": decay.n_pixels,
            "te_ms": decay.te_ms,
            "magnitude": decay.magnitude,
            "magnitude_se": decay.standard_error,
        }
    )


def _curve_table(state: str, decay: Decay) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "state": state,
            "pixels_of": decay.name,
            "t2_ms": decay.t2_ms,
            "te_ms": decay.curve_te_ms,
            "magnitude": decay.curve,
        }
    )
