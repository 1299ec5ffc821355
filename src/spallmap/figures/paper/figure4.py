"""Figure 4: decay curves of long-T2 regions and of electrode pixels, with the noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy import ndimage, optimize, stats

from spallmap.figures import style
from spallmap.figures.drawing import Drawing
from spallmap.relaxometry.rice import RAYLEIGH_MEAN, magnitude_mean
from spallmap.relaxometry.summary import ELECTRODE_SNR
from spallmap.results.records import MriRecord

MAX_REGIONS_SHOWN = 3
REGION_MARKERS = ("o", "s", "D")
# Step for derivatives of a curve: far above what the search for its amplitude leaves, far below the curve's
# bends.
_RELATIVE_STEP = 0.01
# Probabilities between which the middle 68 % of pure noise lie.
NOISE_BAND = (0.1587, 0.8413)
Z_95 = 1.96
# Factor by which the axis goes on above the highest point, for the legend.
_LEGEND_ROOM = 8.0
BAND_LABEL = "95 % of the fitted curve"
# Errors below this are written with two digits behind the point.
_FINE_ERROR_MS = 0.1
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
    curve_te_ms, curve, curve_se : ndarray
        The fitted expectation of the magnitude and its standard error, from those of T2 and of the amplitude.
    t2_ms, t2_se_ms : float
        The T2 of the curve and its standard error, NaN where unknown.
    fitted : ndarray, shape (n_echo,)
        The curve at the echo times.
    n_pixels : int
        How many pixels were averaged.
    used : ndarray of bool, shape (n_echo,)
        Which echoes were fitted.
    """

    name: str
    te_ms: NDArray[np.float64]
    magnitude: NDArray[np.float64]
    standard_error: NDArray[np.float64]
    curve_te_ms: NDArray[np.float64]
    curve: NDArray[np.float64]
    curve_se: NDArray[np.float64]
    t2_ms: float
    t2_se_ms: float
    fitted: NDArray[np.float64]
    n_pixels: int
    used: NDArray[np.bool_]

    @property
    def residuals(self) -> NDArray[np.float64]:
        """Points less curve, in standard errors of the points; NaN for echoes that were not fitted."""
        return np.where(self.used, (self.magnitude - self.fitted) / self.standard_error, np.nan)


def decay_figure(series: Sequence[MriRecord]) -> Drawing:
    """Draw figure 4: mean decays of the long-T2 regions beside the electrode's, one panel per state.

    The points are means over pixels, their bars one standard error from the noise (sigma over the root of the
    number of pixels; the spread of the pixels where sigma is unknown). Each curve is the model's expectation
    of the mean at the T2 that is written beside it, scaled by one amplitude; its band holds 95 % by the
    errors of both. Below, points less curve in standard errors. A grey band holds 68 % of the magnitudes of
    single pixels without signal.

    Parameters
    ----------
    series : sequence of MriRecord
        One per state, in the order to show; may be empty.

    Returns
    -------
    Drawing
        Numbers: ``decays`` (points) and ``curves``.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.results.records import MriRecord
    >>> te_ms, maps = (2.0, 6.0), {"t2_ms": np.full((4, 5), 7.0), "s0": np.full((4, 5), 100.0)}
    >>> echoes = maps["s0"] * np.exp(-np.reshape(te_ms, (2, 1, 1)) / maps["t2_ms"])
    >>> mri = MriRecord("shorted", "t2", echoes, te_ms, (20.0, 20.0), maps, summary={"noise_sigma": 1.0})
    >>> decay_figure([mri]).numbers["decays"][["pixels_of", "n_pixels", "te_ms", "magnitude"]].round(1)
       pixels_of  n_pixels  te_ms  magnitude
    0  electrode        20    2.0       75.1
    1  electrode        20    6.0       42.4
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
        figure = style.new_figure(width, 82.0 * n_rows)
        ratios = [3.2, 1.0] * n_rows
        grid = figure.subplots(2 * n_rows, per_row, squeeze=False, sharex=True, height_ratios=ratios)
        above, below = grid[0::2].ravel(), grid[1::2].ravel()
        points, curves = [], []
        every: list[Decay] = []
        letters = iter("abcdefghijklmnopqrstuvwxyz")
        for axes, under, plane in zip(above, below, planes, strict=False):
            decays = region_decays(plane)
            electrode = _electrode_decay(plane)
            shown = [*decays, *([electrode] if electrode is not None else [])]
            every += shown
            _draw(axes, plane, decays, electrode)
            _draw_residuals(under, decays, electrode)
            words = plane.state if decays else f"{plane.state}: no long-T2 region"
            style.panel_title(axes, next(letters), words)
            points += [_points_table(plane.state, d) for d in shown]
            curves += [_curve_table(plane.state, d) for d in shown]
        for axes in (*above[len(planes) :], *below[len(planes) :]):
            axes.set_visible(False)
        if every:
            limits = _limits(planes, every)
            worst = max(float(np.nanmax(np.abs(d.residuals))) for d in every)
            for axes, under in zip(above[: len(planes)], below[: len(planes)], strict=True):
                axes.set_ylim(limits)
                under.set_ylim(-1.15 * max(worst, 3.0), 1.15 * max(worst, 3.0))
        for axes, under in zip(above[::per_row], below[::per_row], strict=True):
            axes.set_ylabel("mean magnitude / a.u.")
            under.set_ylabel("residual / s.e.")
        numbers = {}
        if points:
            numbers = {
                "decays": pd.concat(points, ignore_index=True),
                "curves": pd.concat(curves, ignore_index=True),
            }
        return Drawing(figure, numbers)


def _electrode_decay(mri: MriRecord) -> Decay | None:
    """Mean decay of the electrode: strong pixels that neither lie in nor touch a long-T2 region.

    Parameters
    ----------
    mri : MriRecord
        A plane with its T2 maps.

    Returns
    -------
    Decay or None
        None where no such pixel exists.
    """
    pixels = mri.usable()
    if "snr" in mri.t2:
        strong = pixels & (np.asarray(mri.t2["snr"]) >= ELECTRODE_SNR)
        # An MRI without a single strong pixel still has a decay to look at.
        pixels = strong if strong.any() else pixels
    if mri.regions is not None and np.any(mri.regions):
        pixels &= ~ndimage.binary_dilation(np.asarray(mri.regions) > 0, np.ones((3, 3), dtype=bool))
    if not pixels.any():
        return None
    summed = mri.summary.get("electrode") or {}
    known, error = (summed.get(k) for k in ("t2_median_ms", "t2_median_se_ms"))
    if known is None or not np.isfinite(known):
        known, error = np.median(np.asarray(mri.t2["t2_ms"])[pixels]), None
    return _decay("electrode", mri, pixels, float(known), np.nan if error is None else float(error))


def region_decays(mri: MriRecord) -> list[Decay]:
    """Mean decays of the largest long-T2 regions, each with the T2 of its pooled fit.

    Parameters
    ----------
    mri : MriRecord
        A plane with its regions and their table.

    Returns
    -------
    list of Decay
        At most three.
    """
    if mri.regions is None or mri.regions_table is None:
        return []
    labels = np.asarray(mri.regions)
    here = mri.regions_table[mri.regions_table["region"].isin(np.unique(labels[labels > 0]))]
    largest = here.sort_values("pixels", ascending=False).head(MAX_REGIONS_SHOWN)
    errors = largest.get("t2_se_ms", pd.Series(np.nan, index=largest.index))
    return [
        _decay(f"region {int(region)}", mri, labels == region, float(t2), float(error))
        for region, t2, error in zip(largest["region"], largest["t2_ms"], errors, strict=True)
    ]


def _decay(name: str, mri: MriRecord, pixels: NDArray[np.bool_], t2_ms: float, t2_se_ms: float) -> Decay:
    te = np.asarray(mri.te_ms, dtype=np.float64)
    # echoes that the fit left out are shown, but no curve is held against them
    used = te >= min(mri.summary.get("te_ms") or [0.0])
    samples = np.asarray(mri.echoes, dtype=np.float64)[:, pixels]
    mean, n = samples.mean(axis=1), int(pixels.sum())
    spread = samples.std(axis=1, ddof=1) if n > 1 else np.full(len(te), np.nan)
    noise = spread if mri.sigma is None else np.full(len(te), mri.sigma)
    s0 = np.nan_to_num(np.asarray(mri.t2["s0"], dtype=np.float64)[pixels]).clip(0.0)
    if not s0.any():
        s0 = np.full(n, float(mean.max()))
    offset = mri.t2.get("offset")
    floor = 0.0 if offset is None else float(np.nanmean(np.asarray(offset)[pixels]))

    def expectation(times: NDArray[np.float64], scale: float, t2: float) -> NDArray[np.float64]:
        signal = scale * s0[:, None] * np.exp(-times / t2)
        model = str(mri.summary.get("model", "rician"))
        return _expected_magnitude(signal, model, mri.sigma, floor, _n_coils(mri))

    def best_scale(t2: float) -> float:
        def misfit(log_scale: float) -> float:
            return float(np.sum((expectation(te, np.exp(log_scale), t2) - mean)[used] ** 2))

        return float(np.exp(optimize.minimize_scalar(misfit, bounds=(-3.0, 3.0), method="bounded").x))

    scale, error = best_scale(t2_ms), noise / np.sqrt(n)
    times = np.linspace(0.0, 1.05 * te.max(), 100)
    curve, fitted = expectation(times, scale, t2_ms), expectation(te, scale, t2_ms)
    # change of curve and points with the logarithm of the amplitude, and of the curve with T2, which carries
    # the amplitude along
    step = 1.0 + _RELATIVE_STEP
    by_scale = (expectation(times, scale * step, t2_ms) - curve) / _RELATIVE_STEP
    of_points = (expectation(te, scale * step, t2_ms) - fitted) / _RELATIVE_STEP
    by_t2 = (expectation(times, best_scale(t2_ms * step), t2_ms * step) - curve) / _RELATIVE_STEP / t2_ms
    scale_variance = np.sum((of_points * error)[used] ** 2) / np.sum(of_points[used] ** 2) ** 2
    curve_se = np.sqrt(by_scale**2 * scale_variance + (by_t2 * np.nan_to_num(t2_se_ms)) ** 2)
    return Decay(name, te, mean, error, times, curve, curve_se, t2_ms, t2_se_ms, fitted, n, used)


def _expected_magnitude(
    signal: NDArray[np.float64], model: str, sigma: float | None, floor: float, n_coils: int
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
        expected = sigma * magnitude_mean(signal / sigma, n_coils)
    mean: NDArray[np.float64] = expected.mean(axis=0)
    return mean


def _n_coils(mri: MriRecord) -> int:
    return int(mri.summary.get("n_coils") or 1)


def _noise(mri: MriRecord, sigma: float) -> tuple[float, float, float]:
    """Mean of pure noise in a magnitude, and the ends of its middle 68 %."""
    n_coils = _n_coils(mri)
    low, high = np.sqrt(stats.chi2.ppf(NOISE_BAND, 2 * n_coils))
    return sigma * float(magnitude_mean(0.0, n_coils)), sigma * float(low), sigma * float(high)


def _draw(axes: Axes, mri: MriRecord, regions: Sequence[Decay], electrode: Decay | None) -> None:
    if electrode is not None:
        label = rf"electrode, {electrode.n_pixels} pixels: median $T_2$ {_with_error(electrode)} ms"
        _curve(axes, electrode, style.ELECTRODE_CURVE, "^", label)
    for k, decay in enumerate(regions):
        label = rf"{decay.name}, {decay.n_pixels} pixels: $T_2$ {_with_error(decay)} ms"
        _curve(axes, decay, REGION_COLOURS[k], REGION_MARKERS[k], label)
    if mri.sigma is not None:
        floor, low, high = _noise(mri, mri.sigma)
        in_sigma = f"noise floor, {floor / mri.sigma:.2f} σ"
        axes.axhline(floor, color=style.NEUTRAL, ls=":", lw=0.9, label=in_sigma)
        axes.axhspan(low, high, color=style.NEUTRAL, alpha=0.12, lw=0.0, label="one pixel's noise, 68 %")
    if electrode is None and not regions:
        style.say_instead(axes, f"No pixel of the {mri.state} MRI could be fitted.")
        return
    axes.set_yscale("log")
    axes.set_xlim(left=0.0)
    axes.legend(loc="upper right", handlelength=1.8)


def _draw_residuals(axes: Axes, regions: Sequence[Decay], electrode: Decay | None) -> None:
    axes.set_xlabel("echo time / ms")
    axes.tick_params(labelbottom=True)
    axes.axhspan(-2.0, 2.0, color=style.NEUTRAL, alpha=0.12, lw=0.0)
    axes.axhline(0.0, color=style.NEUTRAL, lw=0.6)
    drawn = [*zip(regions, REGION_COLOURS, REGION_MARKERS, strict=False)]
    if electrode is not None:
        drawn.append((electrode, style.ELECTRODE_CURVE, "^"))
    # side by side, so that no point hides another
    shifts = 0.25 * (np.arange(len(drawn)) - (len(drawn) - 1) / 2.0)
    for shift, (decay, colour, marker) in zip(shifts, drawn, strict=True):
        axes.plot(decay.te_ms + shift, decay.residuals, marker, color=colour)


def _limits(planes: Sequence[MriRecord], shown: Sequence[Decay]) -> tuple[float, float]:
    """Bottom and top of every panel: room for the legend above the curves, and for the noise below."""
    values = np.concatenate([np.append(d.curve, d.magnitude) for d in shown])
    noise = [_noise(p, p.sigma)[1] for p in planes if p.sigma is not None]
    lowest = min([float(values[values > 0.0].min()), *noise])
    return 0.7 * lowest, _LEGEND_ROOM * float(values.max())


def _curve(axes: Axes, decay: Decay, colour: str, marker: str, label: str) -> None:
    # one entry in the legend stands for the bands of all curves
    labelled = any(c.get_label() == BAND_LABEL for c in axes.collections)
    band = None if labelled else BAND_LABEL
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
    if not decay.used.all():
        left_out = ~decay.used
        axes.plot(decay.te_ms[left_out], decay.magnitude[left_out], marker, color=colour, mfc="white")
    axes.plot(decay.curve_te_ms, decay.curve, color=colour, lw=0.9)
    half = Z_95 * decay.curve_se
    lowest = np.maximum(decay.curve - half, 1e-3 * decay.curve)
    axes.fill_between(
        decay.curve_te_ms, lowest, decay.curve + half, color=colour, alpha=0.25, lw=0.0, label=band
    )


def _with_error(decay: Decay) -> str:
    """T2 with its standard error, as many digits as that allows."""
    if not np.isfinite(decay.t2_se_ms):
        return f"{decay.t2_ms:.1f}"
    digits = 2 if decay.t2_se_ms < _FINE_ERROR_MS else 1
    return f"{decay.t2_ms:.{digits}f} ± {decay.t2_se_ms:.{digits}f}"


def _points_table(state: str, decay: Decay) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "state": state,
            "pixels_of": decay.name,
            "n_pixels": decay.n_pixels,
            "te_ms": decay.te_ms,
            "magnitude": decay.magnitude,
            "magnitude_se": decay.standard_error,
            "fitted": decay.fitted,
            "residual_in_se": decay.residuals,
        }
    )


def _curve_table(state: str, decay: Decay) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "state": state,
            "pixels_of": decay.name,
            "t2_ms": decay.t2_ms,
            "t2_se_ms": decay.t2_se_ms,
            "te_ms": decay.curve_te_ms,
            "magnitude": decay.curve,
            "magnitude_se": decay.curve_se,
        }
    )
