from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spallmap.registration.projection.forward import Sampler
from spallmap.registration.projection.refine import evaluate
from spallmap.registration.projection.thinning import (
    missing_found,
    sampler_of,
    thinned,
    thinning,
)
from spallmap.sampling import AcquiredSampling
from tests.unit.registration.projection.projection_phantom import (
    IMAGE_SHAPE,
    IMAGE_SPACING_UM,
    make_problem,
)

DOUBLE = (2 * IMAGE_SHAPE[0], 2 * IMAGE_SHAPE[1])
HALF_UM = (IMAGE_SPACING_UM[0] / 2.0, IMAGE_SPACING_UM[1] / 2.0)


def sampling(rows: float, columns: float, edge: float = 1.0) -> AcquiredSampling:
    return AcquiredSampling((rows, columns), (edge, edge), (rows, columns), "known")


@pytest.mark.parametrize(
    ("factor", "step", "matrix"),
    [
        ((2.0, 2.0), (2, 2), (48, 48)),
        ((1.5, 1.0), (1, 1), (64, 96)),
        ((4.0, 3.0), (4, 3), (24, 32)),
        # Twice, and three tenths of the rows left out on one side.
        ((2.86, 2.0), (2, 2), (34, 48)),
    ],
)
def test_what_was_filled_in_is_dropped_where_that_is_exact(
    factor: tuple[float, float], step: tuple[int, int], matrix: tuple[int, int]
) -> None:
    shape = (96, 96)
    found = thinning(shape, sampling(*factor))
    assert found == step
    left = (shape[0] // step[0], shape[1] // step[1])
    sampler = sampler_of(left, (10.0, 10.0), None, sampling(*factor), step)
    assert sampler.matrix == matrix
    assert sampler.independent == pytest.approx(matrix[0] * matrix[1] / (left[0] * left[1]))


def test_an_image_filled_with_zeros_holds_the_acquired_one() -> None:
    problem, start, _ = make_problem()
    filled = replace(problem.sampler, shape=DOUBLE, spacing_um=HALF_UM, acquired=IMAGE_SHAPE)
    blank = np.zeros(DOUBLE)
    larger = replace(problem, sampler=filled, image=blank, used=blank == 0)
    seen = evaluate(larger, start).amplitude
    np.testing.assert_allclose(thinned(seen, (2, 2)), evaluate(problem, start).amplitude, rtol=1e-9)
    assert filled.matrix_um == pytest.approx(IMAGE_SPACING_UM)
    assert filled.independent == 0.25


def test_pixels_filled_in_do_not_count() -> None:
    problem, start, _ = make_problem()
    filled = replace(problem.sampler, shape=DOUBLE, spacing_um=HALF_UM, acquired=IMAGE_SHAPE)
    seen = evaluate(
        replace(problem, sampler=filled, image=np.zeros(DOUBLE), used=np.ones(DOUBLE, bool)), start
    )
    larger = replace(problem, sampler=filled, image=1.1 * seen.model, used=np.ones(DOUBLE, bool))
    plain = replace(problem, image=1.1 * evaluate(problem, start).model)
    # A residual that is smooth costs as much on either grid.
    assert evaluate(larger, start).cost == pytest.approx(evaluate(plain, start).cost, rel=0.05)


def test_a_filter_damps_the_outermost_samples() -> None:
    sampler = Sampler((8, 6), (10.0, 10.0), missing=(0.25, 0.0), edge=(0.1, 1.0))
    weights = np.fft.fftshift(sampler.weights)
    assert weights.shape == (8, 6)
    assert not weights[:2].any()
    assert weights[4].min() == 1.0
    assert weights[2, 0] == pytest.approx(0.1 ** (0.5**2))


@pytest.mark.parametrize("axis", [0, 1])
def test_missing_samples_are_found_where_the_image_asks_for_them(axis: int) -> None:
    problem, start, sigma = make_problem(0.01)
    fraction = (0.3, 0.0) if axis == 0 else (0.0, 0.3)
    one_sided = replace(problem, sampler=replace(problem.sampler, missing=fraction))
    noise = np.random.default_rng(42).normal(scale=sigma, size=(2, *IMAGE_SHAPE))
    for sampled, expected in ((one_sided, fraction), (problem, (0.0, 0.0))):
        amplitude = evaluate(sampled, start).amplitude
        drawn = replace(problem, image=np.hypot(amplitude + noise[0], noise[1]))
        found = missing_found(drawn, evaluate(drawn, start))
        assert found == pytest.approx(expected, abs=0.05)
