from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from spallmap.registration.projection.fit_parameters import (
    DEPTH,
    N_PARAMETERS,
    SHIFT,
    FitParameters,
    Prior,
    coil_terms,
)
from spallmap.registration.projection.forward import ProjectionPose, Sampler, Slices
from spallmap.registration.projection.hypotheses import converge
from spallmap.registration.projection.metal import find_metal, skin_cloud
from spallmap.registration.projection.refine import (
    Problem,
    covariance,
    evaluate,
    least_squares,
)
from spallmap.registration.projection.rician import rician_moments
from tests.unit.registration.projection_phantom import (
    BARS,
    IMAGE_SHAPE,
    IMAGE_SPACING_UM,
    PRIOR,
    SPACING_UM,
    image,
    phases,
    pose,
)


@pytest.mark.parametrize("n_coils", [1, 4])
@pytest.mark.parametrize("ratio", [0.0, 0.7, 3.0, 29.0, 61.0, 500.0])
def test_rician_moments_agree_with_draws(ratio: float, n_coils: int) -> None:
    sigma = 2.0
    noise = np.random.default_rng(1).normal(scale=sigma, size=(2 * n_coils, 200_000))
    noise[0] += ratio * sigma
    draws = np.sqrt((noise**2).sum(axis=0))
    moments = rician_moments(np.array([ratio * sigma]), sigma, n_coils)
    assert moments.mean[0] == pytest.approx(draws.mean(), abs=5.0 * sigma / np.sqrt(draws.size))
    assert moments.sd[0] == pytest.approx(draws.std(), rel=0.01)


@pytest.mark.parametrize(("n_coils", "atol"), [(1, 1e-6), (4, 1e-4)])
def test_rician_slope_is_the_derivative_of_the_mean(n_coils: int, atol: float) -> None:
    amplitude = np.linspace(0.01, 200.0, 60)
    h = 1e-4
    up, down = (rician_moments(amplitude + d, 2.0, n_coils).mean for d in (h, -h))
    slope = rician_moments(amplitude, 2.0, n_coils).slope
    np.testing.assert_allclose(slope, (up - down) / (2.0 * h), atol=atol)


def test_metal_knows_its_depth_volume_and_side() -> None:
    metal = find_metal(phases(), SPACING_UM, 10.7)
    assert metal is not None
    volume = sum(float(np.prod(bar.size_um)) for bar in BARS)
    assert len(metal.points_um) * np.prod(metal.voxel_um) == pytest.approx(volume)
    # In a box, the depth is the distance to the nearest of its six faces.
    for bar in BARS:
        low, high = bar.centre_um - bar.size_um / 2.0, bar.centre_um + bar.size_um / 2.0
        inside = np.all((metal.points_um > low) & (metal.points_um < high), axis=1)
        p = metal.points_um[inside]
        expected = np.minimum(p - low, high - p).min(axis=1)
        np.testing.assert_allclose(metal.depth_um[inside], expected, atol=1e-9)
        assert len(np.unique(metal.electrode[inside])) == 1
    assert len(np.unique(metal.electrode)) == 2
    assert abs(metal.stack_axis[2]) > 0.99


def test_fine_voxels_are_pooled_without_moving_the_metal() -> None:
    coarse = phases()[:40, :48, :48]
    fine = coarse.repeat(3, axis=0).repeat(3, axis=1).repeat(3, axis=2)
    metal = find_metal(fine, (1.0, 1.0, 1.0), 10.7)
    assert metal is not None
    assert metal.voxel_um == (3.0, 3.0, 3.0)
    # A voxel's centre in the coarse grid is the middle of its three fine ones.
    expected = (np.argwhere(coarse == 2).mean(axis=0) * 3.0 + 1.0)[::-1]
    np.testing.assert_allclose(metal.centroid_um, expected, atol=1e-9)


def test_slices_share_a_point_out_and_their_slope_is_its_derivative() -> None:
    slices = Slices(5, 60.0)
    depth = np.linspace(-100.0, 400.0, 4001)
    lower, below, above = slices.fractions(depth)
    np.testing.assert_allclose(below + above, 1.0)
    # Each slice sees as much of an even piece of metal as it is thick.
    for n in range(1, 4):
        seen = np.where(lower == n, below, 0.0) + np.where(lower == n - 1, above, 0.0)
        assert seen.sum() * (depth[1] - depth[0]) == pytest.approx(60.0, rel=1e-3)
    _, falling, rising = slices.fractions(depth, moving=True)
    np.testing.assert_allclose(falling, -rising)
    inside = (above[1:-1] > 0.02) & (above[1:-1] < 0.98)
    np.testing.assert_allclose(np.gradient(above, depth)[1:-1][inside], rising[1:-1][inside], rtol=1e-6)


def test_a_curved_coil_is_fitted_only_where_the_image_asks_for_it() -> None:
    problem, start, sigma = make_problem()
    rng = np.random.default_rng(40)
    noise = rng.normal(scale=sigma, size=(2, *IMAGE_SHAPE))
    clean = evaluate(problem, start).amplitude
    curve = np.exp(np.tensordot([0.1, -0.15, -0.8, 0.4, -0.8], coil_terms(IMAGE_SHAPE), axes=1))
    for amplitude, order in ((clean, 1), (clean * curve, 2)):
        drawn = replace(problem, image=np.hypot(amplitude + noise[0], noise[1]))
        chosen, _ = converge(drawn, evaluate(drawn, start))
        assert chosen.prior.coil_order == order


def test_no_metal_is_none() -> None:
    assert find_metal(np.ones((5, 5, 5), dtype=np.uint8), SPACING_UM, 10.7) is None


def test_pooling_keeps_mass_and_centre() -> None:
    metal = find_metal(phases(), SPACING_UM, 10.7)
    assert metal is not None
    fine, coarse = skin_cloud(metal, 10.7, 8.0), skin_cloud(metal, 10.7, 24.0)
    assert len(coarse.weight) < len(fine.weight) / 5
    assert coarse.weight.sum() == pytest.approx(fine.weight.sum())
    np.testing.assert_allclose(
        coarse.weight @ coarse.points_um, fine.weight @ fine.points_um, atol=1e-6 * fine.weight.sum()
    )


def test_pose_round_trip() -> None:
    truth = pose(np.random.default_rng(2))
    centre = np.array([300.0, 400.0, 200.0])
    back = ProjectionPose.from_map(truth, centre).to_map(centre)
    np.testing.assert_allclose(back.linear, truth.linear, atol=1e-12)
    # The planes are parallel and the maps agree along the image's own axes.
    difference = truth.linear.T @ (back.translation_um - truth.translation_um)
    np.testing.assert_allclose(difference[:2], 0.0, atol=1e-9)


def make_problem(sigma_fraction: float = 0.03, seed: int = 6) -> tuple[Problem, FitParameters, float]:
    rng = np.random.default_rng(seed)
    truth = pose(rng)
    clean = image(truth)
    sigma = sigma_fraction * float(clean.max())
    noise = rng.normal(scale=sigma, size=(2, *IMAGE_SHAPE))
    metal = find_metal(phases(), SPACING_UM, 10.7)
    assert metal is not None
    cloud = skin_cloud(metal, 10.7, 9.0)
    problem = Problem(
        np.hypot(clean + noise[0], noise[1]),
        np.ones(IMAGE_SHAPE, dtype=bool),
        sigma,
        Sampler(IMAGE_SHAPE, IMAGE_SPACING_UM),
        cloud,
        Prior(PRIOR.linear(), IMAGE_SPACING_UM),
    )
    start = FitParameters(
        ProjectionPose.from_map(truth, cloud.centre_um), np.ones(2), 0.0, np.zeros(2), np.zeros(5)
    )
    return problem, start, sigma


@pytest.mark.parametrize("slices", [None, Slices(5, 130.0)])
def test_derivatives_agree_with_differences(slices: Slices | None) -> None:
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
    here = evaluate(problem, start)
    sd = rician_moments(here.amplitude, problem.sigma).sd
    sizes = [2e-3] * 3 + [1.0] * 2 + [0.2] + [1e-3] * 3 + [5.0] * 2 + [1e-3] * 5
    for k in range(N_PARAMETERS):
        if k == DEPTH and slices is None:
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
