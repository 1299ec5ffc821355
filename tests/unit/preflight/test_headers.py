"""Headers are looked at before any job."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile

from spallmap.acquisitions import read_acquisitions
from spallmap.configuration import read_schema
from spallmap.errors import InputError
from spallmap.preflight import probe_acquisition

SCHEMA = read_schema(Path(__file__).parents[3] / "workflow" / "schemas" / "acquisitions.schema.yaml")


T2 = {"model": "rician", "skip_echoes": 0, "n_coils": 1}


def row(tmp_path, spacing="", modality="xct"):
    (tmp_path / "t.tsv").write_text(
        f"cell\tstate\tmodality\tname\tpath\tspacing_um\nc\tshorted\t{modality}\tscan\ta.tif\t{spacing}\n"
    )
    return read_acquisitions(tmp_path / "t.tsv", SCHEMA)[0]


def test_an_image_without_pixel_size_is_reported_with_row_and_column(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 5, 6), np.uint16), photometric="minisblack")
    with pytest.raises(InputError, match=r"row 1 \(line 2\), column 'spacing_um'.*a\.tif.*micrometres"):
        probe_acquisition(row(tmp_path), T2)
    probe_acquisition(row(tmp_path, "4.66"), T2)


def test_a_file_that_cannot_be_read_is_reported_with_row_and_column(tmp_path):
    (tmp_path / "a.tif").write_bytes(b"no tiff at all")
    with pytest.raises(InputError, match=r"row 1 \(line 2\), column 'path'.*a\.tif"):
        probe_acquisition(row(tmp_path, "4.66"), T2)


def test_a_dataset_inside_a_file_is_looked_at(tmp_path):
    with h5py.File(tmp_path / "a.nxs", "w") as file:
        file["first"] = np.zeros((4, 5, 6), np.uint16)
        file["second"] = np.zeros((4, 5, 6), np.uint16)
    plain = row(tmp_path, "4.66")
    one = replace(plain, path=Path(f"{tmp_path}/a.nxs:/second"))
    probe_acquisition(one, T2)
    with pytest.raises(InputError, match=r"row 1 \(line 2\), column 'path'.*a\.nxs.*/first.*/second"):
        probe_acquisition(replace(plain, path=tmp_path / "a.nxs"), T2)
    with pytest.raises(InputError, match=r"row 1 \(line 2\), column 'path'.*a\.nxs.*/third"):
        probe_acquisition(replace(plain, path=Path(f"{tmp_path}/a.nxs:/third")), T2)
    with pytest.raises(InputError, match=r"column 'spacing_um'.*a\.nxs"):
        probe_acquisition(replace(one, spacing_um=None), T2)


@pytest.mark.parametrize(
    ("t2", "words"),
    [
        ({"model": "complex"}, r"column 'path'.*magnitudes.*complex data for t2\.model complex"),
        (
            {"model": "free_offset", "skip_echoes": 1},
            r"column 'path'.*3 different echo times.*4 or more for free_offset",
        ),
        ({"n_coils": 4}, r"t2\.n_coils.*4 with t2\.model rician.*chi"),
    ],
)
def test_echoes_that_do_not_fit_the_model_are_reported_before_any_job(tmp_path, t2, words):
    tifffile.imwrite(tmp_path / "a.tif", np.ones((3, 5, 6), np.uint16), photometric="minisblack")
    (tmp_path / "a.tif.echo_times_ms.txt").write_text("2 6 10\n")
    with pytest.raises(InputError, match=words):
        probe_acquisition(row(tmp_path, "23", "mri"), {**T2, **t2})
    probe_acquisition(row(tmp_path, "23", "mri"), T2)


def echoes(tmp_path, shape, spacing="23,46", axes=""):
    """Row of an MRI of three echoes, whose file says 23, 46 um or nothing."""
    tifffile.imwrite(tmp_path / "a.tif", np.ones((3, *shape), np.uint16), photometric="minisblack")
    (tmp_path / "a.tif.echo_times_ms.txt").write_text("2 6 10\n")
    (tmp_path / "t.tsv").write_text(
        "cell\tstate\tmodality\tname\tpath\tspacing_um\taxes\n"
        f"c\tshorted\tmri\tscan\ta.tif\t{spacing}\t{axes}\n"
    )
    return read_acquisitions(tmp_path / "t.tsv", SCHEMA)[0]


def test_axes_that_do_not_fit_the_image_are_reported(tmp_path):
    assert probe_acquisition(echoes(tmp_path, (5, 6), axes="-z,y"), T2).spacing_um == (23.0, 46.0)
    with pytest.raises(InputError, match=r"row 1 .*'axes'.*3 axes \(z,y,x\).*with 2 \(5 x 6 samples\)"):
        probe_acquisition(echoes(tmp_path, (5, 6), axes="z,y,x"), T2)


def test_a_decimal_comma_is_reported_and_a_pair_is_not(tmp_path):
    assert probe_acquisition(echoes(tmp_path, (5, 6), "46,23"), T2).spacing_um == (46.0, 23.0)
    with pytest.raises(InputError, match=r"row 1 .*'spacing_um'.*31\.25 for one number"):
        probe_acquisition(echoes(tmp_path, (5, 6), "31,25"), T2)
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((20, 30), np.uint16))
    with pytest.raises(InputError, match=r"row 1 .*'spacing_um'.*4\.66 for one number, or 4\.0, 66\.0"):
        probe_acquisition(row(tmp_path, "4,66", "sem"), T2)
    ome = {"PhysicalSizeX": 4.66, "PhysicalSizeY": 4.66}
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((20, 30), np.uint16), ome=True, metadata=ome)
    with pytest.raises(InputError, match=r"the files say 4\.66, 4\.66"):
        probe_acquisition(row(tmp_path, "4,66", "sem"), T2)
