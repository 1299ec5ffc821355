"""What a DICOM header says of the readout and of the samples that were acquired."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spallmap.readers import probe_image
from spallmap.readers.dicom.frame_encoding import readout_of, sampling_of
from tests.unit.readers.dicom.dicom_writer import TE_MS, images, write_slice

MULTI_FRAME = {"MRAcquisitionFrequencyEncodingSteps": 48, "MRAcquisitionPhaseEncodingStepsInPlane": 32}


class Said:
    """A frame whose header says some keywords, whatever their sequence."""

    def __init__(self, **keywords: Any) -> None:
        self.keywords = keywords

    def value(self, sequence: str, keyword: str) -> Any:
        return self.keywords.get(keyword)


@pytest.mark.parametrize(
    ("phase", "axis"), [("ROW", "y"), ("COL", "x"), ("COLUMN", "x"), ("OTHER", None), (None, None)]
)
def test_the_readout_runs_across_the_phase(phase: str | None, axis: str | None) -> None:
    assert readout_of(Said(InPlanePhaseEncodingDirection=phase)) == axis


@pytest.mark.parametrize(
    ("said", "factor"),
    [
        ({"AcquisitionMatrix": [0, 48, 64, 0]}, (2.0, 2.0)),
        ({"AcquisitionMatrix": [128, 0, 0, 64]}, (1.0, 1.5)),
        ({"InPlanePhaseEncodingDirection": "COLUMN", **MULTI_FRAME}, (4.0, 2.0)),
        ({"InPlanePhaseEncodingDirection": "ROW", **MULTI_FRAME}, (128.0 / 48.0, 3.0)),
    ],
)
def test_a_frame_of_more_pixels_than_samples_was_filled(
    said: dict[str, Any], factor: tuple[float, float]
) -> None:
    found = sampling_of(Said(**said), 128, 96)
    assert found is not None
    assert found.factor == pytest.approx(factor)


@pytest.mark.parametrize(
    "said",
    [
        {},
        MULTI_FRAME,
        {"AcquisitionMatrix": [0, 0, 0, 0]},
        {"AcquisitionMatrix": [0, 48]},
        {"AcquisitionMatrix": [0, 256, 256, 0]},
    ],
)
def test_what_does_not_belong_to_the_frame_says_nothing(said: dict[str, Any]) -> None:
    assert sampling_of(Said(**said), 128, 96) is None


@pytest.mark.parametrize("n_slices", [1, 2])
def test_both_reach_the_series(tmp_path: Path, n_slices: int) -> None:
    rows, columns = np.shape(images(0))[-2:]
    said = {"AcquisitionMatrix": [0, columns, rows, 0], "InPlanePhaseEncodingDirection": "COL"}
    for n in range(3):
        for z in range(n_slices):
            position = (0.0, 0.0, 2.0 * z)
            write_slice(tmp_path / f"{n}-{z}", images(n), TE_MS[n], position=position, **said)
    meta = probe_image(tmp_path, "mri").meta
    assert meta["readout"] == "x"
    assert meta["sampling"].factor == (1.0,) * (2 if n_slices == 1 else 3)
