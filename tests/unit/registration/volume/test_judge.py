from __future__ import annotations

import numpy as np
import pytest

from spallmap.registration.diagnostics import Blocks
from spallmap.registration.volume.judge import bent_um


def blocks(seed: int, step_um: float = 0.0) -> Blocks:
    """Blocks whose upper half is shifted along u, with the scatter of their edges."""
    rng = np.random.default_rng(seed)
    position = rng.uniform(0.0, 500.0, (100, 3))
    shift = rng.normal(0.0, 0.3, (100, 3))
    shift[:, 0] += np.where(position[:, 2] > 250.0, 0.5, -0.5) * step_um
    return Blocks(position, shift)


def test_two_halves_that_move_apart_are_seen() -> None:
    found = bent_um(blocks(1, step_um=1.0))
    assert found[0] == pytest.approx(0.5, abs=0.1)
    assert np.all(found[1:] < 0.15)


def test_scatter_alone_adds_nothing_mostly() -> None:
    assert np.mean([bent_um(blocks(seed)) > 0.0 for seed in range(40)]) < 0.1


def test_a_few_blocks_say_nothing() -> None:
    few = blocks(1, step_um=3.0)
    assert np.all(bent_um(Blocks(few.position_um[:10], few.shift_um[:10])) == 0.0)
