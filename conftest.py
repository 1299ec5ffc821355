"""What holds for the examples in the docstrings of src/spallmap."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def _default_print_options(request: pytest.FixtureRequest) -> Iterator[None]:
    """Arrays in examples are printed as NumPy prints them by itself, whatever a test before has set."""
    if not isinstance(request.node, pytest.DoctestItem):
        yield
        return
    with np.printoptions(
        precision=8, threshold=1000, edgeitems=3, linewidth=75, suppress=False, floatmode="maxprec", sign="-"
    ):
        yield
