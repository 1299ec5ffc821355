from __future__ import annotations

import pytest

from spallmap.readers.info import length_in_um


@pytest.mark.parametrize(
    ("unit", "um"),
    [
        ("nm", 1e-3),
        ("µm", 1),
        ("\u03bcm", 1),
        ("um", 1),
        ("Micron", 1),
        ("mm", 1e3),
        ("m", 1e6),
        ("\\u00B5m", 1),
    ],
)
def test_units(unit, um):
    assert length_in_um(2.0, unit) == pytest.approx(2 * um)


@pytest.mark.parametrize("unit", ["pixel", "", "s", "M"])
def test_what_is_no_unit_of_length(unit):
    assert length_in_um(2.0, unit) is None


@pytest.mark.parametrize(
    ("unit", "um"),
    [
        ("millimeters", 1e3),
        ("Millimetres", 1e3),
        ("microns", 1.0),
        ("micrometres", 1.0),
        ("nanometers", 1e-3),
        ("centimetres", 1e4),
        ("meters", 1e6),
        ("inches", 25400.0),
        ("angstroms", 1e-4),
        ("pixels", None),
    ],
)
def test_units_in_the_plural(unit, um):
    assert length_in_um(1.0, unit) == um
