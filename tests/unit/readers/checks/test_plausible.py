from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from spallmap.errors import InputError
from spallmap.readers.checks.plausible import (
    BOUNDS,
    LARGEST_TE_STEP,
    LONGEST_TE_MS,
    SHORTEST_TE_MS,
    UNUSUAL,
    check_echo_times,
)

# What was measured somewhere: sodium cells, phantoms, muscle, water with long trains, one image alone.
SERIES = (
    (2.0, 6.5, 11.0, 15.5, 20.0),
    (0.5, 20.0),
    (2.6, 20.0),
    (6.5,),
    (7.7, 15.4, 23.1, 30.8, 38.5, 46.2, 53.9),
    (26.4, 145.2),
    tuple(8.0 * n for n in range(1, 33)),
    tuple(10.0 * n for n in range(1, 257)),
    (20.0, 2.0, 20.0, 2.0),
)


@pytest.mark.parametrize("times", SERIES)
def test_real_series_pass(times):
    check_echo_times("scan", times)


@pytest.mark.parametrize("times", SERIES)
@pytest.mark.parametrize(("factor", "unit"), [(1e-3, "seconds"), (1e3, "microseconds"), (1e6, "nanoseconds")])
def test_the_same_series_in_another_unit_is_refused_and_named(times, factor, unit):
    given = tuple(np.multiply(times, factor))
    with pytest.raises(InputError, match=f"probably {unit} .*: (multiply|divide) by 1000") as caught:
        check_echo_times("scan", given)
    assert caught.value.source_label == "scan"
    assert "0.1 to 200 ms" in caught.value.allowed
    check_echo_times("scan", given, ("echo_times",))
    with pytest.raises(InputError):
        check_echo_times("scan", given, ("pixel_size", "field_of_view", "grey_scale"))


@pytest.mark.parametrize(
    "times", [(0.010, 0.020, 0.030), (0.0026, 0.0065, 0.020), (0.002, 0.02), (0.09, 0.18), (0.1, 0.2, 0.3)]
)
def test_a_span_of_seconds_is_seconds(times):
    with pytest.raises(InputError, match=r"probably seconds .*multiply by 1000"):
        check_echo_times("scan", times)


@pytest.mark.parametrize("times", [(2000.0, 20000.0), (2000.0, 6500.0, 11000.0)])
def test_a_span_of_microseconds_is_microseconds(times):
    with pytest.raises(InputError, match=r"probably microseconds .*divide by 1000"):
        check_echo_times("scan", times)


def test_numbers_of_two_units_are_named():
    with pytest.raises(InputError, match=r"of which 0\.002, 0\.0065 probably seconds: multiply by 1000"):
        check_echo_times("scan", (0.002, 11.0, 0.0065, 20.0))
    with pytest.raises(InputError, match=r"of which 6500, 11000 probably microseconds: divide by 1000"):
        check_echo_times("scan", (2.0, 6500.0, 11000.0))
    with pytest.raises(InputError, match=r"echo times 0\.002, 6\.5, 20 s, of which 6\.5, 20 probably milli"):
        check_echo_times("a.json", (2.0, 6500.0, 20_000.0), stored_as="s")


def test_milliseconds_in_a_file_of_seconds_are_named_as_they_stand():
    with pytest.raises(InputError, match=r"echo times 10, 20 s, probably milliseconds \(10, 20 ms\): divide"):
        check_echo_times("a.json", (10_000.0, 20_000.0), stored_as="s")


def test_what_no_unit_explains_is_refused_without_a_guess():
    with pytest.raises(InputError) as caught:
        check_echo_times("scan", (1e-9, 2.0, 1e9))
    assert "probably" not in str(caught.value)


def test_the_documentation_has_the_same_bounds():
    text = (Path(__file__).parents[4] / "docs" / "formats.md").read_text(encoding="utf-8")
    section = text.split("## What sizes and times are believed")[1]
    for modality, bounds in BOUNDS.items():
        row = next(line for line in section.splitlines() if line.startswith(f"| {modality} |"))
        numbers = [float(n.replace(" ", "")) for n in re.findall(r"\d[\d .]*\d|\d", row)]
        times = (*SHORTEST_TE_MS, *LONGEST_TE_MS, LARGEST_TE_STEP) if modality == "mri" else ()
        assert numbers == [*bounds.pixel_um, *bounds.field_um, *times]
    assert all(f"`{word}`" in section for word in UNUSUAL)
