"""What was fitted of a scan is said in words where it is more than a clean scan asks for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spallmap.frames import AffineMap
from spallmap.registration.compose import carried
from spallmap.registration.diagnostics import Diagnostics, ScanModel
from spallmap.registration.result import Registration
from spallmap.registration.scan_warnings import scan_warnings

CLEAN = ScanModel((1.0, 1.04), 10.7, (0.0, 0.0), 1, (0.1, 0.0, 0.0, 0.0, 0.0))


def fitted(scan: ScanModel, distortion_um: float = 0.0) -> Registration:
    diagnostics = Diagnostics(measures={"distortion_um": distortion_um}, scan=scan)
    return Registration(AffineMap.identity(), "test", "accepted", (), 1.0, diagnostics=diagnostics)


def test_a_clean_scan_is_not_odd() -> None:
    assert scan_warnings(fitted(CLEAN)) == ()


@pytest.mark.parametrize(
    ("scan", "said"),
    [
        (replace(CLEAN, readout=1), "metal displaced along own y by 6.2 um"),
        (replace(CLEAN, missing=(0.25, 0.0)), "25 % of its rows missing on one side"),
        (replace(CLEAN, missing=(0.0, 0.4)), "40 % of its columns missing on one side"),
        (replace(CLEAN, electrode_gain=(2.0, 1.0)), "one shows 0.50 of the other's signal"),
    ],
)
def test_each_oddity_is_said_once_and_after_the_map_was_carried_on_too(scan: ScanModel, said: str) -> None:
    found = fitted(scan, 6.2)
    (warning,) = scan_warnings(found)
    assert said in str(warning)
    outer = Registration(AffineMap.identity(), "test", "accepted", (), 1.0)
    assert scan_warnings(carried(found, outer, "the tomogram")) == (warning,)
