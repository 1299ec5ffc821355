"""The electron microscope's bad days: each does what it says, and none changes nothing."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from spallmap.twin import SemImage, draw_cell, draw_section_look, draw_section_pose, simulate_sem
from spallmap.twin.faults.sem_faults import RANGES, SemFaults, random_field, seam_shifts
from spallmap.twin.render import CERAMIC, EMPTY_CRACK, SODIUM

SHAPE, SPACING_UM = (110, 150), 5.0


@cache
def image_with(*names: str) -> SemImage:
    """Image the same section with faults of the names given."""
    rng = np.random.default_rng(7)
    geometry = draw_cell(rng).shorted
    to_cell = draw_section_pose(rng, geometry, (100, 150), SPACING_UM, 60.0)
    look = draw_section_look(rng, (SHAPE[0] * SPACING_UM, SHAPE[1] * SPACING_UM))
    faults = SemFaults.drawn(np.random.default_rng(2), *names) if names else None
    return simulate_sem(geometry, to_cell, rng, look=look, shape=SHAPE, spacing_um=SPACING_UM, faults=faults)


def test_an_image_without_faults_is_the_one_that_it_was() -> None:
    rng = np.random.default_rng(7)
    geometry = draw_cell(rng).shorted
    to_cell = draw_section_pose(rng, geometry, (100, 150), SPACING_UM, 60.0)
    look = draw_section_look(rng, (SHAPE[0] * SPACING_UM, SHAPE[1] * SPACING_UM))
    off = simulate_sem(
        geometry, to_cell, rng, look=look, shape=SHAPE, spacing_um=SPACING_UM, faults=SemFaults()
    )
    assert np.array_equal(off.image, image_with().image)


@pytest.mark.parametrize("name", [*RANGES, "fallen"])
def test_every_fault_changes_the_image(name: str) -> None:
    changed = image_with(name).image.astype(float) - image_with().image
    assert np.abs(changed).max() > 3.0


def test_a_tilt_that_was_left_stands_in_the_true_map() -> None:
    tilted, straight = image_with("tilt_stretch").to_cell.linear, image_with().to_cell.linear
    factors = np.linalg.norm(tilted, axis=0) / np.linalg.norm(straight, axis=0)
    assert factors[[0, 2]] == pytest.approx(1.0)
    assert 1.003 < factors[1] <= 1.031


def test_chips_widen_the_crack_and_are_the_same_in_every_image() -> None:
    chipped, whole = image_with("chip_um").fractions, image_with().fractions
    assert chipped[..., EMPTY_CRACK].sum() > whole[..., EMPTY_CRACK].sum()
    assert chipped[..., CERAMIC].sum() < whole[..., CERAMIC].sum()
    points = np.random.default_rng(1).uniform(0.0, 100.0, (5, 2))
    fields = [random_field(points, 10.0, np.random.default_rng(3)) for _ in range(2)]
    assert np.array_equal(fields[0], fields[1])


def test_an_electrode_that_fell_off_leaves_no_sodium_on_its_side() -> None:
    assert image_with("fallen").fractions[..., SODIUM].sum() < image_with().fractions[..., SODIUM].sum()


def test_seams_move_tiles_but_not_the_image_as_a_whole() -> None:
    shifts = seam_shifts((40, 50), SemFaults(seam_um=2.0), np.random.default_rng(4))
    assert np.allclose(shifts.mean(axis=(0, 1)), 0.0)
    assert len(np.unique(shifts[..., 0])) >= 4


def test_drawing_turns_on_as_many_faults_as_asked() -> None:
    drawn = [SemFaults.draw(np.random.default_rng(k), 3) for k in range(40)]
    assert {len(faults.names) for faults in drawn} == {3}
    assert {name for faults in drawn for name in faults.names} == {*RANGES, "fallen"}
    assert drawn[0].alone(drawn[0].names[0]).names == drawn[0].names[:1]
