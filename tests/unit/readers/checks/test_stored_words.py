from __future__ import annotations

import numpy as np
import pytest

from spallmap.errors import InputError
from spallmap.readers.checks.stored_words import (
    refuse_negative_magnitudes,
    refuse_other_signals,
    refuse_other_words,
)


def image(snr: float, top: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:64, :64] - 32.0
    noise = rng.normal(size=(3, 64, 64)) + 1j * rng.normal(size=(3, 64, 64))
    magnitude = np.abs(snr * (x**2 + y**2 < 300) + noise)
    return magnitude / magnitude.max() * top


def signals(snr: float, top: float) -> np.ndarray:
    rng = np.random.default_rng(1)
    echo = np.sinc(np.linspace(-20, 20, 64))[:, None] * np.sinc(np.linspace(-20, 20, 64)) * snr
    echo = echo + rng.normal(size=(64, 64))
    return echo / np.abs(echo).max() * top


@pytest.mark.parametrize("snr", [0.0, 1.0, 4.0, 20.0, 1000.0])
@pytest.mark.parametrize("kind", ["<i2", ">i2", "<u2", "<i4", ">f4", "<f8"])
@pytest.mark.parametrize("top", [200.0, 4000.0, 32000.0])
def test_images_as_their_header_says_are_no_alarm(snr, kind, top):
    refuse_other_words("2dseq", image(snr, top).astype(kind), "visu_pars")
    refuse_other_signals("fid", signals(100 * snr, top * 100).astype("<i4"), "acqp")


@pytest.mark.parametrize("snr", [10.0, 50.0])
@pytest.mark.parametrize("kind", ["i2", "u2", "i4", "f4"])
def test_swapped_bytes_are_noticed(snr, kind):
    stored = image(snr, 4000.0).astype(f"<{kind}")
    with pytest.raises(InputError, match=r"2dseq: found samples that make an image in the other byte order"):
        refuse_other_words("2dseq", stored.view(f">{kind}"), "visu_pars")


@pytest.mark.parametrize("kind", ["i2", "i4", "f4"])
def test_swapped_signals_are_noticed(kind):
    stored = signals(300.0, 30_000.0).astype(f"<{kind}")
    with pytest.raises(InputError, match=r"fid: found signals that make echoes in the other byte order"):
        refuse_other_signals("fid", stored.view(f">{kind}"), "acqp")


def test_integers_called_floats_and_floats_called_integers_are_noticed():
    whole, broken = image(20.0, 30_000.0).astype("<i4"), image(20.0, 30.0).astype("<f4")
    with pytest.raises(InputError, match="floats below 1e-30"):
        refuse_other_words("2dseq", whole.view("<f4"), "visu_pars")
    with pytest.raises(InputError, match="32-bit integers that are floats"):
        refuse_other_words("2dseq", broken.view("<i4"), "visu_pars")
    with pytest.raises(InputError, match="32-bit integers that are floats"):
        refuse_other_signals("fid", signals(300.0, 30.0).astype("<f4").view("<i4"), "acqp")


@pytest.mark.parametrize("shape", [(1, 2, 2), (3, 64, 1), (1, 40, 40)])
def test_constant_small_and_narrow_images_are_no_alarm(shape):
    for value in (0, 1, 2**30 + 1):
        refuse_other_words("2dseq", np.full(shape, value, "<i4"), "visu_pars")
    refuse_other_words("2dseq", np.zeros(shape, np.uint8), "visu_pars")
    refuse_other_signals("fid", np.zeros(5000, "<i4"), "acqp")


def test_magnitudes_below_zero_are_refused_beyond_what_filters_leave():
    refuse_negative_magnitudes("scan", np.array([-4.0, np.nan, 100.0]))
    refuse_negative_magnitudes("scan", np.array([np.nan]))
    for lowest in (-6.0, -200.0):
        with pytest.raises(InputError, match=rf"magnitudes from {lowest:g} to 100"):
            refuse_negative_magnitudes("scan", np.array([lowest, 100.0]))
