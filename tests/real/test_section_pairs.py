from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from validate_sections_real import run

pytestmark = pytest.mark.real
PAIRS = "data/sections/histology-pairs/data-images"


@pytest.fixture(autouse=True)
def _no_other_sizes(monkeypatch):
    """After a refusal no other size is looked for: that has tests of its own, and takes time."""
    monkeypatch.setattr("spallmap.registration.inset.register.inset_sizes", lambda images, seed: [])


def test_a_moved_image_is_put_back(shared: Callable[[str], Path]) -> None:
    outcome = run(shared(PAIRS), "artificial, rigid")
    assert outcome.found.accepted, outcome.found.reasons
    # The landmarks are whole pixels.
    assert outcome.tre_px < outcome.rigid_px + 1.0


@pytest.mark.parametrize("name", ["artificial, affine", "artificial, elastic", "rat kidney, two stains"])
def test_what_no_rotation_and_shift_explains_is_never_accepted_wrong(
    shared: Callable[[str], Path], name: str
) -> None:
    outcome = run(shared(PAIRS), name)
    assert not outcome.found.accepted or outcome.tre_px < outcome.rigid_px + 2.0
