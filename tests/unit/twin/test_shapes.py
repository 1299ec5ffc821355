from __future__ import annotations

import numpy as np
import pytest

from spallmap.twin.morphologies import SMALL_SHAPE, SMALL_WIDTH
from spallmap.twin.poses import draw_xct_pose
from spallmap.twin.render import fractions_of
from spallmap.twin.scans import stream
from spallmap.twin.shapes import draw_cell

SEEDS = range(40)


def test_a_control_is_the_same_cell_without_cracks():
    for seed in range(5):
        cell, control = (
            draw_cell(np.random.default_rng(seed), kind=kind).shorted for kind in ("dendrite", "control")
        )
        lone = draw_cell(np.random.default_rng(seed), decoy=False).shorted
        assert control.crack is None
        assert control.decoy is None
        assert lone.decoy is None
        assert lone.crack.depth_um == cell.crack.depth_um
        points = np.random.default_rng(seed).uniform(-500, 500, (2000, 3)) * (1, 1, 0.7)
        np.testing.assert_array_equal(
            fractions_of(control, points, 1.0), fractions_of(cell.without_cracks(), points, 1.0)
        )


def test_pristine_and_shorted_share_ceramic_and_pores_but_not_electrodes():
    states = draw_cell(np.random.default_rng(8))
    a, b = states.pristine, states.shorted
    assert a.crack is None
    assert a.rim is b.rim
    pores = [h.centres_um[~h.in_sodium] for h in (a.hollows, b.hollows)]
    np.testing.assert_array_equal(*pores)
    moved = np.hypot(*np.subtract(a.electrodes[1].outline.centre_um, b.electrodes[1].outline.centre_um))
    assert 0.1 < moved < 60.0


def test_cells_differ_and_stay_within_their_limits():
    cells = [draw_cell(stream(seed, "geometry")).shorted for seed in SEEDS]
    cracks = [c.crack for c in cells]
    assert {c.side for c in cracks} == {-1, 1}
    assert {c.shape for c in cracks} == {"bowl", "cone"}
    assert len({round(c.rim.radius_um, 6) for c in cells}) == len(cells)
    for cell, crack in zip(cells, cracks, strict=True):
        assert 0.25 * cell.thickness_um / 2 < crack.depth_um <= 0.5 * cell.thickness_um
        electrode = cell.electrodes[(crack.side + 1) // 2].outline
        off_axis = np.hypot(*np.subtract(crack.rim.centre_um, electrode.centre_um))
        assert electrode.radius_um - 90 < off_axis + crack.rim.radius_um < electrode.radius_um + 80
        rng = np.random.default_rng(1)
        apertures = crack.aperture_at(*rng.uniform(-500, 500, (2, 500))) / 4.66
        assert apertures.min() >= 0.5
        assert apertures.max() <= 2.5
        separation = np.hypot(*np.subtract(cell.decoy.centre_um[:2], crack.rim.centre_um))
        assert separation > crack.rim.radius_um * 1.15 + 30.0


def test_the_cell_stays_in_the_field_of_view():
    shape, spacing = (190, 324, 324), 4.66
    for seed in SEEDS:
        cell = draw_cell(stream(seed, "geometry")).pristine
        for state in ("pristine", "shorted"):
            pose = draw_xct_pose(stream(seed, "pose", state), shape, spacing)
            angle = np.linspace(0, 2 * np.pi, 60)
            ring = np.column_stack([np.cos(angle), np.sin(angle), 0 * angle]) * cell.casing.outer_um
            tops = [
                np.column_stack(
                    [
                        np.cos(angle) * e.outline.radius_um,
                        np.sin(angle) * e.outline.radius_um,
                        0 * angle + e.outer.offset,
                    ]
                )
                for e in cell.electrodes
            ]
            own = pose.inverse()(np.concatenate([ring, *tops])) / spacing
            assert own.min() > 0.0
            assert np.all(own.max(axis=0) < np.array(shape[::-1]) - 1)


def test_a_narrow_cell_fits_its_field_with_pores_of_the_usual_density():
    for seed in range(30):
        full, small = (draw_cell(np.random.default_rng(seed), width=w).shorted for w in (1.0, SMALL_WIDTH))
        pores = [np.sum(~c.hollows.in_sodium) / c.rim.area_um2 for c in (full, small)]
        assert pores[1] == pytest.approx(pores[0], rel=0.02)
        assert small.crack.depth_um == full.crack.depth_um
        pose = draw_xct_pose(np.random.default_rng(seed), SMALL_SHAPE, 4.66)
        angle = np.linspace(0, 2 * np.pi, 60)
        ring = np.column_stack([np.cos(angle), np.sin(angle), 0 * angle]) * small.casing.outer_um
        ends = [ring / 2 + (0.0, 0.0, e.outer.offset) for e in small.electrodes]
        own = pose.inverse()(np.concatenate([ring, *ends])) / 4.66
        assert own.min() > 0.0
        assert np.all(own.max(axis=0) < np.array(SMALL_SHAPE[::-1]) - 1)
