from __future__ import annotations

import numpy as np
import pytest

from spallmap.frames import AffineMap
from spallmap.tomography import ReferencePose, Surface, surface_in_reference
from spallmap.tomography.measures.reference import SAME_FRAME

MOVED = AffineMap.from_parts(np.eye(3), [100.0, -20.0, 3.0])


def _surface(rng: np.random.Generator) -> Surface:
    return Surface(
        rng.normal(0.0, 50.0, (4, 3)),
        np.array([[0, 1, 2], [1, 2, 3]]),
        np.array([1, 1, 1, 2], dtype=np.int32),
        *rng.uniform(1.0, 5.0, (3, 4)),
    )


def test_surfaces_are_mapped_left_as_they_are_or_left_out_with_the_reason() -> None:
    own = _surface(np.random.default_rng(1))
    same, reason = surface_in_reference(own, None)
    assert same is own
    assert reason == "own frame is the reference frame"
    # An error that is not known does not keep a surface from being shown.
    mapped, reason = surface_in_reference(own, ReferencePose(MOVED, (1.0, None, 1.0), accepted=True))
    assert np.array_equal(mapped.points_xyz_um, MOVED(own.points_xyz_um))
    assert mapped.point_data.keys() == own.point_data.keys()
    assert all(np.array_equal(mapped.point_data[k], own.point_data[k]) for k in own.point_data)
    assert np.array_equal(mapped.triangles, own.triangles)
    assert reason == "mapped to the reference frame"
    none, reason = surface_in_reference(own, ReferencePose(MOVED, (1.0, 1.0, 1.0), accepted=False))
    assert len(none.points_xyz_um) == len(none.triangles) == 0
    assert all(len(v) == 0 and v.dtype == own.point_data[k].dtype for k, v in none.point_data.items())
    assert reason == "left out: the tomogram's registration was refused"


@pytest.mark.parametrize(
    ("se_um", "accepted", "error_um", "comparable"),
    [
        ((1.0, 2.0, 2.0), True, 3.0, True),
        ((3.0, None, 4.0), True, 5.0, False),
        ((3.0, 0.0, 4.0), False, 5.0, False),
        ((None, None, None), True, 0.0, False),
    ],
)
def test_errors_add_in_squares_and_unknown_ones_compare_nothing(
    se_um: tuple[float | None, ...], accepted: bool, error_um: float, comparable: bool
) -> None:
    pose = ReferencePose(MOVED, se_um, accepted)
    assert pose.error_um == pytest.approx(error_um)
    assert pose.comparable is comparable


def test_the_reference_tomogram_maps_to_itself_without_error() -> None:
    points = np.random.default_rng(2).normal(size=(5, 3))
    assert np.array_equal(SAME_FRAME.map(points), points)
    assert SAME_FRAME.error_um == 0.0
    assert SAME_FRAME.comparable
