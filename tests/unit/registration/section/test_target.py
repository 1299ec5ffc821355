from __future__ import annotations

import numpy as np
import pytest

from spallmap.axes import AxesPrior
from spallmap.frames import grid_points
from spallmap.image import Image
from spallmap.registration.section import resolutions
from spallmap.registration.section import target as targets
from spallmap.registration.section.refine import descend
from spallmap.registration.section.resolutions import sharpened
from spallmap.registration.section.target import (
    Specimen,
    Target,
    make_target,
    plate_thickness_um,
    read_specimen,
    thickness_sizes,
)
from spallmap.tomography.labels import is_filled
from tests.unit.registration.section.cell import PIXEL_UM, SPACING_UM, VOXEL_UM, cut, small_cell


def test_plate_normal_is_found_from_its_faces():
    normal = np.array([0.08, -0.05, 1.0]) / np.linalg.norm([0.08, -0.05, 1.0])
    points = grid_points((60, 100, 100), (5.0, 5.0, 5.0)) - np.array([247.5, 247.5, 147.5])
    plate = (np.abs(points @ normal) < 80.0) & (np.hypot(points[..., 0], points[..., 1]) < 200.0)
    grey = np.where(plate, 50000, 10000).astype(np.uint16)
    specimen = read_specimen(grey, np.where(plate, 1, 5).astype(np.uint8), (5.0, 5.0, 5.0), 20.0)
    assert isinstance(specimen, Specimen)
    assert specimen.plate_normal is not None
    assert np.rad2deg(np.arccos(abs(specimen.plate_normal @ normal))) < 0.6


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
    monkeypatch.setattr(targets, "SLAB_ROWS", 2)
    np.testing.assert_array_equal(sharpened(grey, ceramic, 0.7)[0], whole)
    parts = read_specimen(grey, target.phases, SPACING_UM, 20.0)
    np.testing.assert_array_equal(parts.channels, whole_specimen.channels)


def test_a_large_volume_is_binned_and_its_own_voxels_end_the_refinement(scene, monkeypatch):
    coarse, section, true, _ = scene
    monkeypatch.setattr(targets, "SEARCHED_VOXELS", coarse.phases.shape[2] // 2)
    rng = np.random.default_rng(5)
    grey, phases = small_cell(rng).volume(rng)
    target = make_target(grey, phases, SPACING_UM, AxesPrior.parse("-z,r"))
    assert isinstance(target, Target)
    assert [g.spacing_um[0] for g in target.grids] == [4 * VOXEL_UM, 2 * VOXEL_UM, 2 * VOXEL_UM, VOXEL_UM]
    start = true.moved(np.array([0.02, -0.02, 0.01, 4.0, -3.0, 4.0]))
    found = descend(target.levels(section), start)
    points = target.levels(section)[-1].own_points(100)
    assert np.linalg.norm(found.place(points) - true.place(points), axis=1).mean() < 0.5 * VOXEL_UM


def test_a_section_is_as_thick_as_its_tomogram_at_its_true_size_alone() -> None:
    rng = np.random.default_rng(5)
    made = small_cell(rng)
    _, phases = made.volume(rng)
    assert plate_thickness_um(phases, SPACING_UM) == pytest.approx(170.0, rel=0.02)
    grey, mask, _ = cut(made, np.random.default_rng(1))
    for factor in (0.5, 1.0, 1.1, 2.0):
        image = Image(grey, ("y", "x"), (factor * PIXEL_UM,) * 2, mask)
        [size] = thickness_sizes(image, phases, SPACING_UM)
        assert size == pytest.approx((PIXEL_UM,) * 2, rel=0.03)


def test_a_section_without_faces_gets_no_size() -> None:
    grey = np.random.default_rng(2).normal(100.0, 5.0, (60, 80))
    phases = np.ones((12, 12, 12), dtype=np.uint8)
    assert thickness_sizes(Image(grey, ("y", "x"), (2.0, 2.0)), phases, SPACING_UM) == []
    assert plate_thickness_um(np.full((8, 8, 8), 5, dtype=np.uint8), SPACING_UM) is None
