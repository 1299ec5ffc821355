from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spallmap.errors import InputError
from spallmap.results.crack_search_parts import (
    read_candidates,
    read_thresholds,
    write_candidates,
    write_thresholds,
)
from spallmap.tomography.cracks.ridges import Candidates
from spallmap.tomography.cracks.thresholds import TOO_LITTLE, Thresholds


@pytest.mark.parametrize("n", [0, 40])
def test_ridge_voxels_come_back_as_they_were(tmp_path: Path, n: int) -> None:
    rng = np.random.default_rng(2)
    whole = Candidates(
        rng.integers(0, 2000, (n, 3), dtype=np.int32),
        rng.normal(size=(n, 3)).astype(np.float32),
        rng.random(n).astype(np.float32),
        rng.random(n).astype(np.float32),
        rng.random(n) < 0.5,
        rng.integers(0, 2000, (3 * n, 3), dtype=np.int32),
    )
    write_candidates(tmp_path / "0.npz", whole)
    back = read_candidates(tmp_path / "0.npz")
    for name in ("index", "normal", "response", "distance", "skims", "cores"):
        assert np.array_equal(getattr(back, name), getattr(whole, name))
        assert getattr(back, name).dtype == getattr(whole, name).dtype


def test_thresholds_come_back_as_they_were(tmp_path: Path) -> None:
    known = Thresholds((0.1, 0.02, 1 / 3), 2.6, 4.1, 150, "pristine scan")
    for thresholds in (TOO_LITTLE, known, replace(known, bright=51_000.0)):
        write_thresholds(tmp_path / "t.json", thresholds)
        assert read_thresholds(tmp_path / "t.json") == thresholds


def test_damaged_parts_are_named(tmp_path: Path) -> None:
    (tmp_path / "0.npz").write_bytes(b"PK\x03\x04 cut")
    (tmp_path / "t.json").write_text('{"weights": [1.0], "low": "x"}')
    with pytest.raises(InputError, match=r"0\.npz"):
        read_candidates(tmp_path / "0.npz")
    with pytest.raises(InputError, match=r"t\.json"):
        read_thresholds(tmp_path / "t.json")
