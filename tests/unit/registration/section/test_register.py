from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from spallmap.axes import AxesPrior
from spallmap.frames import AffineMap, displacement_um, grid_points
from spallmap.image import Image
from spallmap.landmarks import parse_landmarks
from spallmap.registration.result import Registration
from spallmap.registration.section import register_section
from spallmap.registration.section import starts as section_starts
from tests.schemas import check_registration
from tests.unit.registration.section.cell import PIXEL_UM, SPACING_UM, VOXEL_UM, SmallCell, cut, small_cell

PRIOR = AxesPrior.parse("-z,r")


@pytest.fixture(scope="module")
def cell() -> tuple[SmallCell, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    made = small_cell(rng)
    return made, *made.volume(rng)


def place(
    section: tuple[np.ndarray, np.ndarray, np.ndarray], grey: np.ndarray, phases: np.ndarray
) -> Registration:
    image = Image(section[0], ("y", "x"), (PIXEL_UM, PIXEL_UM), section[1])
    found = register_section(image, grey, phases, SPACING_UM, prior=PRIOR, starts=80)
    check_registration(found)
    return found


def error_voxels(found: Registration, section: tuple[np.ndarray, np.ndarray, np.ndarray]) -> float:
    points = grid_points(section[0].shape, (PIXEL_UM, PIXEL_UM))[section[1]]
    return float(displacement_um(found.map, AffineMap(section[2]), points).mean()) / VOXEL_UM


@pytest.fixture(autouse=True)
def few_compared(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare a tenth of the usual coarse poses: among those of a small cell the right one is.

    The section whose columns and rows are exchanged is searched as every section is.
    """
    if "exchanged" not in request.node.name:
        monkeypatch.setattr(section_starts, "COMPARED", 1_000)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_section_at_an_unknown_azimuth_is_found(cell, seed):
    made, grey, phases = cell
    section = cut(made, np.random.default_rng(seed))
    found = place(section, grey, phases)
    assert found.verdict == "accepted", found.reasons
    assert error_voxels(found, section) < 1.0
    lengths = np.linalg.norm(found.map.linear, axis=0)
    # A stretch is weighed: in a small field a fraction of a per cent is left in the map.
    assert lengths[1] / lengths[0] == pytest.approx(1.0, abs=0.002)
    assert lengths[0] == pytest.approx(1.0, abs=0.004)
    assert lengths[2] == pytest.approx(1.0, abs=1e-9)
    rotation = found.map.linear / lengths
    np.testing.assert_allclose(rotation.T @ rotation, np.eye(3), atol=1e-9)
    assert np.linalg.det(found.map.linear) > 0
    assert found.runner_up is not None
    assert found.runner_up.score < found.score
    assert len(found.diagnostics.rivals) > 0
    assert found.diagnostics.rivals[0].score == found.runner_up.score
    near, *searched, own = found.diagnostics.known_answers
    assert near.where == own.where == "near"
    assert near.lost <= 1
    assert {one.where for one in searched} == {"elsewhere"}
    assert sum(one.lost for one in searched) < len(searched)


def test_a_section_of_another_cell_is_refused(cell):
    _, grey, phases = cell
    for seed in (11,):
        rng = np.random.default_rng(seed)
        found = place(cut(small_cell(rng), rng), grey, phases)
        assert found.verdict == "refused"
        assert found.reasons


def test_rows_and_columns_exchanged_with_their_axes_give_the_same_place(cell):
    made, grey, phases = cell
    section = cut(made, np.random.default_rng(1))
    image = Image(section[0].T, ("y", "x"), (PIXEL_UM, PIXEL_UM), section[1].T)
    found = register_section(image, grey, phases, SPACING_UM, prior=AxesPrior.parse("r,-z"), starts=80)
    own = grid_points(section[0].shape, (PIXEL_UM, PIXEL_UM))[section[1]]
    exchanged = own[:, [1, 0, 2]]
    apart = np.linalg.norm(found.map(exchanged) - AffineMap(section[2])(own), axis=1).mean()
    assert apart < VOXEL_UM


def test_a_named_direction_is_kept_to_and_a_mirrored_save_is_refused(cell):
    made, grey, phases = cell
    section = cut(made, np.random.default_rng(4), azimuth_deg=172.0)
    prior = AxesPrior.parse("-z,-x")
    pixel = (PIXEL_UM, PIXEL_UM)
    right = register_section(
        Image(section[0], ("y", "x"), pixel, section[1]), grey, phases, SPACING_UM, prior=prior, starts=50
    )
    assert right.verdict == "accepted", right.reasons
    assert error_voxels(right, section) < 1.0
    mirrored = Image(np.ascontiguousarray(section[0][:, ::-1]), ("y", "x"), pixel, section[1])
    assert register_section(mirrored, grey, phases, SPACING_UM, prior=prior, starts=50).verdict == "refused"


def test_the_same_seed_gives_the_same_result_on_any_number_of_threads(cell):
    made, grey, phases = cell
    section = cut(made, np.random.default_rng(2))
    image = Image(section[0], ("y", "x"), (PIXEL_UM, PIXEL_UM), section[1])
    one, two = (
        register_section(image, grey, phases, SPACING_UM, prior=PRIOR, starts=10, threads=n, seed=3)
        for n in (1, 2)
    )
    np.testing.assert_array_equal(one.map.matrix, two.map.matrix)
    assert one.se_um == two.se_um


def test_landmarks_start_the_search_and_measure_its_error(cell):
    made, grey, phases = cell
    section = cut(made, np.random.default_rng(3))
    truth = AffineMap(section[2])
    uv = np.array([[10.0, 20.0], [300.0, 40.0], [150.0, 200.0], [40.0, 180.0], [250.0, 150.0]])
    xyz = truth(np.column_stack([uv, np.zeros(5)]))
    table = pd.DataFrame(np.hstack([uv, xyz]), columns=["u_um", "v_um", "x_um", "y_um", "z_um"])
    table["use"] = ["fit", "fit", "fit", "fit", "check"]
    image = Image(section[0], ("y", "x"), (PIXEL_UM, PIXEL_UM), section[1])
    found = register_section(
        image, grey, phases, SPACING_UM, prior=PRIOR, starts=1, landmarks=parse_landmarks(table)
    )
    assert error_voxels(found, section) < 1.0
    assert found.tre_um is not None
    assert found.tre_um == pytest.approx(float(np.linalg.norm(found.map([*uv[4], 0.0]) - xyz[4])))
    assert found.fre_um is not None


def image_of(data: np.ndarray, mask: np.ndarray | None = None) -> Image:
    return Image(data, ("y", "x"), (PIXEL_UM, PIXEL_UM), mask)


@pytest.mark.parametrize(
    ("image", "word"),
    [
        (image_of(np.zeros((60, 80), dtype=np.uint8)), "single grey"),
        (image_of(np.random.default_rng(0).normal(100.0, 5.0, (60, 80))), "single grey"),
        (image_of(np.full((60, 80), 90, dtype=np.uint8), np.zeros((60, 80), dtype=bool)), "unmasked"),
        (image_of(np.full((60, 80), np.nan)), "unmasked"),
    ],
)
def test_an_image_without_content_is_refused_with_the_reason(cell, image, word):
    _, grey, phases = cell
    found = register_section(image, grey, phases, SPACING_UM, prior=PRIOR)
    assert found.verdict == "refused"
    assert word in found.reasons[0]


def test_a_volume_without_ceramic_and_a_field_larger_than_the_ceramic_are_refused(cell):
    made, grey, phases = cell
    section = cut(made, np.random.default_rng(1))
    nothing = place(section, np.full_like(grey, 10000), np.full_like(phases, 5))
    assert nothing.verdict == "refused"
    assert "no ceramic" in nothing.reasons[0]
    large = replace(image_of(section[0], section[1]), spacing_um=(8.0, 8.0))
    outside = register_section(large, grey, phases, SPACING_UM, prior=PRIOR)
    assert outside.verdict == "refused"
