from __future__ import annotations

from spallmap.registration.result import StandardError
from spallmap.registration.section.judge import widened


def test_errors_add_up_by_direction_and_unknown_ones_stay_unknown():
    said = widened(StandardError(3.0, None, 0.0), (4.0, 1.0, 1.0), (12.0, 1.0, 0.0))
    assert (said.u, said.v, said.normal) == (13.0, None, 1.0)
