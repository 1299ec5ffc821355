from __future__ import annotations

import json

import pytest

from spallmap.sampling import FROM_NOISE, AcquiredSampling


def test_every_second_pixel_of_twice_filled_axes_is_a_sample():
    sampling = AcquiredSampling.filled((2.0, 1.01), FROM_NOISE)
    assert sampling.steps == (2, 1)
    assert sampling.at_steps().is_plain
    assert AcquiredSampling.filled((2.0, 4.0), FROM_NOISE).at_steps().is_plain


def test_what_is_no_whole_number_stays():
    sampling = AcquiredSampling.filled((1.5, 1.5), FROM_NOISE)
    assert sampling.steps == (1, 1)
    assert sampling.at_steps() == sampling
    assert sampling.n_alike == pytest.approx(2.25)
    assert sampling.acquired_shape((96, 72)) == (64, 48)


def test_of_a_factor_between_whole_ones_the_whole_part_is_taken():
    sampling = AcquiredSampling.filled((2.8, 1.0), FROM_NOISE)
    assert sampling.steps == (2, 1)
    assert sampling.at_steps().factor == pytest.approx((1.4, 1.0))
    assert sampling.at_steps().n_alike == pytest.approx(1.4)


def test_it_comes_back_from_json():
    sampling = AcquiredSampling((2.0, 1.0), (1.0, 0.2), (2.0, 1.7), FROM_NOISE)
    assert AcquiredSampling.from_dict(json.loads(json.dumps(sampling.to_dict()))) == sampling
    assert sampling.is_filtered


@pytest.mark.parametrize(
    ("factor", "edge", "pixels"),
    [
        ((0.9,), (1.0,), (1.0,)),
        ((1.0,), (0.0,), (1.0,)),
        ((1.0, 1.0), (1.0,), (1.0,)),
        ((1.0,), (1.0,), (0.5,)),
    ],
)
def test_numbers_out_of_range_are_refused(factor, edge, pixels):
    with pytest.raises(ValueError, match="factor"):
        AcquiredSampling(factor, edge, pixels, FROM_NOISE)
