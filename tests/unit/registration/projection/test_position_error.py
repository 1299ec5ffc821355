from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spallmap.registration.projection.fit_parameters import N_PARAMETERS, SHIFT
from spallmap.registration.projection.position_error import mirrored, outline_um, parameter_covariance
from spallmap.registration.projection.refine import evaluate, least_squares
from tests.unit.registration.projection.projection_phantom import IMAGE_SHAPE, make_problem


def test_a_field_mirrored_twice_is_itself() -> None:
    rng = np.random.default_rng(1)
    field, amplitude = np.zeros((9, 8)), np.zeros((9, 8))
    field[2:7, 2:6], amplitude[2:7, 2:6] = rng.normal(size=(5, 4)), 1.0
    for axes in ((-1,), (-2,), (-2, -1)):
        there = mirrored(field, amplitude, axes)
        assert not np.array_equal(there, field)
        np.testing.assert_array_equal(mirrored(there, amplitude, axes), field)


def test_outlines_lie_as_far_off_as_the_metal_was_moved_and_shading_moves_none() -> None:
    problem, start, sigma = make_problem(0.02)
    noise = np.random.default_rng(2).normal(scale=sigma, size=(2, *IMAGE_SHAPE))
    model = evaluate(problem, start).amplitude
    x = np.linspace(-1.0, 1.0, IMAGE_SHAPE[1])
    shaded = replace(problem, image=np.hypot(model * (1.0 + 0.1 * x) + noise[0], noise[1]))
    plain = replace(problem, image=np.hypot(model + noise[0], noise[1]))
    assert outline_um(plain, evaluate(plain, start)) < 1.0
    step = np.zeros(N_PARAMETERS)
    step[SHIFT] = [0.0, 9.0, 0.0]
    aside = outline_um(plain, evaluate(plain, start.moved(step)))
    assert 4.0 < aside < 9.0
    assert outline_um(shaded, evaluate(shaded, start)) < 0.5 * aside


def test_misfit_of_its_own_structure_widens_the_error() -> None:
    problem, start, _ = make_problem()
    best = least_squares(problem, start)
    quiet = parameter_covariance(problem, best, 1.0, np.random.default_rng(3))
    row = np.zeros(IMAGE_SHAPE)
    row[8:20, 6:14] = 6.0
    loud = replace(best, residual=best.residual + row)
    noisy = parameter_covariance(problem, loud, 1.0, np.random.default_rng(3))
    pose = slice(0, 5)
    assert np.trace(np.linalg.solve(quiet[pose, pose], noisy[pose, pose])) > 2.0 * 5
    assert noisy == pytest.approx(noisy.T)
