from __future__ import annotations

import numpy as np
import pytest

from spallmap.errors import InputError
from spallmap.readers.paravision.slices import EVEN_SLICES, mean_gap_mm


@pytest.mark.parametrize("gap", [0.5, -0.25])
def test_the_gap_has_the_sign_of_the_order_and_bears_rounding(gap):
    rng = np.random.default_rng(4)
    positions = 3.0 + gap * (np.arange(6) + rng.uniform(-0.2, 0.2, 6) * EVEN_SLICES)
    assert mean_gap_mm("visu_pars", positions) == pytest.approx(gap, rel=EVEN_SLICES)


@pytest.mark.parametrize("positions", [(0.0, 1.0, 3.0), (1.0, 1.0), (0.0, 1.0, 0.0)])
def test_uneven_gaps_are_reported_with_their_source(positions):
    with pytest.raises(InputError, match="equally spaced") as caught:
        mean_gap_mm("10/acqp", positions)
    assert caught.value.source_label == "10/acqp"
