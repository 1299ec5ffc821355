from __future__ import annotations

import numpy as np
import pytest

from spallmap.twin.faults.xct_faults import XCT_FAULTS, XctFaults
from spallmap.twin.poses import draw_xct_pose
from spallmap.twin.xct import XctLook, simulate_xct
from tests.unit.twin.plain_cell import plain_cell

CLEAN = XctLook(blur_voxels=0.5, cupping=0.0, ring_grey=0.0, noise_grey=0.0)
SHAPE, SPACING = (60, 80, 80), 5.0


def scan_of(faults, look=CLEAN):
    rng = np.random.default_rng(3)
    pose = draw_xct_pose(rng, SHAPE, SPACING, tilt_deg=0.0)
    return simulate_xct(plain_cell(), pose, rng, shape=SHAPE, spacing_um=SPACING, look=look, faults=faults)


def test_no_fault_is_the_clean_scan():
    look = XctLook()
    assert np.array_equal(scan_of(XctFaults(), look).volume, scan_of(None, look).volume)


@pytest.mark.parametrize("kind", XCT_FAULTS)
def test_each_fault_alone_changes_the_scan(kind):
    faults = XctFaults.draw(np.random.default_rng(5), 1, (kind,))
    assert faults.names == (kind,)
    changed, clean = scan_of(faults, XctLook()), scan_of(None, XctLook())
    assert changed.volume.shape != clean.volume.shape or np.any(changed.volume != clean.volume)
    assert np.array_equal(changed.volume, scan_of(faults, XctLook()).volume)


def test_a_cut_field_shows_the_same_points():
    cut, whole = scan_of(XctFaults(field_fraction=0.5)), scan_of(None)
    assert cut.volume.shape == (60, 40, 40)
    inside = cut.volume[:, 4:-4, 4:-4]
    np.testing.assert_allclose(inside, whole.volume[:, 24:56, 24:56].astype(float), atol=1.0)
    np.testing.assert_allclose(cut.to_cell(np.zeros(3)), whole.to_cell(np.array([100.0, 100.0, 0.0])))


def test_a_round_field_has_empty_corners():
    volume = scan_of(XctFaults(field_round=True)).volume
    assert np.all(volume[:, :5, :5] == 0)
    assert np.all(volume[:, 30:50, 30:50] > 0)


def test_fringes_overshoot_at_edges():
    sharp = XctLook(blur_voxels=1.5, cupping=0.0, ring_grey=0.0, noise_grey=0.0, sodium=13000.0)
    fringes = XctFaults(fringe_fraction=0.2, fringe_voxels=1.5)
    column = scan_of(fringes, sharp).volume[:, 40, 40].astype(float)
    over = (column.max() - sharp.ceramic) / (sharp.ceramic - sharp.gas)
    # The scan's own blur takes half of the fringe, and some of the edge's own height is missing beneath it.
    assert 0.04 < over < 0.12
    assert column.min() < sharp.gas - 0.04 * (sharp.ceramic - sharp.gas)


def test_grains_lie_in_the_ceramic_alone_and_are_the_cells_own():
    grains = XctFaults(grains_per_mm3=3000.0, grain_um=25.0, grain_fraction=0.4, grain_seed=4)
    changed = scan_of(grains).volume.astype(float) - scan_of(None).volume
    labels = scan_of(None).labels
    assert np.mean(changed[labels == 1] > 3000.0) > 0.01
    assert np.mean(np.abs(changed[labels == 0]) > 3000.0) < 1e-3
    again = scan_of(XctFaults(seed=9).with_cell_of(grains)).volume
    assert np.array_equal(again, scan_of(grains).volume)


def test_eight_bits_and_a_window_map_the_greys_as_asked():
    scan = scan_of(XctFaults(window=(-0.5, 1.5), bits=8))
    assert scan.volume.dtype == np.uint8
    assert scan.volume[30, 40, 40] == pytest.approx(255 * 0.75, abs=1)
    clipped = scan_of(XctFaults(clip=(0.1, 0.9))).volume
    assert clipped[30, 40, 40] == 65535
    assert clipped.min() == 0


def test_a_joined_scan_steps_in_grey_where_it_was_joined():
    volume = scan_of(XctFaults(stitch_at=0.5, stitch_grey_fraction=0.05)).volume.astype(float)
    step = volume[30, 35:45, 35:45].mean() - volume[29, 35:45, 35:45].mean()
    assert 500.0 < step < 3500.0


def test_the_same_number_of_faults_is_drawn_as_is_asked_for():
    rng = np.random.default_rng(1)
    for n in range(5):
        assert len(XctFaults.draw(rng, n).names) == n
