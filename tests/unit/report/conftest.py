from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spallmap.report import (
    CellReport,
    Picture,
    RegistrationEntry,
    T2Entry,
    figure_picture,
)
from tests.unit.report.page_parts import png, registration


@pytest.fixture
def report() -> CellReport:
    cracks = pd.DataFrame(
        {
            "crack": [1, 2],
            "volume_um3": [1234567.0, 2.0e5],
            "aperture_median_um": [5.2, np.nan],
            "depth_max_um": [124.0, 190.0],
            "touches_top": [True, False],
            "touches_bottom": [False, True],
            "morphology": ["spalling", "straight"],
        }
    )
    links = pd.DataFrame(
        {
            "region": [1, 1],
            "crack": [1, 2],
            "probability": [0.97, 0.02],
            "distance_um": [4.0, 410.0],
            "distance_se_um": [6.0, 6.0],
            "overlap_fraction": [0.92, 0.0],
        }
    )
    regions = pd.DataFrame({"region": [1], "pixels": [15], "t2_ms": [16.21], "t2_se_ms": [1.3], "snr": [6.1]})
    summary = {
        "electrode": {"t2_median_ms": 7.1, "t2_median_se_ms": 0.13, "fwhm_ms": 1.9},
        "long": {"threshold_ms": 12.0, "n_pixels": 15},
    }
    return CellReport(
        cell="cell-a",
        state="shorted",
        acquisitions=pd.DataFrame({"modality": ["mri"], "name": ["t2"], "spacing_um": ["23,46"]}),
        registrations=(
            RegistrationEntry(
                "mri-t2",
                "the tomogram",
                registration("accepted", "the misfit is 1.1"),
                pictures=(Picture("check", png(300, 200), "Edges should meet.", "edges on the image"),),
            ),
            RegistrationEntry(
                "sem-overview", "the tomogram", registration("refused", "the agreement is 0.11")
            ),
            RegistrationEntry("sem-detail", "sem-overview", None, "the image that it lies in was refused"),
        ),
        t2=(T2Entry("mri-t2", summary, regions),),
        cracks=cracks,
        links=links,
        links_summary={"p_value": 0.012, "null": {"method": "random places", "n": 1000}},
        figures=(figure_picture("figure5", png(400, 300)),),
        overlays=(figure_picture("mri_overlay", png(400, 200)),),
        parameters={"t2": {"model": "rician"}},
        provenance={"inputs": {"a.tif": "ab"}},
    )
