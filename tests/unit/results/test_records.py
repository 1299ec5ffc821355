"""Records answer what pictures ask of them."""

from __future__ import annotations

import numpy as np
import pytest

from spallmap.frames import AffineMap
from spallmap.registration.result import Registration
from spallmap.results.records import STATUS_OK, MriRecord, XctRecord, main_crack, reference_of


def series(**changes) -> MriRecord:
    """Three slices, of which the last is the brightest."""
    echoes = np.ones((2, 3, 4, 5)) * np.array([1.0, 2.0, 3.0])[None, :, None, None]
    arguments = {"t2": {"t2_ms": np.arange(60.0).reshape(3, 4, 5)}, **changes}
    return MriRecord("shorted", "m", echoes, (2.0, 6.5), (500.0, 46.0, 23.0), **arguments)


@pytest.mark.parametrize(("marked", "shown"), [((), 2), (((0, 1, 1),), 0), (((0, 1, 1), (1, 2, 2)), 1)])
def test_the_slice_with_most_long_t2_is_drawn_and_then_the_brightest(marked, shown):
    regions = np.zeros((3, 4, 5), int)
    for at in marked:
        regions[at] = 1
    plane = series(regions=regions).plane()
    assert plane.remark == f"slice {shown + 1} of 3"
    np.testing.assert_array_equal(plane.echoes, series().echoes[:, shown])
    np.testing.assert_array_equal(plane.t2["t2_ms"], series().t2["t2_ms"][shown])
    np.testing.assert_array_equal(plane.regions, regions[shown])
    assert plane.spacing_um == (46.0, 23.0)
    assert plane.plane() is plane


def test_a_slice_keeps_its_position_in_the_reference():
    to_reference = AffineMap.from_parts(np.diag([1.0, -1.0, -1.0]), (10.0, 20.0, 30.0))
    record = series(registration=Registration(to_reference, "a method", "accepted", (), 0.9))
    plane = record.plane()
    assert plane.registration is not None
    np.testing.assert_allclose(plane.registration.map([23.0, 46.0, 0.0]), to_reference([23.0, 46.0, 1000.0]))


def test_only_fitted_pixels_above_the_noise_are_shown():
    t2 = {
        "t2_ms": np.array([[2.0, np.nan, 2.0, 2.0]]),
        "snr": np.array([[3.0, 9.0, 2.9, 9.0]]),
        "status": np.array([[STATUS_OK, STATUS_OK, STATUS_OK, STATUS_OK + 1]]),
    }
    record = MriRecord("shorted", "m", np.ones((2, 1, 4)), (2.0, 6.5), (46.0, 23.0), t2)
    assert record.usable().tolist() == [[True, False, False, False]]
    bare = MriRecord("shorted", "m", np.ones((2, 1, 4)), (2.0, 6.5), (46.0, 23.0), {"t2_ms": t2["t2_ms"]})
    assert bare.usable().tolist() == [[True, False, True, True]]


@pytest.mark.parametrize(
    ("summary", "sigma", "long_ms"),
    [
        ({}, None, 12.0),
        ({"noise_sigma": 0.5, "long": {"threshold_ms": 15.0}}, 0.5, 15.0),
        ({"noise_sigma": float("inf")}, None, 12.0),
        ({"noise_sigma": None}, None, 12.0),
    ],
)
def test_noise_and_threshold_come_from_the_summary(summary, sigma, long_ms):
    record = series(summary=summary)
    assert record.sigma == sigma
    assert record.long_ms == long_ms


def test_the_tomogram_without_a_registration_is_the_reference():
    grey = np.zeros((2, 3, 4))
    moved = Registration(AffineMap.identity(), "a method", "accepted", (), 0.9)
    pristine = XctRecord("pristine", "p", grey, (4.0, 4.0, 4.0), registration=moved)
    shorted = XctRecord("shorted", "s", grey, (4.0, 4.0, 4.0))
    assert reference_of([pristine, shorted]) is shorted
    assert reference_of([pristine]) is None


@pytest.mark.parametrize(("cracks", "number"), [(None, None), ([0, 0], None), ([0, 3, 3, 1], 3), ([1], 1)])
def test_the_largest_crack_is_shown(cracks, number):
    labels = None if cracks is None else np.reshape(cracks, (1, 1, -1))
    assert main_crack(XctRecord("s", "ct", np.zeros((1, 1, 4)), (4.0, 4.0, 4.0), cracks=labels)) == number
