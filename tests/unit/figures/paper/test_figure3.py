from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle
from scipy import ndimage

from spallmap.figures import style, t2_figure
from spallmap.relaxometry import FitStatus
from spallmap.results.records import MriRecord
from tests.unit.figures.paper.paper_checks import with_peaks, words


def test_t2_figure_histograms_add_up(mri_pristine: MriRecord, mri: MriRecord) -> None:
    drawing = t2_figure([mri_pristine, mri])
    written = words(drawing.figure)
    for part in (
        "pristine: no long-T2 region",
        "1 long-T2 region",
        "electrode: median 7.0 ms",
        "FWHM as seen 0.80 ms",
        "long: > 12 ms",
    ):
        assert part in written
    histogram = drawing.numbers["histograms"]
    assert histogram.groupby("state")["pixels"].sum().to_dict() == {"pristine": 112.0, "shorted": 118.0}
    bars = [
        p
        for a in drawing.figure.findobj(Axes)
        for p in a.patches
        if isinstance(p, Rectangle) and p.get_gid() != "scale-bar"
    ]
    assert sum(b.get_height() for b in bars) == pytest.approx(230.0)
    assert {to_hex(b.get_facecolor()).upper() for b in bars if b.get_height()} == {
        style.ELECTRODE_CURVE,
        style.REGION_CURVE,
    }
    maps = drawing.numbers["maps"]
    assert maps.query("region == 1")["t2_ms"].unique().tolist() == [16.0]
    assert maps["shown"].sum() == 230


def test_t2_figure_shows_peaks_intervals_and_widths(mri_pristine: MriRecord, mri: MriRecord) -> None:
    first = with_peaks(mri_pristine, (0.8, 0.6, 1.0), 0.4)
    second = with_peaks(mri, (1.6, 1.3, 2.0), 0.005)
    drawing = t2_figure([first, second])
    written = words(drawing.figure)
    for part in (
        "FWHM without errors 0.80 (0.60–1.00) ms",
        "no long peak (p = 0.4), below 9 % of pixels",
        "long peak: p ≤ 0.005, 5 (3–9) % of pixels",
        "15.8 (14.1–17.9) ms",
        "shorted less pristine: +0.80 ms",
        "these two maps differ",
        "2 beyond",
    ):
        assert part in written
    widths = drawing.numbers["widths"]
    assert widths["ratio"].tolist()[1] == pytest.approx(2.0)
    # 0.8 more, the lower arms 0.3 and 0.2, the upper ones 0.4 and 0.2
    assert widths["difference_low_ms"].tolist()[1] == pytest.approx(0.8 - np.hypot(0.3, 0.2))
    assert widths["difference_high_ms"].tolist()[1] == pytest.approx(0.8 + np.hypot(0.4, 0.2))
    histogram = drawing.numbers["histograms"]
    long_drawn = histogram.groupby("state")["expected_long"].count()
    assert long_drawn["pristine"] == 0
    assert long_drawn["shorted"] == 72
    assert (histogram["pixels_low"] <= histogram["pixels"]).all()
    assert (histogram["pixels_high"] >= histogram["pixels"]).all()


def test_t2_map_comes_with_its_errors(mri: MriRecord) -> None:
    se = np.full(np.shape(mri.t2["t2_ms"]), 0.7)
    written = words(t2_figure([replace(mri, t2={**mri.t2, "t2_se_ms": se})]).figure)
    assert "standard error / % of" in written
    assert "No errors are given" in words(t2_figure([mri]).figure)


def test_misfit_and_t2_beyond_the_echoes_are_shown(mri: MriRecord) -> None:
    shape = np.shape(mri.t2["t2_ms"])
    seen = np.isfinite(mri.t2["t2_ms"])
    status = np.where(seen, FitStatus.OK, FitStatus.BELOW_SNR)
    # in the middle of the others
    inside = ndimage.uniform_filter(seen.astype(float), 3)
    status[np.unravel_index(np.argmax(inside * seen), shape)] = FitStatus.BEYOND_ECHOES
    maps = {"chi2_reduced": np.full(shape, 0.8), "snr": np.full(shape, 20.0), "status": status}
    summary = {**mri.summary, "chi2_reduced_median": 4.25, "chi2_reduced_expected": 0.79}
    drawing = t2_figure([replace(mri, t2={**mri.t2, **maps}, summary=summary)])
    written = words(drawing.figure)
    for part in ("shorted: misfit", "median 4.25, noise alone 0.79", r"reduced $\chi^2$"):
        assert part in written
    pixels = drawing.numbers["maps"]
    assert "chi2_reduced" in pixels
    assert pixels["shown"].sum() == seen.sum() - 1
    greys = [
        image
        for axes in drawing.figure.findobj(Axes)
        for image in axes.images
        if len(getattr(image.get_cmap(), "colors", ())) == 1
    ]
    assert [int(np.isfinite(np.ma.filled(g.get_array(), np.nan)).sum()) for g in greys] == [1]
    assert "misfit" not in words(t2_figure([mri]).figure)


def test_t2_figure_without_a_summary_counts_itself(mri: MriRecord) -> None:
    drawing = t2_figure([replace(mri, summary={})])
    assert drawing.numbers["histograms"]["pixels"].sum() == 118


def test_widths_are_compared_with_the_first_state_that_has_one(
    mri_pristine: MriRecord, mri: MriRecord
) -> None:
    cycled = replace(with_peaks(mri_pristine, (0.8, 0.6, 1.0), 0.4), state="cycled")
    written = words(t2_figure([mri_pristine, cycled, with_peaks(mri, (1.6, 1.3, 2.0), 0.4)]).figure)
    assert "shorted less cycled: +0.80 ms" in written
    assert "without the pixels' errors, 95 % interval" in written
