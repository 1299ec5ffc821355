from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import tifffile

from spallmap.tomography import AIR_GREY, GreyScale, common_grey, find_cracks, find_interfaces, segment_phases

SHARED = Path(os.environ.get("SPALLMAP_SHARED", Path(__file__).parents[3] / "shared"))
CAN = SHARED / "data" / "xct" / "cylindrical-cell" / "cell_vol"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        not CAN.is_dir(), reason=f"the real battery tomogram is not at {CAN}; set SPALLMAP_SHARED"
    ),
]


@pytest.fixture(scope="module")
def can() -> np.ndarray:
    return np.stack([tifffile.imread(path) for path in sorted(CAN.glob("*.tif*"))])


def test_a_battery_can_is_said_to_hold_no_ceramic(can: np.ndarray) -> None:
    scale = common_grey(can, place="cell_vol")
    assert scale.ceramic_level is None
    assert "no ceramic" in scale.finding
    # Nothing is taken out of it: rings could not be distinguished from the can.
    assert scale.artefacts is None
    phases = segment_phases(scale.apply(can), (20.0, 20.0, 20.0))
    assert set(np.unique(phases)) == {4, 5}
    # The steel wall and the three tabs, and no more.
    assert 0.1 < np.mean(phases == 4) < 0.16
    assert find_interfaces(phases) is None


def test_no_crack_is_invented_in_the_can_even_when_its_wall_is_called_ceramic(can: np.ndarray) -> None:
    # A person who insists on a scale, with the steel wall in the place of the ceramic.
    scale = GreyScale(
        air_level=1.0, ceramic_level=float(np.quantile(can, 0.97)), sodium_level=None, noise_sd=2.0
    )
    # Every second voxel will do, and is four times faster.
    sparse = can[:, ::2, ::2]
    grey = scale.apply(sparse)
    assert np.median(grey[sparse <= 2]) == pytest.approx(AIR_GREY, abs=500.0)
    phases = segment_phases(grey, (20.0, 40.0, 40.0), place="cell_vol")
    assert find_cracks(grey, phases, (20.0, 40.0, 40.0)).n == 0
