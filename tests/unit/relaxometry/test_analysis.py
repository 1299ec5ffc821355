from __future__ import annotations

import json
import zlib

import numpy as np
import pytest

from spallmap.errors import InputError
from spallmap.relaxometry import (
    acquisition_generator,
    analyse_series,
    estimate_noise,
    expected_counts,
    fit_t2,
    histogram_edges_ms,
    long_t2_regions,
    summarise_t2,
    t2_distribution,
)
from tests.unit.relaxometry.decay_phantom import cell_map

CELL_TE_MS = (2.0, 6.0, 10.0, 14.0, 18.0)
SPACING_UM = (23.0, 46.0)


def test_the_generator_depends_on_the_seed_and_on_the_acquisition() -> None:
    name = "cell-a/shorted/mri-t2"
    first = acquisition_generator(1, name).random(3)
    np.testing.assert_array_equal(first, acquisition_generator(1, name).random(3))
    np.testing.assert_array_equal(first, np.random.default_rng([1, zlib.crc32(name.encode())]).random(3))
    assert not np.any(first == acquisition_generator(2, name).random(3))
    assert not np.any(first == acquisition_generator(1, "cell-a/pristine/mri-t2").random(3))


def test_an_analysis_is_its_steps_one_after_the_other() -> None:
    data, _, _ = cell_map(np.random.default_rng(36), 8.0)
    found = analyse_series(
        data, CELL_TE_MS, spacing_um=SPACING_UM, rng=np.random.default_rng(3), long_ms=11.0, skip_echoes=1
    )
    rest, te_ms = data[1:], CELL_TE_MS[1:]
    noise = estimate_noise(rest)
    fit = fit_t2(rest, te_ms, sigma=noise.sigma, long_ms=11.0, intervals=True)
    regions = long_t2_regions(rest, te_ms, noise.sigma, 11.0, spacing_um=SPACING_UM)
    rng = np.random.default_rng(3)
    distribution = t2_distribution(rest, te_ms, fit, rng=rng)
    expected = expected_counts(distribution, fit, histogram_edges_ms(11.0), rng=rng)
    assert found.noise == noise
    np.testing.assert_array_equal(found.fit.t2_ms, fit.t2_ms)
    np.testing.assert_array_equal(found.fit.t2_high_ms, fit.t2_high_ms)
    np.testing.assert_array_equal(found.regions.labels, regions.labels)
    summary = summarise_t2(fit, noise, regions, distribution, expected)
    assert found.summary["first_echo"]["used"] == "skip"
    rest_of = {key: value for key, value in found.summary.items() if key != "first_echo"}
    assert json.dumps(rest_of) == json.dumps(summary)


def test_a_given_noise_level_is_not_estimated() -> None:
    data, _, _ = cell_map(np.random.default_rng(37), 8.0)
    rng = np.random.default_rng(3)
    found = analyse_series(data, CELL_TE_MS, spacing_um=SPACING_UM, rng=rng, sigma=1.25)
    assert found.noise is None
    assert found.fit.sigma == 1.25
    assert found.summary["noise_method"] == "given"


def test_a_noise_level_that_cannot_be_trusted_is_refused() -> None:
    data = np.hypot(*np.random.default_rng(38).normal(size=(2, 5, 40, 40)))
    several = np.sqrt(np.sum(np.random.default_rng(38).normal(size=(16, 5, 40, 40)) ** 2, axis=0))
    rng = np.random.default_rng(3)
    assert analyse_series(data, CELL_TE_MS, spacing_um=SPACING_UM, rng=rng).fit.sigma > 0.0
    with pytest.raises(InputError, match="background"):
        analyse_series(several, CELL_TE_MS, spacing_um=SPACING_UM, rng=rng)
