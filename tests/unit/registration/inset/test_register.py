from __future__ import annotations

import numpy as np
import pytest

from spallmap.frames import AffineMap, displacement_um, grid_points
from spallmap.image import Image
from spallmap.registration.inset.register import register_inset
from spallmap.registration.result import Registration
from tests.schemas import check_registration
from tests.unit.registration.inset.scene import (
    DETAIL_SHAPE,
    DETAIL_UM,
    EDX_SHAPE,
    EDX_UM,
    OVERVIEW_SHAPE,
    Scene,
    draw_scene,
    electron_image,
    element_counts,
    pose,
)

SQUARE = (1.0, 1.0)


@pytest.fixture(autouse=True)
def _no_other_sizes(monkeypatch):
    """After a refusal no other size is looked for: that has tests of its own, and takes time."""
    monkeypatch.setattr("spallmap.registration.inset.register.inset_sizes", lambda images, seed: [])


def overview_of(scene: Scene, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Overview with a data bar, and its mask."""
    grey = electron_image(scene, AffineMap.identity(), OVERVIEW_SHAPE, 1.0, seed)
    mask = np.ones(OVERVIEW_SHAPE, dtype=bool)
    mask[-14:] = False
    grey[~mask] = 0.0
    grey[-10:-6, 20:90] = 255.0
    return grey, mask


def detail_of(scene: Scene, truth: AffineMap, seed: int) -> tuple[np.ndarray, np.ndarray]:
    grey = electron_image(scene, truth, DETAIL_SHAPE, DETAIL_UM, seed)
    mask = np.ones(DETAIL_SHAPE, dtype=bool)
    mask[-20:] = False
    grey[~mask] = 0.0
    grey[-14:-10, 30:150] = 255.0
    return grey, mask


def image_of(data: np.ndarray, mask: np.ndarray, spacing_um: tuple[float, float] = SQUARE) -> Image:
    return Image(data, ("channel", "y", "x")[-data.ndim :], spacing_um, mask)


def register(
    scene: Scene, image: np.ndarray, mask: np.ndarray, spacing: float, kind: str, seed: int
) -> Registration:
    found = register_inset(
        image_of(image, mask, (spacing, spacing)), image_of(*overview_of(scene, seed)), kind=kind
    )
    check_registration(found)
    return found


@pytest.mark.parametrize(("seed", "rotation_deg"), [(1, 2.0), (2, -14.0)])
def test_a_detail_with_grains_of_its_own_is_placed(seed: int, rotation_deg: float) -> None:
    scene = draw_scene(seed)
    truth = pose(DETAIL_SHAPE, DETAIL_UM, (150.0 - 20 * (seed % 2), 100.0), rotation_deg)
    image, mask = detail_of(scene, truth, seed + 10)
    found = register(scene, image, mask, DETAIL_UM, "sem", seed + 20)
    field = grid_points(DETAIL_SHAPE, (DETAIL_UM, DETAIL_UM))[mask]
    assert displacement_um(found.map, truth, field).mean() < 1.0
    assert found.accepted, found.reasons
    assert found.se_um.u is not None
    assert found.se_um.u < 1.5
    assert found.se_um.normal == 0.0
    answers = found.diagnostics.known_answers[0]
    assert answers.n == len(answers.errors_um) > 0
    assert np.max(answers.errors_um) < 1.0


def placed_counts(seed: int, rotation_deg: float) -> tuple[Registration, AffineMap]:
    """Register element counts of a scene; returns what was found and what is true."""
    scene = draw_scene(seed)
    truth = pose(EDX_SHAPE, EDX_UM, (120.0, 84.0), rotation_deg)
    counts = element_counts(scene, truth, seed + 10)
    mask = np.ones(EDX_SHAPE, dtype=bool)
    return register(scene, counts, mask, EDX_UM, "edx", seed + 20), truth


@pytest.fixture(scope="module")
def counts_of_five() -> tuple[Registration, AffineMap]:
    return placed_counts(5, 12.0)


def test_element_counts_are_placed_in_an_electron_image(
    counts_of_five: tuple[Registration, AffineMap],
) -> None:
    found, truth = counts_of_five
    error = displacement_um(found.map, truth, grid_points(EDX_SHAPE, (EDX_UM, EDX_UM)))
    assert error.mean() < 2.0
    assert found.accepted, found.reasons


def test_the_noise_of_few_counts_is_not_held_against_their_place() -> None:
    scene = draw_scene(5)
    truth = pose(EDX_SHAPE, EDX_UM, (120.0, 84.0), 12.0)
    counts = (
        np.random.default_rng(3).binomial(element_counts(scene, truth, 15).astype(int), 0.1).astype(float)
    )
    found = register(scene, counts, np.ones(EDX_SHAPE, dtype=bool), EDX_UM, "edx", 25)
    error = displacement_um(found.map, truth, grid_points(EDX_SHAPE, (EDX_UM, EDX_UM)))
    assert error.mean() < 2.0
    assert found.accepted, found.reasons
    assert found.diagnostics.measures["lead"] > 5.0


def test_the_sign_of_the_contrast_does_not_matter() -> None:
    scene = draw_scene(6)
    truth = pose(DETAIL_SHAPE, DETAIL_UM, (120.0, 95.0), 3.0)
    image, mask = detail_of(scene, truth, 16)
    found = register(scene, 255.0 - image, mask, DETAIL_UM, "sem", 26)
    field = grid_points(DETAIL_SHAPE, (DETAIL_UM, DETAIL_UM))[mask]
    assert displacement_um(found.map, truth, field).mean() < 1.0


@pytest.mark.parametrize("kind", ["sem", "edx"])
def test_an_image_of_another_section_is_refused(kind: str) -> None:
    scene, other = draw_scene(7), draw_scene(8)
    if kind == "sem":
        image, mask = detail_of(other, pose(DETAIL_SHAPE, DETAIL_UM, (130.0, 100.0), 2.0), 17)
        found = register(scene, image, mask, DETAIL_UM, kind, 27)
    else:
        counts = element_counts(other, pose(EDX_SHAPE, EDX_UM, (120.0, 84.0), 2.0), 17)
        found = register(scene, counts, np.ones(EDX_SHAPE, dtype=bool), EDX_UM, kind, 27)
    assert found.verdict == "refused"
    assert found.reasons


def test_a_repeating_texture_is_refused_because_another_place_is_as_good() -> None:
    pores = np.array([(x, y, 6.0) for x in range(20, 240, 30) for y in range(20, 180, 30)], dtype=float)
    scene = Scene(pores, (0.0, 0.0, 1e6, 0.0, 0.0), -1e3)
    image, mask = detail_of(scene, pose(DETAIL_SHAPE, DETAIL_UM, (125.0, 95.0), 1.0), 18)
    found = register(scene, image, mask, DETAIL_UM, "sem", 28)
    assert found.verdict == "refused"
    assert found.runner_up is not None
    assert found.runner_up.differs_by_um > 29.0
    assert found.runner_up.score > 0.9 * found.score


def test_a_detail_without_edges_is_refused() -> None:
    scene = Scene(np.zeros((0, 3)), draw_scene(9).crack, 30.0)
    image, mask = detail_of(scene, pose(DETAIL_SHAPE, DETAIL_UM, (200.0, 120.0), 1.0), 19)
    found = register(draw_scene(9), image, mask, DETAIL_UM, "sem", 29)
    assert found.verdict == "refused"


def test_one_grey_is_refused_on_either_side() -> None:
    scene = draw_scene(10)
    image, mask = detail_of(scene, pose(DETAIL_SHAPE, DETAIL_UM, (120.0, 95.0), 0.0), 20)
    flat = register(scene, np.full_like(image, 7.0), mask, DETAIL_UM, "sem", 30)
    assert flat.verdict == "refused"
    assert "one grey" in flat.reasons[0]
    step = (DETAIL_UM, DETAIL_UM)
    blank = np.zeros(OVERVIEW_SHAPE), np.ones(OVERVIEW_SHAPE, dtype=bool)
    found = register_inset(image_of(image, mask, step), image_of(*blank), kind="sem")
    assert found.verdict == "refused"
    assert "overview" in found.reasons[0]


def spoilt(scene: Scene, how: str) -> Registration:
    truth = pose(DETAIL_SHAPE, DETAIL_UM, (125.0, 100.0), 3.0)
    image, mask = detail_of(scene, truth, 31)
    if how == "mirrored":
        image, mask = image[:, ::-1], mask[:, ::-1]
    elif how == "rows and columns swapped":
        image, mask = image.T, mask.T
    elif how == "beside the overview":
        image, mask = detail_of(scene, pose(DETAIL_SHAPE, DETAIL_UM, (125.0, 700.0), 3.0), 31)
    elif how == "not finite":
        image = np.full_like(image, np.nan)
    else:
        mask = np.zeros_like(mask)
    return register(scene, image, mask, DETAIL_UM, "sem", 41)


@pytest.mark.parametrize(
    "how", ["mirrored", "rows and columns swapped", "beside the overview", "not finite", "all masked"]
)
def test_a_spoilt_image_is_refused_with_a_reason(how: str) -> None:
    found = spoilt(draw_scene(13), how)
    assert found.verdict == "refused"
    assert found.reasons


def test_a_straight_face_alone_never_gives_a_place_along_it() -> None:
    face = Scene(np.zeros((0, 3)), (-900.0, -900.0, 10.0, 1.0, 1.0), 60.0)
    truth = pose(EDX_SHAPE, EDX_UM, (110.0, 80.0), 0.0)
    counts = element_counts(face, truth, 15)
    found = register(face, counts, np.ones(EDX_SHAPE, dtype=bool), EDX_UM, "edx", 35)
    error = displacement_um(found.map, truth, grid_points(EDX_SHAPE, (EDX_UM, EDX_UM))).mean()
    assert not found.accepted or (found.se_um.u is not None and error < 3.0 * found.se_um.u)


def test_an_inset_larger_than_its_overview_is_refused() -> None:
    scene = draw_scene(11)
    image = electron_image(scene, AffineMap.identity(), OVERVIEW_SHAPE, 1.0, 21)
    small = image[40:100, 40:120]
    found = register_inset(
        image_of(image, np.ones(image.shape, bool)), image_of(small, np.ones(small.shape, bool)), kind="sem"
    )
    assert found.verdict == "refused"


def test_identical_input_gives_the_same_right_answer_again(
    counts_of_five: tuple[Registration, AffineMap],
) -> None:
    first, truth = counts_of_five
    second, _ = placed_counts(5, 12.0)
    assert displacement_um(first.map, truth, grid_points(EDX_SHAPE, (EDX_UM, EDX_UM))).mean() < 2.0
    np.testing.assert_array_equal(first.map.matrix, second.map.matrix)
    assert first.score == second.score


def test_shapes_must_fit() -> None:
    with pytest.raises(ValueError, match="mask"):
        register_inset(
            image_of(np.zeros((5, 5)), np.ones((4, 5), bool)),
            image_of(np.zeros((9, 9)), np.ones((9, 9), bool)),
            kind="sem",
        )


def test_a_thin_bar_that_alone_fixes_the_column_is_seen_wherever_it_lies() -> None:
    # Every twentieth point of 240 x 320 lies in one of sixteen columns, which pass the bar by.
    rng = np.random.default_rng(4)
    ground = np.repeat(rng.uniform(60.0, 180.0, (30, 1)), 10, axis=0) * np.ones((1, 400))
    ground[:, 119:122] += 50.0
    inset = ground[30:270, 30:350] + rng.normal(0.0, 3.0, (240, 320))
    whole = np.ones(ground.shape, dtype=bool)
    found = register_inset(
        image_of(inset, whole[30:270, 30:350]),
        image_of(ground + rng.normal(0.0, 3.0, ground.shape), whole),
        kind="sem",
    )
    truth = AffineMap.from_parts(np.eye(3), [30.0, 30.0, 0.0])
    assert displacement_um(found.map, truth, grid_points(inset.shape, SQUARE)).mean() < 0.2
