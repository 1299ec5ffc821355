from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from spallmap.tomography import (
    CRACK_COLUMNS,
    LIMIT_CHANNELS,
    describe_cracks,
    find_interfaces,
    measure_blur,
    measure_cracks,
    mid_surfaces,
    trace_sheets,
)
from spallmap.tomography.measures.detection import detection_limit
from spallmap.tomography.measures.filling import sodium_contrast
from tests.unit.tomography.tomography_drawings import Plane, cracks_of, draw_cell

SPACING_UM = (4.66, 4.66, 4.66)


def test_the_results_are_those_of_each_measure_and_the_summary_says_them() -> None:
    crack = Plane((0.0, 2.0, -3.0), (1.0, 0.3, 0.1), 12.0, 1.2)
    cracks, grey, labels = cracks_of(draw_cell(np.random.default_rng(1), cracks=(crack,)))
    found = describe_cracks(cracks, grey, labels, SPACING_UM, threads=2)
    sheets = trace_sheets(cracks, grey, labels, SPACING_UM)
    assert found.measures.equals(measure_cracks(cracks, grey, labels, SPACING_UM, sheets))
    assert tuple(found.table.columns) == CRACK_COLUMNS
    surface = mid_surfaces(cracks, grey, labels, SPACING_UM, sheets)
    assert np.array_equal(found.surface.points_xyz_um, surface.points_xyz_um)
    blur = measure_blur(grey, find_interfaces(labels, grey))
    contrast = sodium_contrast(grey, labels)
    limit = detection_limit(grey, labels, SPACING_UM, cracks.thresholds, blur, contrast)
    assert (found.blur, found.sodium_contrast) == (blur, contrast)
    assert np.array_equal(found.limit.maps, [limit.air_um, limit.sodium_um], equal_nan=True)
    assert len(found.limit.maps) == len(LIMIT_CHANNELS)
    assert found.limit.node_spacing_um(SPACING_UM) == [limit.node_voxels * 4.66] * 3
    assert found.summary("", "mapped") == {
        "n_cracks": 1,
        "searched": True,
        "finding": "",
        "surfaces": "mapped",
        "thresholds": asdict(cracks.thresholds),
        "blur_voxels": blur.sigma_voxels,
        "blur_relative_se": blur.relative_se,
        "sodium_contrast": contrast,
        "detection_limit": {
            "air_um": pytest.approx(limit.median_air_um),
            "sodium_um": pytest.approx(limit.median_sodium_um),
            "node_voxels": limit.node_voxels,
        },
    }
