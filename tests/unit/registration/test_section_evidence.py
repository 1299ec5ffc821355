"""What a section's registration rests on, against poses, stretches and warps known in advance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation

from spallmap.axes import AxesPrior
from spallmap.image import Image
from spallmap.registration.result import StandardError
from spallmap.registration.section import resolutions, specimen
from spallmap.registration.section import target as targets
from spallmap.registration.section.appearance import EMPTY, SOLID, Section, read_section
from spallmap.registration.section.assess import widened
from spallmap.registration.section.certainty import position_error
from spallmap.registration.section.known_answer import near_answers, searched_answer
from spallmap.registration.section.pose import MOST_SCALE, SectionPose
from spallmap.registration.section.refine import (
    RIGID,
    SCALED,
    STRETCHED,
    descend,
    equations,
    inside_correlation,
    linearise,
    refine,
    settle,
)
from spallmap.registration.section.resolutions import make_level, sharpened
from spallmap.registration.section.specimen import read_specimen
from spallmap.registration.section.target import (
    SectionSolution,
    Settled,
    Target,
    make_target,
    polish,
    resolutions_apart,
    settle_stretch,
)
from spallmap.registration.section.warp import bending, smooth_warp
from spallmap.tomography.labels import is_filled
from tests.unit.registration.section_cell import SPACING_UM, VOXEL_UM, cut, small_cell

PIXEL_UM = 2.0


def placed(section: Section, matrix: np.ndarray) -> SectionPose:
    lengths = np.linalg.norm(matrix[:3, :3], axis=0)
    centre = matrix[:3, :3] @ section.centre_um + matrix[:3, 3]
    logs = np.log(lengths)
    return SectionPose(matrix[:3, :3] / lengths, centre, 0.0, (logs[0] + logs[1]) / 2.0, logs[0] - logs[1])


def read(drawn: tuple[np.ndarray, np.ndarray], pixel_um: tuple[float, float]) -> Section:
    section = read_section(Image(drawn[0], ("y", "x"), pixel_um, drawn[1]), VOXEL_UM / 2.0)
    assert isinstance(section, Section)
    return section


@pytest.fixture(scope="module")
def scene() -> tuple[Target, Section, SectionPose, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(5)
    made = small_cell(rng)
    grey, phases = made.volume(rng)
    target = make_target(grey, phases, SPACING_UM, AxesPrior.parse("-z,r"), starts=60)
    assert isinstance(target, Target)
    drawn = cut(made, np.random.default_rng(1))
    section = read(drawn[:2], (PIXEL_UM, PIXEL_UM))
    return target, section, placed(section, drawn[2]), drawn


def test_summed_equations_agree_with_the_comparison_point_by_point(scene):
    target, section, true, _ = scene
    level = target.levels(section)[-1]
    pose = true.moved(np.array([0.01, -0.02, 0.01, 2.0, -1.0, 3.0, 0.01, -0.005]))
    summed, listed = equations(level, pose), linearise(level, pose)
    assert summed is not None
    assert listed is not None
    weighted = listed.jacobian * listed.used[:, None]
    np.testing.assert_allclose(weighted.T @ listed.jacobian, summed.normal, rtol=1e-6, atol=1e-3)
    np.testing.assert_allclose(weighted.T @ listed.residual, summed.gradient, rtol=1e-5, atol=1.0)
    assert summed.cost == pytest.approx(listed.cost, rel=1e-5)
    assert summed.overlap == pytest.approx(listed.overlap)


@pytest.mark.parametrize(("resolution", "classes"), [(0, 3), (-1, 4)], ids=["bounded void", "free void"])
def test_derivatives_agree_with_finite_differences(scene, resolution, classes):
    target, section, true, _ = scene
    level = target.levels(section)[resolution]
    if classes == 4:
        level = replace(level, basis=level.basis * np.array([1.0, 1.0, 1.0, 0.85]))
    basis = level.basis[:, :classes]
    for k, size in enumerate((1e-5,) * 3 + (1e-3,) * 3 + (1e-5,) * 2):
        step = np.zeros(8)
        step[k] = size
        there, back = linearise(level, true.moved(step)), linearise(level, true.moved(-step))
        middle = linearise(level, true)
        assert there is not None
        assert back is not None
        assert middle is not None
        slope = (there.values - back.values) / (2.0 * size)
        shares = np.linalg.lstsq(
            basis * np.sqrt(middle.used)[:, None], slope * np.sqrt(middle.used), rcond=None
        )[0]
        expected = slope - basis @ shares
        good = np.abs(expected - middle.jacobian[:, k]) < 0.02 * np.abs(expected).max()
        assert np.mean(good) > 0.97


@pytest.mark.parametrize(("scale", "anisotropy", "free"), [(1.02, 1.0, SCALED), (0.985, 1.025, STRETCHED)])
def test_a_wrong_pixel_size_is_found(scene, scale, anisotropy, free):
    target, _, _, drawn = scene
    stated = (PIXEL_UM / (scale / np.sqrt(anisotropy)), PIXEL_UM / (scale * np.sqrt(anisotropy)))
    section = read(drawn[:2], stated)
    true = placed(section, drawn[2] @ np.diag([PIXEL_UM / stated[1], PIXEL_UM / stated[0], 1.0, 1.0]))
    assert np.exp(true.log_scale) == pytest.approx(scale)
    resolutions = target.levels(section)
    start = replace(true, log_scale=0.0, log_anisotropy=0.0)
    found = descend(resolutions, start, free=SCALED)
    ended = settle_stretch(resolutions[-1], found, np.random.default_rng(0))
    settled = ended.pose
    assert ended.free == free
    assert np.exp(settled.log_scale) == pytest.approx(scale, abs=0.004)
    assert np.exp(settled.log_anisotropy) == pytest.approx(anisotropy, abs=0.008)


@pytest.mark.parametrize(("scale", "free"), [(1.02, SCALED), (1.0, RIGID)])
def test_a_stretch_that_is_not_applied_is_kept_as_what_the_freest_fit_wants(scene, scale, free):
    target, _, _, drawn = scene
    stated = (PIXEL_UM / (scale / np.sqrt(1.006)), PIXEL_UM / (scale * np.sqrt(1.006)))
    section = read(drawn[:2], stated)
    true = placed(section, drawn[2] @ np.diag([PIXEL_UM / stated[1], PIXEL_UM / stated[0], 1.0, 1.0]))
    fine = target.levels(section)[-1]
    start = refine(fine, true, free=SCALED)
    ended = settle_stretch(fine, start, np.random.default_rng(0))
    freest = settle(fine, start, free=STRETCHED)[1]
    assert ended.free == free
    assert ended.pose.log_anisotropy == 0.0
    assert ended.left[1] == pytest.approx(np.log(1.006), abs=0.004)
    wanted = (ended.pose.log_scale + ended.left[0], ended.left[1])
    assert wanted == pytest.approx((freest.log_scale, freest.log_anisotropy), abs=1e-9)


def test_a_right_pixel_size_is_left_alone_and_a_scale_keeps_its_bounds(scene):
    target, section, true, _ = scene
    fine = target.levels(section)[-1]
    ended = settle_stretch(fine, refine(fine, true, free=SCALED), np.random.default_rng(0))
    assert ended.free in (RIGID, SCALED)
    assert abs(ended.pose.log_scale) < 0.004
    assert ended.pose.log_anisotropy == 0.0
    assert abs(ended.left[1]) < 0.01
    size = np.sqrt((fine.points**2).mean(axis=0))
    known = replace(ended, left=(0.001, 0.004)).left_um()
    assert known == pytest.approx((0.003 * size[0], 0.001 * size[1]))
    far = true.moved(np.array([0.0] * 6 + [0.5, -0.5]))
    assert far.log_scale == pytest.approx(np.log1p(MOST_SCALE))


def test_thinned_points_say_nearly_the_same(scene):
    target, section, true, _ = scene
    level = target.levels(section)[0]
    thin = level.thinned()
    assert thin.total_weight == pytest.approx(level.total_weight, rel=0.05)
    assert len(thin.points) < len(level.points)
    away = true.moved(np.array([0.02, -0.02, 0.01, 9.0, 5.0, 9.0]))
    for pose in (true, away):
        whole, some = equations(level, pose), equations(thin, pose)
        assert whole is not None
        assert some is not None
        assert some.cost == pytest.approx(whole.cost, rel=0.25)
        assert inside_correlation(thin, pose) == pytest.approx(inside_correlation(level, pose), abs=0.1)


def test_voids_that_are_missed_cost_where_nothing_else_is_empty(scene):
    target, section, true, _ = scene
    maps = section.maps.copy()
    maps[SOLID] += maps[EMPTY]
    maps[EMPTY] = 0.0
    level = make_level(replace(section, maps=maps), target.grids[-1])
    blank = replace(level, void=0.0 * level.void, basis=level.basis * np.array([1.0, 1.0, 1.0, 0.0]))
    away = true.moved(np.array([0.0, 0.0, 0.0, 25.0, 25.0, 0.0]))
    there, away_voids, away_blank = equations(level, true), equations(level, away), equations(blank, away)
    assert there is not None
    assert away_voids is not None
    assert away_blank is not None
    assert away_voids.cost > away_blank.cost > there.cost


def test_sharpening_undoes_a_blur_and_quiets_what_is_flat():
    rng = np.random.default_rng(3)
    sharp = ndimage.gaussian_filter(rng.normal(size=(40, 40, 90)), 1.6) * 60000 + 30000
    sharp[:, :, 40:] = 50000.0
    noise = ndimage.gaussian_filter(rng.normal(size=sharp.shape), 0.5) * 200.0
    blurred = ndimage.gaussian_filter(sharp, 0.7)
    shown = np.clip(blurred + noise, 0, 65535).astype(np.uint16)
    ceramic = np.zeros(sharp.shape, bool)
    ceramic[:, :, 40:] = True
    found, left = sharpened(shown, ceramic, 0.7)
    textured, flat = np.s_[4:-4, 4:-4, 4:36], np.s_[4:-4, 4:-4, 56:-4]
    assert np.std((found - sharp)[textured]) < 0.6 * np.std((blurred - sharp)[textured])
    assert np.std((found - sharp)[flat]) < 0.2 * np.std(noise[flat])
    assert left == pytest.approx(0.5)


def test_slabs_change_nothing(scene, monkeypatch):
    target, _, _, _ = scene
    rng = np.random.default_rng(4)
    grey = rng.integers(10_000, 50_000, target.phases.shape).astype(np.uint16)
    ceramic = is_filled(target.phases)
    whole, whole_specimen = (
        sharpened(grey, ceramic, 0.7)[0],
        read_specimen(grey, target.phases, SPACING_UM, 20.0),
    )
    monkeypatch.setattr(resolutions, "SLAB", 7)
    monkeypatch.setattr(specimen, "SLAB_ROWS", 2)
    np.testing.assert_array_equal(sharpened(grey, ceramic, 0.7)[0], whole)
    parts = read_specimen(grey, target.phases, SPACING_UM, 20.0)
    np.testing.assert_array_equal(parts.channels, whole_specimen.channels)


def test_a_large_volume_is_binned_and_its_own_voxels_end_the_refinement(scene, monkeypatch):
    coarse, section, true, _ = scene
    monkeypatch.setattr(targets, "SEARCHED", coarse.phases.shape[2] // 2)
    rng = np.random.default_rng(5)
    grey, phases = small_cell(rng).volume(rng)
    target = make_target(grey, phases, SPACING_UM, AxesPrior.parse("-z,r"))
    assert isinstance(target, Target)
    assert [g.spacing_um[0] for g in target.grids] == [4 * VOXEL_UM, 2 * VOXEL_UM, 2 * VOXEL_UM, VOXEL_UM]
    start = true.moved(np.array([0.02, -0.02, 0.01, 4.0, -3.0, 4.0]))
    found = descend(target.levels(section), start)
    points = target.levels(section)[-1].own_points(100)
    assert np.linalg.norm(found.place(points) - true.place(points), axis=1).mean() < 0.5 * VOXEL_UM


def test_the_error_of_a_position_is_that_of_drawn_poses():
    rng = np.random.default_rng(8)
    root = rng.normal(size=(8, 8)) * np.array([2e-3] * 3 + [0.7] * 3 + [1e-3] * 2)[:, None]
    turn = Rotation.from_euler("xyz", [20.0, -40.0, 70.0], degrees=True).as_matrix()
    pose = SectionPose(turn, np.array([10.0, 20.0, 30.0]), 0.0, 0.01, -0.005)
    points = np.column_stack([rng.uniform(-500, 500, (60, 2)), np.zeros(60)])
    moved = np.stack([pose.moved(root @ rng.normal(size=8)).place(points) for _ in range(4000)])
    drawn = np.sqrt((((moved - pose.place(points)) @ pose.rotation) ** 2).mean(axis=(0, 1)))
    said = position_error(root @ root.T, pose, points)
    np.testing.assert_allclose((said.u, said.v, said.normal), drawn, rtol=0.06)


def test_resolutions_agree_on_one_minimum_and_tell_the_distance_of_two(scene):
    target, section, true, _ = scene
    resolutions = target.levels(section)
    best = polish(resolutions[-1], refine(resolutions[-1], true, free=SCALED), VOXEL_UM)
    solution = SectionSolution(resolutions, Settled(resolutions[-1], best, RIGID, (0.0, 0.0)), [best])
    assert np.all(resolutions_apart(solution, VOXEL_UM) < 0.1 * VOXEL_UM)
    along = int(np.argmax(np.abs(true.rotation[:, 2])))

    def shifted(grid):
        step = round(4 * VOXEL_UM / grid.spacing_um[2 - along])
        return np.roll(grid.volume, step, axis=2 - along)

    soft, fine = target.grids[1], target.grids[-1]
    both = (0.6 * fine.volume + 0.4 * shifted(fine)).astype(np.float32)
    doubled = make_level(section, replace(fine, volume=both))
    other = make_level(section, replace(soft, volume=shifted(soft)))
    torn = SectionSolution(
        (resolutions[0], other, doubled), solution.settled, [refine(doubled, best, free=SCALED)]
    )
    u, v, normal = resolutions_apart(torn, VOXEL_UM) / VOXEL_UM
    assert 1.5 < normal < 4.5
    assert max(u, v) < 0.8


def test_errors_add_up_by_direction_and_unknown_ones_stay_unknown():
    said = widened(StandardError(3.0, None, 0.0), (4.0, 1.0, 1.0), (12.0, 1.0, 0.0))
    assert (said.u, said.v, said.normal) == (13.0, None, 1.0)


def test_known_answers_are_found_and_lost_where_the_tomogram_is_blank(scene):
    target, section, true, _ = scene
    resolutions = target.levels(section)
    solution = SectionSolution(resolutions, Settled(resolutions[-1], true, RIGID, (0.0, 0.0)), [true])
    near = near_answers(section, target, solution, np.random.default_rng(2))
    assert near.lost == 0
    assert np.all(near.rms_um() < VOXEL_UM)
    assert searched_answer(section, target, solution, np.random.default_rng(2)).n == 1
    rng = np.random.default_rng(3)
    dull = replace(
        target,
        grids=tuple(
            replace(g, volume=rng.normal(3e4, 9e3, g.volume.shape).astype(np.float32)) for g in target.grids
        ),
    )
    assert near_answers(section, dull, solution, np.random.default_rng(2)).lost > 3


def test_a_warp_pays_where_there_is_one_and_not_where_there_is_none(scene):
    target, section, true, _ = scene
    fine = target.levels(section)[-1]
    assert not smooth_warp(fine, refine(fine, true)).pays
    u, v = (fine.points / np.abs(fine.points).max(axis=0)).T
    imposed = 4.0 * np.column_stack([u**2 - v**2, 0.5 * u * v])
    bent = replace(fine, points=fine.points + imposed)
    found = smooth_warp(bent, refine(bent, true))
    assert found.pays
    flat = np.column_stack([np.ones_like(u), u, v])
    expected = imposed - flat @ np.linalg.lstsq(flat, imposed, rcond=None)[0]
    moved = bending(bent.points) @ found.coefficients_um.T
    assert np.corrcoef(moved.ravel(), expected.ravel())[0, 1] < -0.75
