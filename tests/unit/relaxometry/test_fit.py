from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special, stats

from spallmap.errors import InputError
from spallmap.relaxometry import CHANNELS, FitStatus, fit_t2
from spallmap.relaxometry.models import MODELS
from spallmap.relaxometry.rice import RAYLEIGH_MEAN
from tests.unit.relaxometry.decay_phantom import TE_MS, decays, magnitudes

TE = np.array(TE_MS)


def rice_log_density(m: np.ndarray, nu: float) -> np.ndarray:
    return np.log(m) - 0.5 * (m - nu) ** 2 + np.log(special.i0e(m * nu))


def cramer_rao_t2(t2_ms: float, snr: float) -> float:
    """Bound of T2 for Rician samples: numerical derivatives of the log-density, integrated on a fine grid."""

    def signal(p: np.ndarray) -> np.ndarray:
        return p[0] * np.exp(-TE / p[1])

    point = np.array([snr, t2_ms])
    information = np.zeros((2, 2))
    steps = 1e-5 * point
    jacobian = np.array(
        [
            (signal(point + np.eye(2)[k] * steps) - signal(point - np.eye(2)[k] * steps)) / (2 * steps[k])
            for k in (0, 1)
        ]
    )
    for i, nu in enumerate(signal(point)):
        m = np.linspace(1e-6, nu + 12.0, 20001)
        h = 1e-4
        score = (rice_log_density(m, nu + h) - rice_log_density(m, nu - h)) / (2.0 * h)
        per_sample = np.trapezoid(np.exp(rice_log_density(m, nu)) * score**2, m)
        information += per_sample * np.outer(jacobian[:, i], jacobian[:, i])
    return float(np.sqrt(np.linalg.inv(information)[1, 1]))


def noiseless(model: str, t2_ms: float, s0: float, sigma: float) -> np.ndarray:
    clean = decays(t2_ms, s0, 4)
    if model == "complex":
        return clean * np.exp(1j * np.array([0.3, -2.0, 1.5, 3.1]))
    return clean + {"offset": RAYLEIGH_MEAN * sigma, "free_offset": 0.4, "rician": 0.0, "chi": 0.0}[model]


@pytest.mark.parametrize("model", sorted(MODELS))
@pytest.mark.parametrize("t2_ms", [1.5, 5.0, 7.0, 10.0, 16.0, 25.0, 80.0])
def test_noiseless_data_give_the_truth(model: str, t2_ms: float) -> None:
    sigma = 1e-6
    fit = fit_t2(noiseless(model, t2_ms, 3.0, sigma), TE_MS, model, sigma)
    np.testing.assert_allclose(fit.t2_ms, t2_ms, rtol=1e-6)
    np.testing.assert_allclose(fit.s0, 3.0, rtol=1e-6)
    assert np.all(fit.status == FitStatus.OK)
    assert np.all(fit.p_long == (t2_ms > 12.0))


@pytest.mark.parametrize("model", ["offset", "free_offset", "rician", "chi"])
@settings(max_examples=15, deadline=None)
@given(scale=st.floats(1e-4, 1e5), order=st.permutations(range(5)), seed=st.integers(0, 1000))
def test_scale_and_order_of_the_echoes_do_not_matter(
    model: str, scale: float, order: list[int], seed: int
) -> None:
    data = magnitudes(decays(9.0, 20.0, 30), 1.0, np.random.default_rng(seed))
    plain = fit_t2(data, TE_MS, model, 1.0)
    other = fit_t2(scale * data[order], TE[order].tolist(), model, scale)
    np.testing.assert_allclose(other.t2_ms, plain.t2_ms, rtol=1e-6)
    np.testing.assert_allclose(other.s0, scale * plain.s0, rtol=1e-6)
    np.testing.assert_allclose(other.p_long, plain.p_long, atol=1e-6)
    np.testing.assert_array_equal(other.status, plain.status)


@pytest.mark.parametrize("t2_ms", [5.0, 7.0, 10.0, 16.0])
@pytest.mark.parametrize("snr", [20.0, 50.0])
def test_rician_fit_is_unbiased_and_reaches_the_bound(t2_ms: float, snr: float) -> None:
    data = magnitudes(decays(t2_ms, snr, 8000), 1.0, np.random.default_rng(int(100 * t2_ms + snr)))
    fit = fit_t2(data, TE_MS, "rician", 1.0)
    bound = cramer_rao_t2(t2_ms, snr)
    t2 = fit.t2_ms[fit.ok]
    # a few that noise lets vanish by the second echo have no lower end
    assert t2.size > 7970
    assert abs(t2.mean() / t2_ms - 1.0) < 0.006
    assert abs(np.median(t2) / t2_ms - 1.0) < 0.02
    assert 0.96 < t2.std() / bound < 1.07
    assert np.median(fit.t2_se_ms) == pytest.approx(bound, rel=0.03)
    assert fit.chi2_reduced.mean() == pytest.approx(1.0, abs=0.04)


@pytest.mark.parametrize("t2_ms", [5.0, 16.0, 25.0])
@pytest.mark.parametrize("snr", [10.0, 20.0, 50.0])
@pytest.mark.parametrize("model", ["rician", "offset", "complex"])
def test_intervals_hold_the_truth_in_95_of_100(model: str, snr: float, t2_ms: float) -> None:
    rng = np.random.default_rng(int(10 * t2_ms + snr))
    clean = decays(t2_ms, snr, 6000)
    noise = rng.normal(size=clean.shape) + 1j * rng.normal(size=clean.shape)
    data = {
        "rician": np.abs(clean + noise),
        "offset": clean + RAYLEIGH_MEAN + noise.real,
        "complex": clean + noise,
    }
    fit = fit_t2(
        np.maximum(data[model], 0.0) if model == "offset" else data[model], TE_MS, model, 1.0, intervals=True
    )
    assert fit.t2_low_ms is not None
    assert fit.t2_high_ms is not None
    inside = (fit.t2_low_ms <= t2_ms) & (t2_ms <= fit.t2_high_ms)
    assert 0.93 < np.mean(inside[fit.status != FitStatus.BELOW_SNR]) < 0.97


def test_intervals_without_an_end_say_so() -> None:
    fit = fit_t2(decays(1e5, 5.0, 1), TE_MS, "rician", 1.0, intervals=True)
    assert fit.t2_high_ms is not None
    assert np.isinf(fit.t2_high_ms[0])
    assert fit.t2_low_ms is not None
    assert 1.0 < fit.t2_low_ms[0] < 100.0
    assert fit_t2(decays(7.0, 5.0, 1), TE_MS, "rician", 1.0).t2_low_ms is None


def test_the_bias_correction_moves_the_mean_and_leaves_weak_pixels_alone() -> None:
    rng = np.random.default_rng(21)
    for snr, moved in ((20.0, True), (4.0, False)):
        data = magnitudes(decays(16.0, snr, 8000), 1.0, rng)
        corrected = fit_t2(data, TE_MS, "rician", 1.0, min_snr=0.0)
        plain = fit_t2(data, TE_MS, "rician", 1.0, min_snr=0.0, correct_bias=False)
        change = np.median(corrected.t2_ms / plain.t2_ms - 1.0)
        if moved:
            assert plain.t2_ms.mean() / 16.0 - 1.0 > 0.007
            assert abs(corrected.t2_ms.mean() / 16.0 - 1.0) < 0.004
        else:
            assert abs(change) < 0.003


def maximum_by_scipy(m: np.ndarray, n_coils: int) -> float:
    """T2 by a general optimiser on scipy's own non-central chi-square density of the squares."""

    def misfit(p: np.ndarray) -> float:
        nu = np.exp(p[0] - TE * np.exp(-p[1]))
        return -float(np.sum(stats.ncx2.logpdf(m**2, 2 * n_coils, nu**2)))

    starts = [(np.log(m[0]), np.log(t)) for t in (4.0, 10.0, 30.0)]
    runs = [
        optimize.minimize(misfit, s, method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-10})
        for s in starts
    ]
    return float(np.exp(min(runs, key=lambda r: r.fun).x[1]))


@pytest.mark.parametrize("n_coils", [1, 4, 16])
def test_magnitude_fits_agree_with_a_general_optimiser(n_coils: int) -> None:
    rng = np.random.default_rng(n_coils)
    clean = decays(9.0, 25.0, 12)
    channels = rng.normal(size=(2 * n_coils, *clean.shape))
    channels[0] += clean
    data = np.sqrt(np.sum(channels**2, axis=0))
    model = "rician" if n_coils == 1 else "chi"
    fit = fit_t2(data, TE_MS, model, 1.0, n_coils=n_coils, correct_bias=False)
    np.testing.assert_allclose(fit.t2_ms, [maximum_by_scipy(m, n_coils) for m in data.T], rtol=1e-4)


def test_several_coils_fitted_as_one_are_biased_and_as_several_are_not() -> None:
    rng = np.random.default_rng(23)
    clean = decays(7.0, 20.0, 6000)
    channels = rng.normal(size=(8, *clean.shape))
    channels[0] += clean
    data = np.sqrt(np.sum(channels**2, axis=0))
    right = fit_t2(data, TE_MS, "chi", 1.0, n_coils=4)
    assert right.t2_ms.mean() == pytest.approx(7.0, rel=0.01)
    assert right.chi2_reduced.mean() == pytest.approx(1.0, abs=0.05)
    assert right.t2_ms.std() == pytest.approx(np.median(right.t2_se_ms), rel=0.08)
    assert np.median(fit_t2(data, TE_MS, "rician", 1.0).t2_ms) > 8.0


def test_skipped_echoes_are_those_with_the_shortest_times() -> None:
    data = magnitudes(decays(9.0, 30.0, 50), 1.0, np.random.default_rng(24))
    order = [3, 0, 4, 2, 1]
    skipped = fit_t2(data[order], TE[order].tolist(), "rician", 1.0, skip_echoes=2)
    np.testing.assert_array_equal(skipped.t2_ms, fit_t2(data[2:], TE_MS[2:], "rician", 1.0).t2_ms)
    assert skipped.te_ms == TE_MS[2:]
    with pytest.raises(InputError, match="skip_echoes"):
        fit_t2(data, TE_MS, "rician", 1.0, skip_echoes=4)


@pytest.mark.parametrize("model", ["offset", "free_offset", "rician", "complex"])
def test_threads_do_not_change_anything(model: str) -> None:
    rng = np.random.default_rng(25)
    data = magnitudes(decays(9.0, 15.0, 20_000), 1.0, rng)
    if model == "complex":
        data = data * np.exp(1j)
    one, two = (fit_t2(data, TE_MS, model, 1.0, threads=n) for n in (1, 2))
    np.testing.assert_array_equal(
        one.stack(("t2_ms", "p_long", "status")), two.stack(("t2_ms", "p_long", "status"))
    )


def test_rician_fit_keeps_the_weak_long_decay_that_a_subtracted_floor_shortens() -> None:
    data = magnitudes(decays(16.0, 4.0, 6000), 1.0, np.random.default_rng(5))
    assert np.median(fit_t2(data, TE_MS, "rician", 1.0).t2_ms) == pytest.approx(16.0, rel=0.08)
    assert np.median(fit_t2(data, TE_MS, "offset", 1.0).t2_ms) < 12.0


@pytest.mark.parametrize("model", ["complex", "free_offset"])
def test_standard_errors_of_gaussian_models_match_the_scatter(model: str) -> None:
    rng = np.random.default_rng(8)
    clean = decays(7.0, 60.0, 6000)
    noise = rng.normal(size=clean.shape)
    if model == "complex":
        data = (clean + noise + 1j * rng.normal(size=clean.shape)) * np.exp(2j)
    else:
        data = clean + 20.0 + noise
    fit = fit_t2(data, TE_MS, model, 1.0)
    assert fit.t2_ms.std() == pytest.approx(np.median(fit.t2_se_ms), rel=0.06)
    assert fit.s0.std() == pytest.approx(np.median(fit.s0_se), rel=0.06)
    assert fit.t2_ms.mean() == pytest.approx(7.0, rel=0.01)
    if model == "free_offset":
        assert np.median(fit.offset) == pytest.approx(20.0, abs=0.1)


def test_p_long_is_calibrated() -> None:
    rng = np.random.default_rng(9)
    n = 40_000
    t2 = np.exp(rng.uniform(np.log(0.45), np.log(400.0), n))
    first = np.exp(rng.uniform(0.0, np.log(100.0), n))
    data = magnitudes(first * np.exp(-(TE[:, None] - TE[0]) / t2), 1.0, rng)
    fit = fit_t2(data, TE_MS, "rician", 1.0)
    seen = fit.status != FitStatus.BELOW_SNR
    for low in (0.1, 0.3, 0.5, 0.7, 0.8):
        said = seen & (fit.p_long >= low) & (fit.p_long < low + 0.1)
        assert said.sum() > 150
        assert np.mean(t2[said] > 12.0) == pytest.approx(fit.p_long[said].mean(), abs=0.07)


def test_snr_is_the_fitted_first_echo_over_sigma() -> None:
    fit = fit_t2(decays(7.0, 1000.0, 1), TE_MS, "rician", 2.0)
    assert fit.snr[0] == pytest.approx(500.0 * np.exp(-2.0 / 7.0), rel=1e-4)


def test_pure_noise_is_below_snr() -> None:
    data = magnitudes(np.zeros((5, 64, 48)), 1.0, np.random.default_rng(10))
    fit = fit_t2(data, TE_MS)
    assert np.mean(fit.status == FitStatus.BELOW_SNR) > 0.985
    assert np.all(np.isfinite(fit.p_long))


def test_constant_and_instant_decays_are_at_a_bound() -> None:
    data = np.stack([np.full(5, 50.0), np.array([50.0, 0.0, 0.0, 0.0, 0.0])], axis=1)
    for model in ("offset", "rician"):
        fit = fit_t2(data, TE_MS, model, 1.0)
        assert fit.status.tolist() == [FitStatus.AT_BOUND, FitStatus.AT_BOUND]
        np.testing.assert_allclose(fit.t2_ms, fit.t2_bounds_ms[::-1], rtol=1e-5)


def test_broken_pixels_have_a_status_and_do_not_touch_others() -> None:
    data = magnitudes(decays(7.0, 30.0, 6), 1.0, np.random.default_rng(12))
    plain = fit_t2(data, TE_MS, "rician", 1.0)
    data[1, 0], data[2, 1], data[3, 2], data[0, 3] = np.nan, np.inf, -1.0, 500.0
    mask = np.array([True, True, True, True, False, True])
    fit = fit_t2(data, TE_MS, "rician", 1.0, mask=mask, saturation=400.0)
    expected = [FitStatus.INVALID] * 3 + [FitStatus.SATURATED, FitStatus.MASKED, FitStatus.OK]
    expected[1] = FitStatus.INVALID
    assert fit.status.tolist() == expected
    assert np.all(np.isnan([fit.t2_ms[:5], fit.p_long[:5]]))
    assert fit.t2_ms[5] == plain.t2_ms[5]


def test_two_echoes_give_the_closed_form() -> None:
    data = np.array([[40.0], [10.0]])
    fit = fit_t2(data, (3.0, 10.0), "rician", 1e-5)
    assert fit.t2_ms[0] == pytest.approx(7.0 / np.log(4.0), rel=1e-6)
    assert np.isnan(fit.chi2_reduced[0])


def test_repeated_echo_times_count_twice() -> None:
    te = (2.0, 8.0, 8.0, 16.0)
    data = magnitudes(decays(9.0, 25.0, 4000, te), 1.0, np.random.default_rng(13))
    fit = fit_t2(data, te, "rician", 1.0)
    once = fit_t2(data[[0, 1, 3]], (2.0, 8.0, 16.0), "rician", 1.0)
    assert np.median(fit.t2_ms) == pytest.approx(9.0, rel=0.02)
    assert np.median(fit.t2_se_ms) < np.median(once.t2_se_ms)


def test_any_shape_of_pixels() -> None:
    flat = magnitudes(decays(7.0, 30.0, 24), 1.0, np.random.default_rng(14))
    fit = fit_t2(flat.reshape(5, 2, 3, 4), TE_MS, "rician", 1.0)
    np.testing.assert_array_equal(fit.t2_ms.ravel(), fit_t2(flat, TE_MS, "rician", 1.0).t2_ms)
    stacked = fit.stack(("t2_ms", "status"))
    assert stacked.dtype == np.float32
    assert stacked.shape == (2, 2, 3, 4)
    np.testing.assert_array_equal(stacked[0], fit.t2_ms.astype(np.float32))
    np.testing.assert_array_equal(stacked[1], fit.status)
    names = "t2_ms t2_se_ms s0 s0_se offset p_long chi2_reduced snr status"
    assert list(CHANNELS) == names.split()
    np.testing.assert_array_equal(fit.stack(CHANNELS)[0], stacked[0])


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"te_ms": (2.0, 4.0)}, "echo"),
        ({"te_ms": (2.0, 2.0, 2.0, 2.0, 2.0)}, "different echo times"),
        ({"te_ms": (2.0, 2.0, 2.0, 9.0, 9.0), "model": "free_offset"}, "different echo times"),
        ({"te_ms": (2.0, -4.0, 6.0, 8.0, 10.0)}, "te_ms"),
        ({"te_ms": (2.0, np.nan, 6.0, 8.0, 10.0)}, "te_ms"),
        ({"model": "biexponential"}, "rician"),
        ({"model": "complex"}, "complex"),
        ({"sigma": 0.0}, "sigma"),
        ({"sigma": np.nan}, "sigma"),
        ({"sigma": None}, "background"),
        ({"long_ms": -1.0}, "long_ms"),
        ({"t2_bounds_ms": (10.0, 5.0)}, "t2_bounds_ms"),
        ({"mask": np.ones(3, dtype=bool)}, "mask"),
        ({"n_coils": 2}, "chi"),
        ({"model": "chi", "n_coils": 0}, "n_coils"),
        ({"skip_echoes": -1}, "skip_echoes"),
    ],
)
def test_unusable_arguments_are_named(arguments: dict, word: str) -> None:
    known = {"te_ms": TE_MS, "model": "rician", "sigma": 1.0, **arguments}
    with pytest.raises(InputError, match=word):
        fit_t2(np.ones((5, 4)), **known)


def test_complex_data_need_the_complex_model() -> None:
    with pytest.raises(InputError, match="complex"):
        fit_t2(np.ones((5, 4), dtype=complex), TE_MS, "rician", 1.0)


@pytest.mark.parametrize("n_coils", [2, 8, 32])
def test_noise_of_several_coils_is_below_snr(n_coils: int) -> None:
    rng = np.random.default_rng(26)
    data = np.sqrt(np.sum(rng.normal(size=(2 * n_coils, 5, 64, 48)) ** 2, axis=0))
    fit = fit_t2(data, TE_MS, "chi", 1.0, n_coils=n_coils)
    assert np.mean(fit.status == FitStatus.BELOW_SNR) > 0.99


def test_echo_times_that_differ_by_rounding_are_one() -> None:
    te = (10.0, 10.0001, 20.0, 20.0001)
    fit = fit_t2(magnitudes(decays(9.0, 25.0, 5, te), 1.0, np.random.default_rng(27)), te, "rician", 1.0)
    assert fit.t2_bounds_ms[0] == pytest.approx(1.0, rel=1e-3)
    with pytest.raises(InputError, match="1 different echo times"):
        fit_t2(np.ones((2, 4)), (10.0, 10.0), "rician", 1.0)


@pytest.mark.parametrize("arguments", [{"min_snr": np.nan}, {"saturation": np.nan}, {"threads": 0}])
def test_limits_that_are_no_numbers_are_refused(arguments: dict) -> None:
    with pytest.raises(InputError, match=next(iter(arguments))):
        fit_t2(np.ones((5, 4)), TE_MS, "rician", 1.0, **arguments)


def seen_by(model: str, signal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What each model's scanner makes of a signal, sigma 1."""
    if model == "complex":
        return (signal + rng.normal(size=signal.shape) + 1j * rng.normal(size=signal.shape)) * np.exp(0.7j)
    if model == "offset":
        return np.maximum(signal + RAYLEIGH_MEAN + rng.normal(size=signal.shape), 0.0)
    if model == "chi":
        channels = rng.normal(size=(8, *signal.shape))
        channels[0] += signal
        return np.sqrt(np.sum(channels**2, axis=0))
    return magnitudes(signal + (5.0 if model == "free_offset" else 0.0), 1.0, rng)


@pytest.mark.parametrize("model", sorted(MODELS))
@pytest.mark.parametrize("snr", [10.0, 40.0, 200.0])
def test_ok_pixels_are_right_within_their_errors_whatever_t2(model: str, snr: float) -> None:
    usable = 0
    for t2_ms in (0.5, 1.0, 2.0, 5.0, 8.0, 12.0, 16.0, 25.0, 40.0, 80.0, 200.0, 582.0, 2000.0, 10_000.0):
        rng = np.random.default_rng([65, int(10 * t2_ms), int(snr)])
        signal = snr * np.exp(-(TE - TE[0]) / t2_ms)[:, None, None] * np.ones((32, 32))
        fit = fit_t2(seen_by(model, signal, rng), TE_MS, model, 1.0, n_coils=4 if model == "chi" else 1)
        ok = fit.ok
        off = (fit.t2_ms[ok] - t2_ms) / fit.t2_se_ms[ok]
        # the errors of a long T2 are skew: that far off are those that noise has made short
        assert np.count_nonzero(np.abs(off) > 3.0) < 0.05 * ok.size
        if ok.mean() > 0.5:
            usable += 1
            assert abs(np.median(off)) < 1.0
            assert np.median(fit.t2_ms[ok]) == pytest.approx(t2_ms, rel=0.2)
        if t2_ms >= 582.0:
            assert ok.mean() < 0.005
    assert usable >= (1 if model == "free_offset" else 4)


def test_a_free_constant_is_not_negative_and_takes_no_curve_for_a_short_t2() -> None:
    # the residuals of a train of imperfect pulses alternate by 1 %, which a negative constant would explain
    te = np.arange(1, 9) * 7.0
    bent = 1.0 + 0.01 * (-1.0) ** np.arange(8)
    signal = 4000.0 * np.exp(-te / 582.0) * bent
    noise = np.random.default_rng(66).normal(size=(8, 20, 20))
    fit = fit_t2(signal[:, None, None] + noise, te.tolist(), "free_offset", 1.0)
    assert np.all(fit.offset >= 0.0)
    assert not fit.ok.any()


@pytest.mark.parametrize("constant", [0.0, 0.3, 30.0])
def test_a_free_constant_agrees_with_a_general_optimiser(constant: float) -> None:
    rng = np.random.default_rng(67)
    data = np.abs(decays(9.0, 60.0, 30) + constant + rng.normal(size=(5, 30)))
    fit = fit_t2(data, TE_MS, "free_offset", 1.0)

    def residual(p: np.ndarray, m: np.ndarray) -> np.ndarray:
        return p[0] * np.exp(-TE / p[1]) + p[2] - m

    for k, m in enumerate(data.T):
        best = optimize.least_squares(
            residual, (60.0, 9.0, 1.0), bounds=([0.0, 0.4, 0.0], np.inf), args=(m,), xtol=1e-12, ftol=1e-12
        )
        assert 0.5 * np.sum(residual(np.array([fit.s0[k], fit.t2_ms[k], fit.offset[k]]), m) ** 2) <= (
            best.cost * (1.0 + 1e-6)
        )
    held = np.mean(fit.offset == 0.0)
    assert held > 0.2 if constant == 0.0 else held < 0.6


@pytest.mark.parametrize("model", ["rician", "offset", "complex"])
def test_pixels_with_a_clipped_sample_are_left_out_and_the_others_are_right(model: str) -> None:
    rng = np.random.default_rng(68)
    signal = rng.uniform(20.0, 120.0, (48, 48)) * np.exp(-TE[:, None, None] / 16.0)
    data = seen_by(model, signal, rng)
    ceiling = 60.0
    clipped = np.abs(data) >= ceiling
    stored = np.where(clipped, ceiling * data / np.abs(data), data)
    order = [2, 0, 4, 1, 3]
    fit = fit_t2(stored[order], TE[order].tolist(), model, 1.0, clipped=clipped[order])
    cut = clipped.any(axis=0)
    assert 0.2 < cut.mean() < 0.8
    np.testing.assert_array_equal(fit.status == FitStatus.SATURATED, cut)
    assert np.all(np.isnan(fit.t2_ms[cut]))
    off = (fit.t2_ms[fit.ok] - 16.0) / fit.t2_se_ms[fit.ok]
    assert abs(off.mean()) < (0.15 if model == "rician" else 0.3)
    # clipped in the first echo alone, which is skipped
    first = clipped[1:].any(axis=0)
    skipped = fit_t2(stored[order], TE[order].tolist(), model, 1.0, clipped=clipped[order], skip_echoes=1)
    np.testing.assert_array_equal(skipped.status == FitStatus.SATURATED, first)
    with pytest.raises(InputError, match="clipped"):
        fit_t2(stored, TE_MS, model, 1.0, clipped=cut)
