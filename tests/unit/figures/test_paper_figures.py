from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from spallmap.figures import cell_figure, decay_figure, echo_figure, link_figure, style, t2_figure
from spallmap.figures.paper.figure4 import region_decays
from spallmap.figures.paper.histograms import poisson_interval
from spallmap.registration.result import Registration
from spallmap.results.records import CrackSurface, MriRecord, SectionRecord, XctRecord


def words(figure: Figure) -> str:
    """Everything that is written in a figure, on one line."""
    figure.canvas.draw()
    texts = [a.get_text() for a in figure.findobj(Text) if isinstance(a, Text)]
    return " ".join(" ".join(text.split()) for text in texts)


def refusal(like: Registration | None) -> Registration:
    assert like is not None
    return replace(like, verdict="refused", reasons=("the runner-up is as good",))


def test_cell_figure_shows_every_state_at_one_place(
    pristine: XctRecord, shorted: XctRecord, surface: CrackSurface
) -> None:
    drawing = cell_figure([pristine, shorted], surface)
    written = words(drawing.figure)
    for part in (
        "pristine, x–z",
        "shorted, x–y",
        "aperture / µm",
        "depth below the interface / µm",
        "one voxel",
    ):
        assert part in written
    sections = drawing.numbers["sections"]
    assert list(sections["state"]) == ["pristine"] * 3 + ["shorted"] * 3
    columns = ["origin_x_um", "origin_y_um", "origin_z_um", "n_rows", "n_columns"]
    assert sections[columns][:3].to_numpy() == pytest.approx(sections[columns][3:].to_numpy())
    # The section z = 220 holds the whole flat crack of 20 x 20 voxels, and 50 x 50 of ceramic less the crack.
    in_crack = sections[(sections.state == "shorted") & (sections.section == "x–y")].iloc[0]
    assert in_crack["crack_um2"] == pytest.approx(400 * 100.0)
    assert in_crack["ceramic_um2"] == pytest.approx((2500 - 400) * 100.0)
    assert drawing.numbers["aperture"]["points"].sum() == 400
    assert len(drawing.numbers["plan"]) == 400


def test_cell_figure_with_a_refused_state_shows_its_own_frame(
    pristine: XctRecord, shorted: XctRecord
) -> None:
    drawing = cell_figure([replace(pristine, registration=refusal(pristine.registration)), shorted])
    assert set(drawing.numbers["sections"].query("state == 'pristine'")["frame"]) == {"own"}
    written = words(drawing.figure)
    assert "registration refused" in written
    assert "No crack was found in the shorted tomogram" in written


def test_echo_figure_holds_the_images_numbers(
    mri_pristine: MriRecord, mri: MriRecord, shorted: XctRecord
) -> None:
    drawing = echo_figure([mri_pristine, mri], [shorted])
    written = words(drawing.figure)
    for part in ("pristine, 2 ms", "18 ms", "electrodes (tomogram)", "magnitude / a.u."):
        assert part in written
    table = drawing.numbers["echoes"]
    assert len(table) == 2 * 5 * 600
    first = table.query("state == 'shorted' and te_ms == 2")["magnitude"].to_numpy()
    assert first == pytest.approx(np.asarray(mri.echoes[0]).ravel())


def test_echo_figure_says_when_nothing_may_be_projected(mri: MriRecord, shorted: XctRecord) -> None:
    written = words(echo_figure([replace(mri, registration=refusal(mri.registration))], [shorted]).figure)
    assert "registration refused" in written
    assert "electrodes (tomogram)" not in written


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


def with_peaks(panel: MriRecord, width: tuple[float, float, float], p_value: float) -> MriRecord:
    """A panel whose summary holds a distribution."""
    summary = dict(panel.summary)
    names = ("fwhm_intrinsic_ms", "fwhm_intrinsic_low_ms", "fwhm_intrinsic_high_ms")
    peak = {"t2_peak_ms": 7.02, "t2_peak_low_ms": 6.95, "t2_peak_high_ms": 7.11}
    summary["electrode"] = {**summary["electrode"], **peak, **dict(zip(names, width, strict=True))}
    summary["long_component"] = {
        "fraction": 0.05,
        "fraction_low": 0.03,
        "fraction_high": 0.09,
        "p_value": p_value,
        "likelihood_ratio": 31.0,
        "t2_ms": 15.8,
        "t2_low_ms": 14.1,
        "t2_high_ms": 17.9,
        "p_value_smallest": 0.005,
    }
    counts = np.asarray(summary["histogram"]["counts"], float)
    summary["histogram"] = {
        **summary["histogram"],
        "specimen_counts": counts.tolist(),
        "specimen_n_above": 2,
        "expected_electrode": (0.95 * counts).tolist(),
        "expected_long": (0.05 * counts).tolist(),
    }
    return replace(panel, summary=summary)


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


def test_poisson_interval_holds_68_percent_or_more() -> None:
    rng = np.random.default_rng(9)
    for mean in (0.7, 3.0, 12.0, 80.0):
        low, high = poisson_interval(rng.poisson(mean, 20_000).astype(float))
        held = float(np.mean((low <= mean) & (mean <= high)))
        assert 0.67 < held < (0.95 if mean < 5.0 else 0.8)


def test_t2_map_comes_with_its_errors(mri: MriRecord) -> None:
    se = np.full(np.shape(mri.t2["t2_ms"]), 0.7)
    written = words(t2_figure([replace(mri, t2={**mri.t2, "t2_se_ms": se})]).figure)
    assert "standard error / % of" in written
    assert "No errors are given" in words(t2_figure([mri]).figure)


def test_t2_figure_without_a_summary_counts_itself(mri: MriRecord) -> None:
    drawing = t2_figure([replace(mri, summary={})])
    assert drawing.numbers["histograms"]["pixels"].sum() == 118


def test_decay_curves_pass_through_the_points(mri_pristine: MriRecord, mri: MriRecord) -> None:
    drawing = decay_figure([mri_pristine, mri])
    written = words(drawing.figure)
    for part in (
        "echo time / ms",
        "mean magnitude / a.u.",
        "noise floor, 1.25 σ",
        "16.0 ± 1.3 ms",
        "6 pixels",
    ):
        assert part in written
    points, curves = drawing.numbers["decays"], drawing.numbers["curves"]
    assert set(points["pixels_of"]) == {"electrode", "region 1"}
    for (state, name), group in points.groupby(["state", "pixels_of"]):
        curve = curves[(curves.state == state) & (curves.pixels_of == name)]
        at_points = np.interp(group["te_ms"], curve["te_ms"], curve["magnitude"])
        pull = (group["magnitude"].to_numpy() - at_points) / group["magnitude_se"].to_numpy()
        # Noise and T2 are the true ones, so the points scatter about the curve by their errors.
        assert np.abs(pull).max() < 4.0
        assert group["magnitude_se"].to_numpy() == pytest.approx(20.0 / np.sqrt(group["n_pixels"]))
    assert {a.get_yscale() for a in drawing.figure.axes if "magnitude" in a.get_ylabel()} == {"log"}
    assert np.abs(points["residual_in_se"]).max() < 4.0


def test_skipped_echoes_do_not_move_the_curve(mri: MriRecord) -> None:
    echoes = np.array(mri.echoes)
    echoes[0] *= 0.8
    low_first = replace(mri, echoes=echoes, summary={**mri.summary, "te_ms": list(mri.te_ms[1:])})
    (decay,) = region_decays(low_first)
    assert np.isnan(decay.residuals[0])
    assert np.abs(decay.residuals[1:]).max() < 4.0
    assert decay.fitted[0] > 1.1 * decay.magnitude[0]
    points = decay_figure([low_first]).numbers["decays"]
    assert set(points["te_ms"]) == set(mri.te_ms)


def test_noise_of_several_coils_is_drawn_and_expected(mri: MriRecord) -> None:
    rng = np.random.default_rng(4)
    s0, t2 = np.asarray(mri.t2["s0"]) / 10.0, np.nan_to_num(mri.t2["t2_ms"], nan=1.0)
    channels = 20.0 * rng.normal(size=(16, *mri.echoes.shape))
    channels[0] += s0 * np.exp(-np.asarray(mri.te_ms)[:, None, None] / t2)
    echoes = np.sqrt(np.sum(channels**2, axis=0))
    panel = replace(
        mri,
        echoes=echoes,
        t2={**mri.t2, "s0": s0},
        summary={**mri.summary, "model": "chi", "n_coils": 8},
    )
    (decay,) = region_decays(panel)
    assert np.abs(decay.residuals).max() < 4.0
    assert "noise floor, 3.94 σ" in words(decay_figure([panel]).figure)


def test_widths_are_compared_with_the_first_state_that_has_one(
    mri_pristine: MriRecord, mri: MriRecord
) -> None:
    cycled = replace(with_peaks(mri_pristine, (0.8, 0.6, 1.0), 0.4), state="cycled")
    written = words(t2_figure([mri_pristine, cycled, with_peaks(mri, (1.6, 1.3, 2.0), 0.4)]).figure)
    assert "shorted less cycled: +0.80 ms" in written
    assert "without the pixels' errors, 95 % interval" in written


def test_band_of_a_decay_is_the_scatter_of_its_curves(mri: MriRecord) -> None:
    """Over noise drawn anew, the curve of known T2 scatters as its standard error says."""
    rng = np.random.default_rng(8)
    clean = np.asarray(mri.t2["s0"]) * np.exp(
        -np.asarray(mri.te_ms)[:, None, None] / np.nan_to_num(mri.t2["t2_ms"], nan=1.0)
    )
    table = mri.regions_table
    assert table is not None
    curves, errors = [], []
    for _ in range(200):
        noise = rng.normal(0.0, 20.0, (2, *clean.shape))
        seen = replace(
            mri, echoes=np.hypot(clean + noise[0], noise[1]), regions_table=table.assign(t2_se_ms=0.0)
        )
        (decay,) = region_decays(seen)
        curves.append(decay.curve)
        errors.append(decay.curve_se)
    assert np.mean(errors, axis=0) == pytest.approx(np.std(curves, axis=0), rel=0.2)
    # an error of T2 widens the band where the points do not hold it
    (wider,) = region_decays(mri)
    assert wider.curve_se[0] > 2.0 * errors[0][0]


def test_link_figure_draws_all_panels(
    shorted: XctRecord, mri: MriRecord, sem: SectionRecord, links: pd.DataFrame
) -> None:
    drawing = link_figure([shorted], [mri], [sem], links, {"p_value": 0.012})
    assert set(drawing.numbers) == {"mri_plane", "tomogram_section", "sem_section", "links"}
    written = words(drawing.figure)
    for part in (
        "crack along the ray / µm",
        "region 1 and crack 1",
        "region 1 on crack 1: 0.97",
        "p = 0.012",
        "4 ± 6 µm",
    ):
        assert part in written
    plane = drawing.numbers["mri_plane"]
    # The flat crack lies at z = 220, in the middle of row 8; it is 10 um thick: half of the row sees it.
    crack = plane[(plane.crack_um > 1.0) & plane.column.between(11, 16)]
    assert set(crack["row"]) == {8}
    assert crack["crack_um"].to_numpy() == pytest.approx(100.0, rel=0.01)
    assert plane["region"].sum() == 6
    place = drawing.numbers["tomogram_section"].iloc[0]
    assert (place["region"], place["crack"]) == (1, 1)
    assert place["crack_voxels_on_rays"] > 0
    assert place["point_z_um"] == pytest.approx(220.0)
    assert 220.0 <= place["point_y_um"] <= 330.0
    outlines = drawing.numbers["sem_section"]
    assert {"crack 1", "region 1"} <= set(outlines["outline"])
    # On the section the crack runs from y = 195 to 395 at z = 220, so at v = 170.
    crack_line = outlines.query("outline == 'crack 1'")
    assert crack_line["v_um"].mean() == pytest.approx(170.0, abs=3.0)
    assert (crack_line["u_um"].min(), crack_line["u_um"].max()) == pytest.approx((195.0, 395.0), abs=6.0)


def test_link_figure_says_what_was_refused(shorted: XctRecord, mri: MriRecord, sem: SectionRecord) -> None:
    bad_mri = replace(mri, registration=refusal(mri.registration))
    bad_sem = replace(sem, registration=refusal(sem.registration))
    drawing = link_figure([shorted], [bad_mri], [bad_sem], None, None)
    written = words(drawing.figure)
    assert written.count("MRI registration refused: the runner-up is as good") == 3
    assert "SEM registration refused: the runner-up is as good" in written
    assert drawing.numbers == {}


@pytest.mark.parametrize("have", ["nothing", "xct", "mri", "sem"])
def test_every_figure_works_with_what_there_is(
    have: str, shorted: XctRecord, mri: MriRecord, sem: SectionRecord
) -> None:
    tomograms = [shorted] if have == "xct" else []
    series = [replace(mri, registration=None)] if have == "mri" else []
    sections = [replace(sem, registration=None)] if have == "sem" else []
    missing = {
        "cell": cell_figure(tomograms),
        "echo": echo_figure(series, tomograms),
        "t2": t2_figure(series),
        "decay": decay_figure(series),
        "link": link_figure(tomograms, series, sections),
    }
    for drawing in missing.values():
        assert words(drawing.figure)
    if have != "mri":
        assert "No MRI of this cell." in words(missing["t2"].figure)
    if have != "xct":
        assert "No tomogram of this cell." in words(missing["cell"].figure)
        assert "There is no tomogram of this cell." in words(missing["link"].figure)


def test_many_slices_show_the_one_with_regions(mri: MriRecord, shorted: XctRecord) -> None:
    stacked = replace(
        mri,
        echoes=np.stack([np.asarray(mri.echoes) * 2.0, mri.echoes, mri.echoes], axis=1),
        spacing_um=(50.0, 20.0, 20.0),
        t2={k: np.stack([v] * 3) for k, v in mri.t2.items()},
        regions=np.stack([np.zeros_like(mri.regions), np.asarray(mri.regions), np.zeros_like(mri.regions)]),
    )
    plane = stacked.plane()
    assert plane.remark == "slice 2 of 3"
    assert plane.registration is not None
    assert mri.registration is not None
    assert plane.registration.map((0, 0, 0)) == pytest.approx(mri.registration.map((0, 0, 50.0)))
    assert "slice 2 of 3" in words(t2_figure([stacked]).figure)
    assert link_figure([shorted], [stacked]).numbers["mri_plane"]["region"].sum() == 6
