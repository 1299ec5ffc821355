from __future__ import annotations

import numpy as np
import pytest
from echo_trains import draw_cell, noisy, refocused_train

from spallmap.errors import DataWarning
from spallmap.relaxometry import SeriesAnalysis, analyse_series, fit_t2, long_t2_regions, threshold_map
from spallmap.relaxometry.first_echo import (
    ClassChanges,
    FirstEcho,
    class_changes,
    first_echo_summary,
    first_echo_warnings,
)

TE_MS = 4.0 * np.arange(1.0, 6.0)
SPACING_UM = (23.0, 46.0)


def low(train: str, **changed: float | str) -> FirstEcho:
    values = {
        "decision": "adjust",
        "used": "adjust" if train == "cpmg" else "keep",
        "deviation": -0.25,
        "deviation_se": 0.012,
        "n_pixels": 210,
        "effective_te_ms": 6.48,
        "t2_kept_ms": 9.93,
        "t2_adjusted_ms": 7.51,
        "t2_skipped_ms": 7.42,
    }
    return FirstEcho(train, 4.0, **{**values, **changed})


def test_pixels_and_regions_of_either_choice_are_counted() -> None:
    short, long = (np.exp(-TE_MS / t2)[:, None, None] for t2 in (8.0, 18.0))
    here, there = np.zeros((2, 12, 16))
    here[2:5, 2:6] = there[8:10, 9:13] = 1.0
    body = np.ones((12, 16)) - here - there
    one = 60.0 * (short * (body + there) + long * here)
    other = 60.0 * (short * (body + here) + long * there)
    fit = fit_t2(one, TE_MS.tolist(), sigma=0.5)
    regions = long_t2_regions(one, TE_MS.tolist(), 0.5, spacing_um=SPACING_UM)
    assert class_changes((other, TE_MS), fit, regions, spacing_um=SPACING_UM) == ClassChanges(8, 12, 1, 1)
    same = class_changes((one, TE_MS), fit, regions, spacing_um=SPACING_UM)
    assert same == ClassChanges()
    assert not same.any


def test_a_trains_warning_has_the_size_the_medians_and_the_counts() -> None:
    (warning,) = first_echo_warnings(low("cpmg"), ClassChanges(30, 1, 1, 0), 12.0)
    assert str(warning) == (
        "first echo, 4 ms: found 25 ± 1 % less signal than the later echoes let expect (210 pixels); used as "
        "if at 6.48 ms, where it lies on their decay: median T2 of these pixels 7.51 ms; 9.93 ms with it as "
        "it is, 7.42 ms without it; 31 pixels and 1 region are above 12 ms by one of these choices alone"
    )
    (warning,) = first_echo_warnings(low("cpmg", used="skip", decision="skip"), ClassChanges(), 12.0)
    assert warning.advice == "left out: median T2 of these pixels 7.42 ms; 9.93 ms with it"
    (warning,) = first_echo_warnings(
        low("cpmg", used="skip", decision="skip", spread=0.21), ClassChanges(), 12.0
    )
    assert warning.found.endswith("let expect (210 pixels, varying by 21 %)")


@pytest.mark.parametrize(
    ("first", "words"),
    [
        (low("separate"), "used as it is (the echoes are separate"),
        (low("unknown"), "used as it is (the files do not say that the echoes are one train"),
        (low("cpmg", used="keep"), "used as it is (its echo time is not the spacing of the others"),
        (low("separate", deviation=0.1), "used as it is (refocusing does not do that"),
    ],
)
def test_what_is_kept_although_it_deviates_is_warned_of(first: FirstEcho, words: str) -> None:
    (warning,) = first_echo_warnings(first, ClassChanges(1, 0, 0, 0), 12.0)
    assert words in warning.advice
    assert "7.42 ms without it, by skip_echoes 1; 1 pixel and 0 regions" in warning.advice


def test_nothing_is_said_where_nothing_is_odd_or_the_user_decided() -> None:
    for first in (
        low("cpmg", decision="keep", used="keep"),
        low("cpmg", n_skipped=1, used="skip"),
        low("separate", decision="undecided"),
    ):
        assert first_echo_warnings(first, ClassChanges(1, 0, 0, 0), 12.0) == ()


def test_a_train_that_cannot_be_judged_is_warned_of() -> None:
    (warning,) = first_echo_warnings(FirstEcho("cpmg", 4.0), ClassChanges(), 12.0)
    assert "too few echoes or pixels" in warning.found
    assert "skip_echoes 1" in warning.advice
    unclear = low("cpmg", decision="undecided", used="keep", deviation_se=0.08)
    (warning,) = first_echo_warnings(unclear, ClassChanges(4, 0, 0, 0), 12.0)
    assert warning.found.endswith("(210 pixels): too uncertain")
    assert warning.advice.endswith("4 pixels and 0 regions are above 12 ms by one of these choices alone")


def of_first_echo(analysis: SeriesAnalysis) -> list[DataWarning]:
    return [one for one in analysis.warnings if one.source_label.startswith("first echo")]


def test_the_analysis_uses_counts_and_reports_the_choice() -> None:
    rng = np.random.default_rng(21)
    echoes, dendrite, electrode = draw_cell(rng, TE_MS, 40.0, 9.0)
    train = noisy(refocused_train(echoes, 130.0), rng)

    def analysed(train_is: str, skip_echoes: int = 0):
        return analyse_series(
            train,
            TE_MS.tolist(),
            spacing_um=SPACING_UM,
            rng=np.random.default_rng(1),
            train=train_is,
            skip_echoes=skip_echoes,
        )

    found, kept, skipped = analysed("cpmg"), analysed("unknown"), analysed("cpmg", 1)
    first = found.summary["first_echo"]
    assert (first["decision"], first["used"]) == ("adjust", "adjust")
    assert first["deviation_fraction"] == pytest.approx(-0.3, abs=0.1)
    assert found.fit.te_ms == (pytest.approx(first["effective_te_ms"]), *TE_MS[1:])
    assert found.summary["electrode"]["t2_median_ms"] < 8.2
    assert kept.summary["electrode"]["t2_median_ms"] > 9.3
    changed = np.count_nonzero(threshold_map(found.fit) != threshold_map(kept.fit))
    assert first["n_pixels_changed"] == changed > 0
    (warning,) = of_first_echo(found)
    assert f"{changed} pixel" in warning.advice
    assert found.regions.labels[dendrite].any()
    assert not threshold_map(found.fit)[electrode].mean() > 0.1
    assert kept.summary["first_echo"]["used"] == "keep"
    assert kept.fit.te_ms == tuple(TE_MS)
    assert len(of_first_echo(kept)) == 1
    assert skipped.fit.te_ms == tuple(TE_MS[1:])
    assert of_first_echo(skipped) == []
    assert (skipped.summary["first_echo"]["decision"], skipped.summary["first_echo"]["used"]) == (
        "adjust",
        "skip",
    )


def test_summary_has_every_number() -> None:
    summary = first_echo_summary(low("cpmg", spread=0.02), ClassChanges(1, 2, 3, 4))
    assert summary["n_pixels_changed"] == 3
    assert summary["n_regions_changed"] == 7
    assert summary["t2_median_kept_ms"] == 9.93
    assert list(summary)[:3] == ["decision", "used", "n_skipped"]
    assert not [key for key, value in summary.items() if value is None]
