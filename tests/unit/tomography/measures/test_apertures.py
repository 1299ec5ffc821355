from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from spallmap.tomography import trace_sheets
from spallmap.tomography.measures import profiles
from spallmap.tomography.measures.apertures import AIR as FILLED_WITH_AIR
from spallmap.tomography.measures.apertures import METAL
from tests.unit.tomography.tomography_drawings import AIR, SODIUM, Plane, cracks_of, draw_cell

VOXEL = 4.66

SPACING_UM = (VOXEL, VOXEL, VOXEL)


@pytest.mark.parametrize(("filling", "name"), [(AIR, FILLED_WITH_AIR), (SODIUM, METAL)])
def test_a_wide_crack_shows_what_fills_it(filling: float, name: int) -> None:
    crack = Plane((0.0, 0.0, 0.0), (1.0, 0.3, 0.1), 12.0, 2.8, filling)
    cracks, grey, phases = cracks_of(draw_cell(np.random.default_rng(5), cracks=(crack,)))
    sheets = trace_sheets(cracks, grey, phases, SPACING_UM)
    reported = sheets.filling[sheets.aperture_um > 2.0 * VOXEL]
    assert np.mean(reported == name) > 0.9
    assert np.median(sheets.aperture_um) == pytest.approx(2.8 * VOXEL, rel=0.12)


class _InParts:
    """A volume that can only be read in parts no larger than a block with its halo."""

    def __init__(self, whole: np.ndarray, largest: int) -> None:
        self.shape, self.dtype = whole.shape, whole.dtype
        self._whole, self._largest = whole, largest

    def __getitem__(self, region: tuple[slice, slice, slice]) -> np.ndarray:
        assert max(s.stop - s.start for s in region) <= self._largest
        return self._whole[region]


def test_a_volume_read_in_parts_gives_the_same_sheets(monkeypatch: pytest.MonkeyPatch) -> None:
    crack = Plane((0.0, 0.0, 0.0), (1.0, 0.3, 0.1), 20.0, 1.2)
    cracks, grey, phases = cracks_of(draw_cell(np.random.default_rng(10), cracks=(crack,)))
    whole = trace_sheets(cracks, grey, phases, SPACING_UM)
    monkeypatch.setattr(profiles, "TILE_VOXELS", 24)
    mixed = np.random.default_rng(11).permutation(len(cracks.ridge_crack))
    shuffled = replace(
        cracks,
        ridge_index=cracks.ridge_index[mixed],
        ridge_normal=cracks.ridge_normal[mixed],
        ridge_crack=cracks.ridge_crack[mixed],
    )
    parts = trace_sheets(shuffled, _InParts(grey, 96), phases, SPACING_UM, threads=2)
    for name in (f.name for f in fields(whole)):
        assert np.array_equal(getattr(whole, name), getattr(parts, name)), name
