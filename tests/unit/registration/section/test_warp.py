from __future__ import annotations

from dataclasses import replace

import numpy as np

from spallmap.registration.section.refine import refine
from spallmap.registration.section.warp import bending, smooth_warp


def test_a_warp_is_worthwhile_where_there_is_one_and_not_where_there_is_none(scene):
    target, section, true, _ = scene
    fine = target.levels(section)[-1]
    assert not smooth_warp(fine, refine(fine, true)).worthwhile
    u, v = (fine.points / np.abs(fine.points).max(axis=0)).T
    imposed = 4.0 * np.column_stack([u**2 - v**2, 0.5 * u * v])
    bent = replace(fine, points=fine.points + imposed)
    found = smooth_warp(bent, refine(bent, true))
    assert found.worthwhile
    flat = np.column_stack([np.ones_like(u), u, v])
    expected = imposed - flat @ np.linalg.lstsq(flat, imposed, rcond=None)[0]
    moved = bending(bent.points) @ found.coefficients_um.T
    assert np.corrcoef(moved.ravel(), expected.ravel())[0, 1] < -0.75
