from __future__ import annotations

import numpy as np
import pytest

from spallmap.errors import InputError
from spallmap.readers.echo_times import check_echo_times_ms


def test_positive_numbers_pass_unchanged_in_any_order():
    rng = np.random.default_rng(1)
    for _ in range(100):
        times = 10 ** rng.uniform(-2, 4, rng.integers(1, 20))
        assert check_echo_times_ms("scan", times, len(times)) == tuple(times.tolist())
    assert check_echo_times_ms("scan", [20, 2, 20], 3) == (20.0, 2.0, 20.0)
    assert check_echo_times_ms("scan", (t for t in (0.01, 10_000)), 2) == (0.01, 10_000.0)


@pytest.mark.parametrize(
    "given",
    [
        (0.0, 2.0),
        (-1.0, 2.0),
        (float("nan"), 2.0),
        (float("inf"), 2.0),
        ("two", 2.0),
        (None, 2),
        (10**400, 2),
    ],
)
def test_what_is_no_echo_time_is_refused(given):
    with pytest.raises(InputError, match="echo times") as caught:
        check_echo_times_ms("scan/visu_pars", given, len(given))
    assert caught.value.source_label == "scan/visu_pars"


@pytest.mark.parametrize("n_echoes", [0, 1, 3])
def test_their_number_must_fit(n_echoes):
    with pytest.raises(InputError, match=f"2 echo times for {n_echoes} echoes"):
        check_echo_times_ms("scan", (2, 4), n_echoes)
