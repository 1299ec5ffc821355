"""Headers are looked at before any job."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from spallmap.acquisitions import read_acquisitions
from spallmap.configuration import read_schema
from spallmap.errors import InputError
from spallmap.preflight import probe_acquisition

SCHEMA = read_schema(Path(__file__).parents[2] / "workflow" / "schemas" / "acquisitions.schema.yaml")


def row(tmp_path, spacing=""):
    (tmp_path / "t.tsv").write_text(
        f"cell\tstate\tmodality\tname\tpath\tspacing_um\nc\tshorted\txct\tscan\ta.tif\t{spacing}\n"
    )
    return read_acquisitions(tmp_path / "t.tsv", SCHEMA)[0]


def test_an_image_without_pixel_size_is_told_with_row_and_column(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 5, 6), np.uint16), photometric="minisblack")
    with pytest.raises(InputError, match=r"row 1 \(line 2\), column 'spacing_um'.*a\.tif.*micrometres"):
        probe_acquisition(row(tmp_path))
    probe_acquisition(row(tmp_path, "4.66"))


def test_a_file_that_cannot_be_read_is_told_with_row_and_column(tmp_path):
    (tmp_path / "a.tif").write_bytes(b"no tiff at all")
    with pytest.raises(InputError, match=r"row 1 \(line 2\), column 'path'.*a\.tif"):
        probe_acquisition(row(tmp_path, "4.66"))
