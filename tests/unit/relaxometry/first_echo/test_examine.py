from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from echo_trains import draw_cell, noisy, refocused_train, refocusing_weights

from spallmap.relaxometry import fit_t2, get_model, long_t2_regions
from spallmap.relaxometry.first_echo import FirstEcho, examine_first_echo

RICIAN = get_model("rician")
FIVE_MS = 4.0 * np.arange(1.0, 6.0)
TEN_MS = 2.0 * np.arange(1.0, 11.0)
SPACING_UM = (23.0, 46.0)


def rotated_spins(n_echoes: int, spacing_ms: float, t2_ms: float, angle_deg: float) -> np.ndarray:
    """Echoes of a train as the mean of many spins of evenly spread precession, each rotated in space."""
    precession = np.linspace(-np.pi, np.pi, 4001)[:-1]
    angle, decay = np.deg2rad(angle_deg), np.exp(-0.5 * spacing_ms / t2_ms)
    x, y, z = np.zeros(4000), np.ones(4000), np.zeros(4000)
    echoes = []

    def precess(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        spin = decay * (x + 1j * y) * np.exp(1j * precession)
        return spin.real, spin.imag

    for _ in range(n_echoes):
        x, y = precess(x, y)
        x, z = x * np.cos(angle) + z * np.sin(angle), z * np.cos(angle) - x * np.sin(angle)
        x, y = precess(x, y)
        echoes.append(y.mean())
    return np.array(echoes)


@pytest.mark.parametrize(("angle_deg", "t2_ms"), [(180.0, 8.0), (150.0, 16.0), (120.0, 8.0), (70.0, 3.0)])
def test_the_simulation_agrees_with_single_spins(angle_deg: float, t2_ms: float) -> None:
    train = refocusing_weights(5, angle_deg) @ np.exp(-FIVE_MS / t2_ms)
    np.testing.assert_allclose(train, rotated_spins(5, 4.0, t2_ms, angle_deg), atol=1e-12)
    assert refocusing_weights(5, 180.0) == pytest.approx(np.eye(5), abs=1e-12)


def cell(
    seed: int, te_ms: np.ndarray, angle_deg: Any, dendrite_snr: float | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A train, or separate echoes where no angle is given; dendrite and electrode pixels."""
    rng = np.random.default_rng(seed)
    echoes, dendrite, electrode = draw_cell(rng, te_ms, 35.0, dendrite_snr)
    return (
        noisy(echoes if angle_deg is None else refocused_train(echoes, angle_deg), rng),
        dendrite,
        electrode,
    )


@pytest.mark.parametrize("te_ms", [FIVE_MS, TEN_MS])
def test_a_train_that_refocuses_fully_is_used_as_it_is(te_ms: np.ndarray) -> None:
    echoes, _, _ = cell(1, te_ms, 180.0)
    found = examine_first_echo(echoes, te_ms, RICIAN, 1.0, train="cpmg")
    assert (found.decision, found.used, found.deviates) == ("keep", "keep", False)
    assert abs(found.deviation) < 3.5 * found.deviation_se < 0.06
    assert found.n_pixels > 100
    samples, times = found.used_series(echoes, te_ms, RICIAN)
    assert samples is echoes
    assert times is te_ms
    assert found.other_series(echoes, te_ms, RICIAN) is None


@pytest.mark.parametrize(
    ("te_ms", "angle_deg", "use"),
    [
        (FIVE_MS, 150.0, "adjust"),
        (FIVE_MS, 125.0, "adjust"),
        (TEN_MS, 150.0, "skip"),
        (TEN_MS, 120.0, "skip"),
    ],
)
def test_a_low_first_echo_does_not_lengthen_the_electrodes_t2(
    te_ms: np.ndarray, angle_deg: float, use: str
) -> None:
    echoes, _, electrode = cell(2, te_ms, angle_deg)
    found = examine_first_echo(echoes, te_ms, RICIAN, 1.0, train="cpmg")
    assert (found.decision, found.used) == (use, use)
    assert found.deviation < -0.04
    fits = [
        np.median(fit_t2(samples, times.tolist(), sigma=1.0).t2_ms[electrode])
        for samples, times in (found.used_series(echoes, te_ms, RICIAN), (echoes, te_ms))
    ]
    assert fits[0] < 8.8 < fits[1] or fits[0] < 8.2 < fits[1]
    assert fits[0] > 6.8
    assert found.t2_kept_ms == pytest.approx(fits[1], rel=0.05)
    assert found.t2_skipped_ms == pytest.approx(fits[0], rel=0.05)
    other = found.other_series(echoes, te_ms, RICIAN)
    assert other is not None
    assert other[1] is te_ms


def test_the_size_of_the_deviation_is_that_of_the_data() -> None:
    rng = np.random.default_rng(3)
    signal = rng.uniform(20.0, 60.0, 400) * np.exp(-FIVE_MS / 8.0)[:, None]
    signal[0] *= 0.85
    errors = []
    for _ in range(8):
        found = examine_first_echo(noisy(signal, rng), FIVE_MS, RICIAN, 1.0, train="cpmg")
        errors.append((found.deviation + 0.15) / found.deviation_se)
        assert found.effective_te_ms == pytest.approx(4.0 - 8.0 * np.log(0.85), abs=0.35)
        assert found.t2_adjusted_ms == pytest.approx(8.0, rel=0.04)
        assert found.spread == 0.0
    assert np.abs(errors).max() < 3.5


def test_a_dendrite_beside_five_echoes_is_found_with_the_effective_time() -> None:
    n_found = {"separate": 0, "cpmg": 0}
    for seed in range(40, 48):
        for train, angle in (("separate", None), ("cpmg", 140.0)):
            echoes, dendrite, _ = cell(seed, FIVE_MS, angle, 8.0)
            first = examine_first_echo(echoes, FIVE_MS, RICIAN, 1.0, train=train)
            samples, times = first.used_series(echoes, FIVE_MS, RICIAN)
            regions = long_t2_regions(samples, times.tolist(), 1.0, spacing_um=SPACING_UM)
            n_found[train] += bool(regions.labels[dendrite].any())
            assert first.used == ("keep" if train == "separate" else "adjust")
    assert n_found["separate"] >= 6
    assert n_found["cpmg"] >= n_found["separate"] - 1


@pytest.mark.parametrize("train", ["separate", "unknown"])
def test_other_echoes_than_a_trains_are_used_as_they_are(train: str) -> None:
    echoes, _, _ = cell(4, FIVE_MS, 140.0)
    found = examine_first_echo(echoes, FIVE_MS, RICIAN, 1.0, train=train)
    assert (found.decision, found.used) == ("adjust", "keep")
    assert found.used_series(echoes, FIVE_MS, RICIAN)[1] is FIVE_MS
    other = found.other_series(echoes, FIVE_MS, RICIAN)
    assert other is not None
    assert other[1].tolist() == [pytest.approx(found.effective_te_ms), *FIVE_MS[1:]]


def test_clean_separate_echoes_raise_no_doubt() -> None:
    for seed in range(60, 70):
        te_ms = FIVE_MS if seed % 2 else TEN_MS
        found = examine_first_echo(cell(seed, te_ms, None)[0], te_ms, RICIAN, 1.0, train="separate")
        assert found.decision == "keep"


@pytest.mark.parametrize(("angle_deg", "decision"), [(140.0, "adjust"), (180.0, "keep")])
def test_what_the_user_leaves_out_stays_out(angle_deg: float, decision: str) -> None:
    echoes, _, _ = cell(5, FIVE_MS, angle_deg)
    found = examine_first_echo(echoes, FIVE_MS, RICIAN, 1.0, train="cpmg", skip_echoes=1)
    assert (found.decision, found.used, found.n_skipped) == (decision, "skip", 1)
    samples, times = found.used_series(echoes, FIVE_MS, RICIAN)
    np.testing.assert_array_equal(samples, echoes[1:])
    np.testing.assert_array_equal(times, FIVE_MS[1:])


def test_a_deviation_that_changes_across_the_image_is_left_out() -> None:
    rng = np.random.default_rng(6)
    signal = 50.0 * np.exp(-FIVE_MS / 8.0)[:, None, None] * np.ones((5, 16, 16))
    signal[0] *= np.linspace(0.5, 1.0, 16)
    found = examine_first_echo(noisy(signal, rng), FIVE_MS, RICIAN, 1.0, train="cpmg")
    assert found.spread == pytest.approx(np.std(np.log(np.linspace(0.5, 1.0, 16))), rel=0.35)
    assert found.used == "skip"
    level = 50.0 * np.exp(-FIVE_MS / 8.0)[:, None, None] * np.ones((5, 16, 16))
    alike = examine_first_echo(noisy(level, rng), FIVE_MS, RICIAN, 1.0, train="cpmg")
    assert (alike.spread, alike.decision) == (0.0, "keep")


@pytest.mark.parametrize(("n_echoes", "decision", "used"), [(5, "adjust", "keep"), (10, "skip", "skip")])
def test_a_high_first_echo_is_no_excuse_for_another_echo_time(
    n_echoes: int, decision: str, used: str
) -> None:
    te_ms = 20.0 / n_echoes * np.arange(1.0, n_echoes + 1.0)
    signal = 50.0 * np.exp(-te_ms / 8.0)[:, None] * np.ones(300)
    signal[0] *= 1.2
    found = examine_first_echo(noisy(signal, np.random.default_rng(7)), te_ms, RICIAN, 1.0, train="cpmg")
    assert found.deviation == pytest.approx(0.2, abs=0.06)
    assert (found.decision, found.used) == (decision, used)
    assert found.t2_kept_ms < 7.5 < found.t2_skipped_ms


@pytest.mark.parametrize(("factor", "used"), [(0.93, "keep"), (0.8, "adjust")])
def test_a_little_less_is_kept_where_stimulated_echoes_fall_beside(factor: float, used: str) -> None:
    te_ms = np.array([2.0, 6.0, 10.0, 14.0, 18.0])
    signal = 50.0 * np.exp(-te_ms / 8.0)[:, None] * np.ones(400)
    signal[0] *= factor
    found = examine_first_echo(noisy(signal, np.random.default_rng(14)), te_ms, RICIAN, 1.0, train="cpmg")
    assert (found.decision, found.used) == ("adjust", used)


@pytest.mark.parametrize(
    ("te_ms", "n_pixels"), [(FIVE_MS[:3], 300), (FIVE_MS, 12), (np.array([4.0, 4.0, 8.0, 12.0]), 300)]
)
def test_too_few_echoes_or_pixels_decide_nothing(te_ms: np.ndarray, n_pixels: int) -> None:
    signal = 50.0 * np.exp(-te_ms / 8.0)[:, None] * np.ones(n_pixels)
    signal[te_ms == 4.0] *= 0.7
    echoes = noisy(signal, np.random.default_rng(8))
    found = examine_first_echo(echoes, te_ms, RICIAN, 1.0, train="cpmg")
    assert (found.decision, found.used) == ("undecided", "keep")
    assert np.isnan(found.deviation)
    other = found.other_series(echoes, te_ms, RICIAN)
    assert other is not None
    assert other[1].min() == 8.0
    assert examine_first_echo(echoes, te_ms, RICIAN, 1.0).other_series(echoes, te_ms, RICIAN) is None


def test_two_echoes_have_no_other_choice() -> None:
    echoes = np.full((2, 50), 30.0)
    found = examine_first_echo(echoes, FIVE_MS[:2], RICIAN, 1.0, train="cpmg")
    assert found.other_series(echoes, FIVE_MS[:2], RICIAN) is None


def test_weak_signal_is_undecided_rather_than_kept_in_good_faith() -> None:
    signal = 13.0 * np.exp((4.0 - FIVE_MS) / 6.0)[:, None] * np.ones(40)
    found = examine_first_echo(noisy(signal, np.random.default_rng(9)), FIVE_MS, RICIAN, 1.0, train="cpmg")
    assert found.deviation_se > 0.04
    assert (found.decision, found.used) == ("undecided", "keep")


def test_repeated_first_echoes_are_one() -> None:
    te_ms = np.repeat(FIVE_MS, 2)
    signal = 40.0 * np.exp(-te_ms / 8.0)[:, None] * np.ones(200)
    signal[:2] *= 0.8
    found = examine_first_echo(noisy(signal, np.random.default_rng(10)), te_ms, RICIAN, 1.0, train="cpmg")
    assert found.deviation == pytest.approx(-0.2, abs=0.04)
    times = found.used_series(signal, te_ms, RICIAN)[1]
    assert times[0] == times[1] == found.effective_te_ms


@pytest.mark.parametrize("name", ["offset", "free_offset", "complex", "chi"])
def test_every_model_compares_alike(name: str) -> None:
    rng = np.random.default_rng(11)
    te_ms = 3.0 * np.arange(1.0, 9.0)
    signal = 60.0 * np.exp(-te_ms / 8.0)[:, None] * np.ones(600)
    for factor in (1.0, 0.8):
        scaled = np.concatenate([factor * signal[:1], signal[1:]])
        if name == "complex":
            echoes: np.ndarray = 1j * (scaled + rng.normal(size=signal.shape))
            echoes = echoes + rng.normal(size=signal.shape)
        elif name == "chi":
            others = rng.normal(size=(6, *signal.shape))
            echoes = np.sqrt(noisy(scaled, rng) ** 2 + np.sum(others**2, axis=0))
        elif name == "offset":
            # magnitudes, whose floor is not the constant where the signal is strong
            echoes = noisy(scaled, rng)
        else:
            echoes = scaled + 5.0 + rng.normal(size=signal.shape)
        model = get_model(name, 4 if name == "chi" else 1)
        found = examine_first_echo(echoes, te_ms, model, 1.0, train="cpmg")
        # a constant beside the decay makes the prediction uncertain and its median low
        assert found.deviation == pytest.approx(factor - 1.0, abs=0.03 if name == "free_offset" else 0.01)
        assert found.deviates == (factor < 1.0)


def test_filtered_images_are_given_their_larger_error() -> None:
    rng = np.random.default_rng(12)
    signal = 40.0 * np.exp(-FIVE_MS / 8.0)[:, None, None] * np.ones((5, 24, 24))
    white = rng.normal(size=(2, 5, 24, 24))
    noise = np.sum([np.roll(white, (i, j), (2, 3)) for i in (0, 1) for j in (0, 1)], axis=0) / 2.0
    smooth = examine_first_echo(np.hypot(signal + noise[0], noise[1]), FIVE_MS, RICIAN, 1.0)
    plain = examine_first_echo(noisy(signal, rng), FIVE_MS, RICIAN, 1.0)
    assert 1.4 < smooth.deviation_se / plain.deviation_se < 3.0


def test_masked_and_saturated_pixels_are_not_compared() -> None:
    echoes, _, _ = cell(13, FIVE_MS, 140.0)
    everything = examine_first_echo(echoes, FIVE_MS, RICIAN, 1.0)
    mask = np.zeros_like(echoes[0], dtype=bool)
    mask[: len(mask) // 2] = True
    half = examine_first_echo(echoes, FIVE_MS, RICIAN, 1.0, mask=mask)
    weaker = examine_first_echo(echoes, FIVE_MS, RICIAN, 1.0, saturation=25.0)
    assert 0 < half.n_pixels < everything.n_pixels
    assert 0 < weaker.n_pixels < everything.n_pixels
    assert FirstEcho("cpmg", 4.0).deviates is False
