from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spallmap.figures import mri_stack, section_stack
from spallmap.results.records import ElementsRecord, MriRecord, SectionRecord, XctRecord


def test_mri_stack_lines_up(mri: MriRecord, shorted: XctRecord) -> None:
    stack, names = mri_stack(mri, shorted)
    assert names == ("first_echo", "t2_ms", "p_long", "regions", "crack_um", "sodium_um")
    assert stack.dtype == np.float32
    by_name = dict(zip(names, stack, strict=True))
    # Both sodium blocks are 300 um thick along the line of sight, 80 um high, at z = 40 to 110, 280 to 350.
    assert by_name["sodium_um"].max() == pytest.approx(300.0, rel=0.05)
    assert by_name["sodium_um"].sum() * 400.0 == pytest.approx(2 * 8 * 30 * 30 * 1000.0, rel=0.03)
    assert by_name["crack_um"][by_name["regions"] > 0] == pytest.approx(100.0, rel=0.01)
    refused = replace(mri.registration, verdict="refused", reasons=("no",))  # type: ignore[type-var]
    assert mri_stack(replace(mri, registration=refused), shorted)[1] == names[:4]


def test_section_stack_lines_up(
    sem: SectionRecord, shorted: XctRecord, mri: MriRecord, edx: ElementsRecord
) -> None:
    stack, names = section_stack(sem, shorted, mri, edx)
    by_name = dict(zip(names, stack, strict=True))
    assert names[:5] == ("sem_grey", "xct_grey", "phases", "cracks", "long_t2_regions")
    # The pixel in row r, column c lies at z = 390 - 5 r, y = 5 c, x = 300.
    r, c = 34, 60
    assert by_name["cracks"][r, c] == 1
    assert by_name["phases"][r, c] == 3
    assert by_name["xct_grey"][r, c] == 13000
    assert by_name["phases"][4, 60] == 5
    assert by_name["phases"][16, 60] == 2
    assert by_name["counts_Na"][12, 24] == pytest.approx(5.0)
    assert np.isnan(by_name["counts_Na"][0, 0])
    # The region's pixels are row 8 (z 230 to 210, so v 160 to 180) and columns 11 to 16 (y 215 to 335).
    v, u = (k * 5.0 for k in np.nonzero(by_name["long_t2_regions"]))
    assert (v.min(), v.max()) == pytest.approx((160.0, 180.0), abs=5.0)
    assert (u.min(), u.max()) == pytest.approx((215.0, 335.0), abs=5.0)


def test_section_stack_without_registration_is_the_image_alone(
    sem: SectionRecord, shorted: XctRecord
) -> None:
    stack, names = section_stack(replace(sem, registration=None), shorted)
    assert names == ("sem_grey",)
    assert stack[0] == pytest.approx(sem.grey)
