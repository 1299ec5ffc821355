from __future__ import annotations

import numpy as np
import pytest

from spallmap.registration.volume.register import register_volume
from tests.unit.registration.volume.ceramic_phantom import SPACING, draw_body, draw_pose, scan
from tests.unit.registration.volume.test_register import PRIOR

Scan = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def pair() -> tuple[Scan, Scan]:
    body = draw_body(4)
    return scan(body, draw_pose(4, azimuth_deg=3.0), 4), scan(body, draw_pose(54, azimuth_deg=0.0), 5)


@pytest.mark.parametrize("factor", [2.0, 1.05])
def test_a_refusal_names_the_voxel_size_that_fits(pair: tuple[Scan, Scan], factor: float) -> None:
    moving, fixed = pair
    found = register_volume(*moving, tuple(factor * s for s in SPACING), *fixed, SPACING, prior=PRIOR)
    assert found.verdict == "refused"
    assert f"with pixels of 23 um instead of {factor * SPACING[0]:.4g} um" in found.reasons[-1]


def test_a_voxel_size_that_is_wrong_along_the_stack_alone_is_refused(pair: tuple[Scan, Scan]) -> None:
    moving, fixed = pair
    dz, dy, dx = SPACING
    found = register_volume(*moving, (1.05 * dz, dy, dx), *fixed, SPACING, prior=PRIOR)
    assert found.verdict == "refused"
    assert "agree better with other voxels along z (smaller)" in found.reasons[0]
