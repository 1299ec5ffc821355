from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spallmap.registration.projection.fit_parameters import (
    LIKELY_X,
    N_PARAMETERS,
    READOUTS,
    SHIFT,
    coil_terms,
)
from spallmap.registration.projection.hypotheses import FOLLOWED_GAP, Hypothesis, contest, converge
from spallmap.registration.projection.position_error import distortion_um, with_distortion
from spallmap.registration.projection.refine import evaluate, least_squares
from spallmap.registration.result import StandardError
from tests.unit.registration.projection.projection_phantom import (
    IMAGE_SHAPE,
    make_problem,
)


def test_a_curved_coil_is_fitted_only_where_the_image_asks_for_it() -> None:
    problem, start, sigma = make_problem()
    rng = np.random.default_rng(40)
    noise = rng.normal(scale=sigma, size=(2, *IMAGE_SHAPE))
    clean = evaluate(problem, start).amplitude
    curve = np.exp(np.tensordot([0.1, -0.15, -0.8, 0.4, -0.8], coil_terms(problem.sampler), axes=1))
    for amplitude, order in ((clean, 1), (clean * curve, 2)):
        drawn = replace(problem, image=np.hypot(amplitude + noise[0], noise[1]))
        chosen, _ = converge(drawn, evaluate(drawn, start))
        assert chosen.prior.coil_order == order
        assert chosen.prior.readout is None


@pytest.mark.parametrize("axis", [0, 1])
def test_a_displacement_along_the_readout_is_found_with_its_axis(axis: int) -> None:
    problem, start, sigma = make_problem()
    moved = replace(problem, prior=replace(problem.prior, readout=axis))
    pixel = problem.sampler.spacing_um[1 - axis]
    truth = replace(start, warp_um=pixel * np.array([0.3, -0.4, 0.6, 0.5, -0.5]))
    noise = np.random.default_rng(41).normal(scale=sigma, size=(2, *IMAGE_SHAPE))
    drawn = replace(problem, image=np.hypot(evaluate(moved, truth).amplitude + noise[0], noise[1]))
    chosen, found = converge(drawn, evaluate(drawn, start))
    assert chosen.prior.readout == axis
    np.testing.assert_allclose(found.parameters.pose.centre_own_um, start.pose.centre_own_um, atol=4.0)
    stated = distortion_um(chosen, found)
    assert stated == pytest.approx(distortion_um(moved, evaluate(moved, truth)), rel=0.4)
    plain = StandardError(1.0, 1.0, None)
    wider = with_distortion(plain, chosen, found)
    along, across = (wider.u, wider.v) if axis == 0 else (wider.v, wider.u)
    alone = np.sqrt(1.0 + stated**2)
    if axis == 1:
        assert (along, across) == (pytest.approx(alone), 1.0)
    else:
        # From row to row a displacement explains nearly as much of this one, and moves the metal elsewhere.
        assert along > alone
        assert across > 1.0


def test_a_displacement_too_small_to_be_fitted_is_in_the_error_along_the_likely_readout() -> None:
    problem, start, sigma = make_problem()
    moved = replace(problem, prior=replace(problem.prior, readout=0))
    truth = replace(start, warp_um=problem.sampler.spacing_um[1] * np.array([0.05, -0.06, 0.1, 0.08, -0.08]))
    image = np.hypot(evaluate(moved, truth).amplitude, np.sqrt(2.0) * sigma)
    drawn = replace(problem, image=image)
    best = least_squares(drawn, start)
    plain = StandardError(1.0, 1.0, None)
    along_x = with_distortion(plain, drawn, best)
    expected_um = distortion_um(moved, evaluate(moved, truth))
    assert np.sqrt(2.0 * (along_x.u**2 - 1.0)) == pytest.approx(expected_um, rel=0.3)
    assert along_x.v == 1.0
    along_y = with_distortion(plain, replace(drawn, readout=READOUTS["y"]), best)
    assert along_y.u == 1.0
    assert along_y.v > 1.0


@pytest.mark.parametrize("axis", [0, 1])
def test_a_readout_that_the_scan_names_leaves_less_doubt(axis: int) -> None:
    problem, start, sigma = make_problem()
    moved = replace(problem, prior=replace(problem.prior, readout=axis))
    pixel = problem.sampler.spacing_um[1 - axis]
    truth = replace(start, warp_um=pixel * np.array([0.3, -0.4, 0.6, 0.5, -0.5]))
    noise = np.random.default_rng(42).normal(scale=sigma, size=(2, *IMAGE_SHAPE))
    image = np.hypot(evaluate(moved, truth).amplitude + noise[0], noise[1])
    drawn = replace(problem, image=image, readout=READOUTS["xy"[axis]])
    chosen, found = converge(drawn, evaluate(drawn, start))
    assert chosen.prior.readout == axis
    none = StandardError(0.0, 0.0, None)
    sure = with_distortion(none, chosen, found)
    unsure = with_distortion(none, replace(chosen, readout=LIKELY_X), found)
    across = (sure.v, unsure.v) if axis == 0 else (sure.u, unsure.u)
    assert across[0] == pytest.approx(across[1] * np.sqrt(0.02 * 0.98 / 0.16))


def test_nearby_rivals_may_open_the_scan_and_distant_ones_need_not() -> None:
    problem, start, _ = make_problem()
    best = least_squares(problem, start)
    step = np.zeros(N_PARAMETERS)
    step[SHIFT] = [150.0, 0.0, 0.0]
    itself = Hypothesis("itself", best, problem)
    aside = Hypothesis("aside", evaluate(problem, start.moved(step)), problem)
    followed, gaps = contest(itself, [itself, aside], 1.0)
    assert followed == [aside]
    assert gaps[0] > FOLLOWED_GAP
