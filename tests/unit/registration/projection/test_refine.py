from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from spallmap.registration.projection.fit_parameters import (
    DEPTH,
    N_PARAMETERS,
    SHIFT,
    WARP,
)
from spallmap.registration.projection.forward import Slices
from spallmap.registration.projection.refine import (
    covariance,
    evaluate,
    least_squares,
)
from spallmap.registration.projection.rician import rician_moments
from tests.unit.registration.projection.projection_phantom import (
    IMAGE_SHAPE,
    make_problem,
)


@pytest.mark.parametrize(
    ("slices", "readout"), [(None, None), (Slices(5, 130.0), None), (None, 0), (None, 1)]
)
def test_derivatives_agree_with_differences(slices: Slices | None, readout: int | None) -> None:
    problem, start, _ = make_problem()
    # The little that aliases moves fast with the pose: nothing in the image, but much in its differences.
    sampler = replace(problem.sampler, oversampling=16 if slices is None else 8, slices=slices)
    problem = replace(problem, sampler=sampler)
    if slices is not None:
        up = np.array([0.0, 0.0, 290.0])
        start = replace(start, pose=replace(start.pose, centre_own_um=start.pose.centre_own_um + up))
        stack = np.zeros(sampler.image_shape)
        prior = replace(problem.prior, depth=True)
        problem = replace(problem, image=stack, used=stack == 0, prior=prior)
    problem = replace(problem, prior=replace(problem.prior, readout=readout))
    here = evaluate(problem, start)
    sd = rician_moments(here.amplitude, problem.sigma).sd
    sizes = [2e-3] * 3 + [1.0] * 2 + [0.2] + [1e-3] * 3 + [5.0] * 2 + [1e-3] * 5 + [2.0] * 5
    for k in range(N_PARAMETERS):
        if (k == DEPTH and slices is None) or (k >= WARP.start and readout is None):
            assert not here.jacobian[:, k].any()
            continue
        step = np.zeros(N_PARAMETERS)
        step[k] = sizes[k]
        numeric = (
            evaluate(problem, start.moved(step)).model - evaluate(problem, start.moved(-step)).model
        ) / (2.0 * sizes[k] * sd)
        error = np.linalg.norm(numeric.ravel() - here.jacobian[:, k])
        assert error < 0.05 * np.linalg.norm(numeric), k


def test_least_squares_returns_from_a_nearby_start() -> None:
    problem, truth, _ = make_problem()
    step = np.zeros(N_PARAMETERS)
    step[:5] = [0.03, -0.06, 0.03, 25.0, -15.0]  # The depth, the sixth, is pinned.
    end = least_squares(problem, truth.moved(step))
    assert end.cost <= evaluate(problem, truth).cost
    np.testing.assert_allclose(end.parameters.pose.centre_own_um, truth.pose.centre_own_um, atol=2.0)
    angle = Rotation.from_matrix(truth.pose.rotation.T @ end.parameters.pose.rotation).magnitude()
    assert np.rad2deg(angle) < 2.0


def test_covariance_agrees_with_the_scatter_of_noisy_fits() -> None:
    shifts, variances = [], []
    for seed in range(16):
        # The same pose with other noise: only the noise differs between the draws.
        problem, truth, sigma = make_problem(seed=6)
        rng = np.random.default_rng(100 + seed)
        noise = rng.normal(scale=sigma, size=(2, *IMAGE_SHAPE))
        clean = evaluate(problem, truth).amplitude
        drawn = replace(problem, image=np.hypot(clean + noise[0], noise[1]))
        end = least_squares(drawn, truth)
        shifts.append((end.parameters.pose.centre_own_um - truth.pose.centre_own_um)[:2])
        variances.append(np.diag(covariance(drawn, end))[SHIFT][:2])
    ratio = np.std(shifts, axis=0) / np.sqrt(np.mean(variances, axis=0))
    # 16 draws know their standard deviation to 18 %.
    assert np.all((ratio > 0.6) & (ratio < 1.5))
