from __future__ import annotations

import numpy as np
import pytest

from spallmap.axes import AxesPrior
from spallmap.frames import displacement_um, grid_points
from spallmap.registration.volume.register import register_volume
from tests.schemas import check_registration
from tests.unit.registration.volume.ceramic_phantom import SHAPE, SPACING, draw_body, draw_pose, scan

PRIOR = AxesPrior.parse("z,y,x")


def ceramic_points(phases: np.ndarray) -> np.ndarray:
    return grid_points(SHAPE, SPACING)[phases == 1][::20]


@pytest.mark.parametrize(
    ("seed", "azimuth", "upside_down"), [(1, 4.0, False), (2, 181.0, False), (3, 75.0, True)]
)
def test_any_remounting_is_found_although_electrodes_move_and_a_crack_appears(
    seed: int, azimuth: float, upside_down: bool
) -> None:
    before, after = draw_body(seed), draw_body(seed, crack=True)
    after = type(after)(after.pores, (180.0, 310.0), True)
    own, other = (
        draw_pose(seed, azimuth_deg=azimuth, upside_down=upside_down),
        draw_pose(seed + 50, azimuth_deg=0),
    )
    moving, fixed = scan(before, own, seed, gain=1.1), scan(after, other, seed + 9)
    found = register_volume(*moving, SPACING, *fixed, SPACING, prior=PRIOR)
    truth = other.inverse() @ own
    error = displacement_um(found.map, truth, ceramic_points(moving[1]))
    assert error.mean() < 0.15 * SPACING[0]
    assert found.verdict == "accepted", found.reasons
    assert found.runner_up is not None
    assert found.score - found.runner_up.score > 0.3
    expected = np.rad2deg(np.arccos(np.clip((np.trace(truth.linear) - 1) / 2, -1, 1)))
    check_registration(found)
    assert found.diagnostics.measures["rotated_from_prior_deg"] == pytest.approx(expected, abs=1.0)


@pytest.mark.parametrize("seed", [4, 7])
def test_a_wrong_voxel_size_is_found_and_a_right_one_left_alone(seed: int) -> None:
    body, other = draw_body(seed), draw_pose(50 + seed, azimuth_deg=0)
    own = draw_pose(seed, azimuth_deg=3.0)
    moving, fixed = scan(body, own, seed), scan(body, other, seed + 1)
    for stated in (1.01, 1.0):
        spacing = tuple(stated * s for s in SPACING)
        found = register_volume(*moving, spacing, *fixed, SPACING, prior=PRIOR)
        # 0.3 % of the disc's radius is a twentieth of a voxel.
        assert np.cbrt(np.linalg.det(found.map.linear)) == pytest.approx(1 / stated, abs=3e-3)
        assert found.accepted, found.reasons
        (answers,) = found.diagnostics.known_answers
        assert answers.n > 0
        assert np.max(answers.errors_um) < 0.2 * SPACING[0]


def test_left_handed_axes_are_the_tables_word_and_their_lack_a_mirrored_cell() -> None:
    body = draw_body(5)
    own, other = draw_pose(5, azimuth_deg=2.0), draw_pose(55, azimuth_deg=0)
    moving, fixed = scan(body, own, 5), scan(body, other, 6)
    swapped = np.swapaxes(moving[0], 1, 2), np.swapaxes(moving[1], 1, 2)
    found = register_volume(*swapped, SPACING, *fixed, SPACING, prior=AxesPrior.parse("z,x,y"))
    assert found.accepted, found.reasons
    points = ceramic_points(moving[1])
    truth = other.inverse() @ own
    error = np.linalg.norm(found.map(points[:, [1, 0, 2]]) - truth(points), axis=1)
    assert error.mean() < 0.15 * SPACING[0]
    refused = register_volume(*swapped, SPACING, *fixed, SPACING, prior=PRIOR)
    assert refused.verdict == "refused"


def test_another_cell_is_refused() -> None:
    moving = scan(draw_body(11), draw_pose(11, azimuth_deg=3), 11)
    fixed = scan(draw_body(41), draw_pose(12, azimuth_deg=0), 12)
    found = register_volume(*moving, SPACING, *fixed, SPACING, prior=PRIOR)
    assert found.verdict == "refused"
    assert "do not match" in " ".join(found.reasons)


def test_a_mirrored_volume_is_refused() -> None:
    body = draw_body(6)
    grey, phases = scan(body, draw_pose(6, azimuth_deg=3), 6)
    fixed = scan(body, draw_pose(7, azimuth_deg=0), 7)
    found = register_volume(grey[:, :, ::-1], phases[:, :, ::-1], SPACING, *fixed, SPACING, prior=PRIOR)
    assert found.verdict == "refused"


def test_what_holds_no_ceramic_or_no_pores_is_refused_with_the_reason() -> None:
    fixed = scan(draw_body(8), draw_pose(8, azimuth_deg=0), 8)
    empty = register_volume(
        np.zeros(SHAPE), np.full(SHAPE, 5, np.uint8), SPACING, *fixed, SPACING, prior=PRIOR
    )
    assert empty.verdict == "refused"
    assert "no ceramic" in empty.reasons[0]
    smooth = draw_body(9, n_pores=0)
    bare = [scan(smooth, draw_pose(k, azimuth_deg=0), k) for k in (9, 10)]
    found = register_volume(*bare[0], SPACING, *bare[1], SPACING, prior=PRIOR)
    assert found.verdict == "refused"
    assert "pores" in found.reasons[0]


def test_grey_and_phases_must_be_one_volume() -> None:
    grey, phases = scan(draw_body(8), draw_pose(8, azimuth_deg=0), 8)
    with pytest.raises(ValueError, match="one volume"):
        register_volume(grey[1:], phases, SPACING, grey, phases, SPACING, prior=PRIOR)
