from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spallmap.figures import decay_figure
from spallmap.figures.paper.figure4 import region_decays
from spallmap.results.records import MriRecord
from tests.unit.figures.paper.paper_checks import words


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
    several = replace(
        mri,
        echoes=echoes,
        t2={**mri.t2, "s0": s0},
        summary={**mri.summary, "model": "chi", "n_coils": 8},
    )
    (decay,) = region_decays(several)
    assert np.abs(decay.residuals).max() < 4.0
    assert "noise floor, 3.94 σ" in words(decay_figure([several]).figure)


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
