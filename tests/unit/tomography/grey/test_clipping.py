from __future__ import annotations

import numpy as np
import pytest

from spallmap.tomography import common_grey
from spallmap.tomography.blockwise.coarse import coarse_copy
from spallmap.tomography.grey.clipping import clipping_warnings
from tests.unit.tomography.tomography_drawings import CERAMIC, SODIUM, draw_cell


@pytest.fixture(scope="module")
def cell() -> np.ndarray:
    return np.asarray(draw_cell(np.random.default_rng(32), noise=1200.0).grey)


def test_a_ceramic_that_was_cut_off_is_told(cell: np.ndarray) -> None:
    [odd] = common_grey(np.minimum(cell, CERAMIC + 1500.0), source_label="scan.tif").warnings
    assert (odd.source_label, "of the ceramic's voxels" in odd.found) == ("scan.tif", True)
    assert float(odd.found.split(" %")[0]) == pytest.approx(10.0, abs=2.0)


def test_sodium_that_was_cut_off_is_told(cell: np.ndarray) -> None:
    cut = np.maximum(cell, SODIUM + 6000.0)
    copy = coarse_copy(cut, 2_000_000, 2)
    [odd] = clipping_warnings(cut, copy, copy.values > 40_000.0, "scan.tif")
    assert "above and below the ceramic at the least grey value" in odd.found
    assert "sodium" in odd.advice


def test_a_range_that_holds_the_ceramic_alone_is_told(cell: np.ndarray) -> None:
    [odd] = common_grey(np.maximum(cell, SODIUM + 6000.0)).warnings
    assert "of all voxels at the least grey value" in odd.found


def test_air_at_the_least_grey_is_usual(cell: np.ndarray) -> None:
    assert common_grey(np.maximum(cell, 12_000.0)).warnings == ()
    assert common_grey(np.rint(cell / 280.0).astype(np.uint8)).warnings == ()
