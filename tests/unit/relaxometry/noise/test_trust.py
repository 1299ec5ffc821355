from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from spallmap.errors import InputError
from spallmap.relaxometry import estimate_noise, fit_t2, trusted_sigma
from spallmap.relaxometry.noise import check_residuals, noise_warnings
from tests.unit.relaxometry.decay_phantom import magnitudes
from tests.unit.relaxometry.noise.drawn_cells import (
    CELL_TE_MS,
    LATE,
    Array,
    clean_cell,
    quiet_background,
    slice_of_tissue,
)


def test_no_clean_cell_is_refused_and_few_are_doubted() -> None:
    doubted = 0
    for seed in range(200):
        data = clean_cell(np.random.default_rng([51, seed]))
        noise = estimate_noise(data)
        fit = fit_t2(data, CELL_TE_MS, sigma=trusted_sigma(noise), threads=1)
        doubted += bool(check_residuals(fit, noise))
    assert doubted <= 2


def test_a_background_that_decays_as_tissue_does_is_refused() -> None:
    wrong = refused = falling = 0
    for seed in range(40):
        data = slice_of_tissue(np.random.default_rng([52, seed]), dim=20.0)
        try:
            fit = fit_t2(data, CELL_TE_MS, threads=1)
        except InputError as error:
            refused += 1
            falling += "falls as tissue does" in error.found
        else:
            wrong += not 0.7 < fit.sigma < 1.3
    assert wrong == 0
    assert refused > 20
    assert falling > 10


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        (
            (505.0, 396.0, 293.0, 216.0, 162.0),
            "from 505 to 162, where noise has one: it falls as tissue does",
        ),
        ((0.03, 0.05, 0.09, 0.12, 0.16), "the echoes have different scales"),
        ((3.0, 1.4, 2.2, 1.0, 1.0), "or stripes (a spark) lie over too many of them"),
    ],
)
def test_levels_that_differ_from_echo_to_echo_are_said(levels: tuple[float, ...], said: str) -> None:
    right = estimate_noise(np.random.default_rng(53).rayleigh(1.0, (5, 64, 64)))
    lying = replace(right, sigma=float(np.median(levels)), sigma_per_echo=levels)
    with pytest.raises(InputError, match="noise levels of single echoes") as caught:
        trusted_sigma(lying)
    assert said in caught.value.found
    assert "sigma in the acquisition's row" in caught.value.allowed


def test_echoes_that_were_scaled_one_by_one_are_refused() -> None:
    rng = np.random.default_rng(54)
    signal = np.zeros((5, 64, 48))
    signal[:, 20:30, 8:40] = 30.0 * np.exp(-LATE / 7.0)
    data = magnitudes(signal, 1.0, rng)
    scaled = data / data.max(axis=(1, 2), keepdims=True)
    with pytest.raises(InputError, match="give the noise level"):
        trusted_sigma(estimate_noise(scaled))


@pytest.mark.parametrize("factor", [0.3, 0.2])
def test_a_background_quieter_than_the_metal_is_refused_by_its_residuals(factor: float) -> None:
    for seed in range(10):
        data = quiet_background(np.random.default_rng([55, seed]), factor)
        with pytest.raises(InputError, match="too small") as caught:
            fit_t2(data, CELL_TE_MS, threads=1)
        assert "median reduced chi-square" in caught.value.found
        said = float(caught.value.found.split("about ")[1])
        assert said == pytest.approx(1.0 / factor, rel=0.35)


def test_side_lobes_that_leak_into_the_first_echo_are_no_reason() -> None:
    for seed in range(20):
        rng = np.random.default_rng([56, seed])
        signal = np.zeros((5, 64, 48))
        signal[:, 20:30, 8:40] = 30.0 * np.exp(-LATE / 7.0)
        signal += 0.8 * rng.random((64, 48)) * np.exp(-LATE / 7.0)
        # and a ghost in a corner
        signal[:, :10, :10] += 4.0 * rng.random((10, 10)) * np.exp(-LATE / 7.0)
        data = magnitudes(signal, 1.0, rng)
        noise = estimate_noise(data)
        assert trusted_sigma(noise) == pytest.approx(1.0, abs=0.05)
        assert check_residuals(fit_t2(data, CELL_TE_MS, sigma=noise.sigma, threads=1), noise) == ()


def test_a_level_that_rests_on_few_pixels_is_said() -> None:
    rng = np.random.default_rng(57)
    signal = rng.uniform(10.0, 50.0, (64, 48)) * np.exp(-LATE / 7.0)
    signal[:, :2] = 0.0
    data = magnitudes(signal, 1.0, rng)
    noise = estimate_noise(data)
    assert noise.n_pixels < 100
    warnings = noise_warnings(noise)
    assert any(f"{noise.n_pixels} of 3072 pixels" in warning.found for warning in warnings)
    assert all("sigma" in warning.advice for warning in warnings)
    fit_t2(data, CELL_TE_MS, threads=1)


def small_image(seed: int, n_background: int, filtered: bool) -> Array:
    """A specimen that fills a 32 x 32 image but a few pixels of one corner."""
    rng = np.random.default_rng([60, seed])
    ny = nx = 32
    corner = np.hypot(*np.indices((ny, nx)))
    air = corner < np.sort(corner, axis=None)[n_background]
    signal = (
        rng.uniform(12.0, 40.0) * rng.uniform(0.7, 1.3, (ny, nx)) * np.exp(-LATE / rng.uniform(5.0, 10.0))
    )
    signal[:, air] = 0.0
    noise = rng.normal(size=(2, *signal.shape))
    if filtered:
        noise, signal = (
            ndimage.gaussian_filter(a, (0,) * (a.ndim - 2) + (0.4, 0.4)) for a in (noise, signal)
        )
        noise /= noise.std()
    return np.hypot(signal + noise[0], noise[1])


@pytest.mark.parametrize(("n_background", "filtered"), [(30, False), (50, False), (90, True)])
def test_a_few_per_cent_of_background_are_enough(n_background: int, filtered: bool) -> None:
    refused = 0
    for seed in range(20):
        data = small_image(seed, n_background, filtered)
        try:
            noise = estimate_noise(data)
            sigma = trusted_sigma(noise)
        except InputError:
            refused += 1
            continue
        assert sigma == pytest.approx(1.0, abs=0.25)
        assert noise_warnings(noise)
        check_residuals(fit_t2(data, CELL_TE_MS, sigma=sigma, threads=1), noise)
    assert refused <= 2


def test_the_weakest_pixels_of_a_background_are_not_taken_for_it() -> None:
    # a faint specimen of many T2 beside the background: what is found first is both, and what lies below it
    # would be the background's lower end
    for seed in (114, 255):
        noise = estimate_noise(clean_cell(np.random.default_rng([51, seed])))
        assert noise.sigma == pytest.approx(1.0, abs=0.15)
        assert noise.n_pixels > 500


def test_side_lobes_of_the_first_echo_leave_the_image_even() -> None:
    rng = np.random.default_rng(61)
    signal = np.zeros((5, 64, 48))
    signal[:, 20:30, 8:40] = 30.0 * np.exp(-LATE / 7.0)
    signal[0, 30:46] += 0.9
    assert estimate_noise(magnitudes(signal, 1.0, rng)).is_even
    signal[:, 30:46] += 1.5
    assert estimate_noise(magnitudes(signal, 1.0, rng)).is_even is False


def test_few_pixels_whose_level_the_residuals_contradict_are_refused() -> None:
    for seed in range(10):
        rng = np.random.default_rng([58, seed])
        signal = np.full((5, 80, 80), 40.0) * np.exp(-LATE / 9.0)
        data = magnitudes(signal * rng.uniform(0.8, 1.2, (80, 80)), 3.0, rng)
        data[:, :1, :60] = np.hypot(*rng.normal(size=(2, 5, 1, 60)))
        with pytest.raises(InputError, match="too small"):
            fit_t2(data, CELL_TE_MS, threads=1)


def test_what_was_not_examined_is_not_said_to_be_right() -> None:
    rng = np.random.default_rng(59)
    few = estimate_noise(np.hypot(*rng.normal(size=(2, 5, 6, 7))))
    assert few.is_even is None
    assert few.is_independent is None
    assert few.is_rayleigh is True
    one_echo = estimate_noise(np.hypot(*rng.normal(size=(2, 1, 40, 40))))
    assert one_echo.echoes_agree is None
    signal = 40.0 * np.exp(-LATE / 9.0) * np.ones((5, 30, 30)) * np.exp(1j)
    noise = rng.normal(size=signal.shape) + 1j * rng.normal(size=signal.shape)
    by_phase = estimate_noise(signal + noise, te_ms=CELL_TE_MS)
    assert not by_phase.from_background
    examined = (by_phase.is_rayleigh, by_phase.echoes_agree, by_phase.is_even, by_phase.is_independent)
    assert examined == (None, None, None, None)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (np.zeros((5, 30, 30)), "all samples are zero"),
        (np.full((5, 30, 30), np.nan), "no sample that is a number"),
        (np.full((5, 30, 30), 7.0), "all samples are 7"),
    ],
)
def test_images_that_hold_nothing_are_said_to(data: np.ndarray, words: str) -> None:
    with pytest.raises(InputError, match=words):
        trusted_sigma(estimate_noise(data))
