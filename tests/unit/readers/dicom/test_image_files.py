from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from spallmap.errors import InputError
from spallmap.readers import input_files, open_image, probe_image
from spallmap.readers.dicom import image_files
from tests.unit.readers.dicom.dicom_writer import TE_MS, images, write_slice


@pytest.fixture
def series(tmp_path) -> Path:
    for e, te_ms in enumerate(TE_MS):
        write_slice(tmp_path / "series" / f"IM_{e}", images(e), te_ms)
    return tmp_path / "series"


def test_links_in_circles_are_reported_and_every_file_is_read_once(series):
    (series / "deeper" / "still").mkdir(parents=True)
    for n in range(12):
        (series / f"link{n}").symlink_to(series)
        (series / "deeper" / "still" / f"up{n}").symlink_to(series / "deeper")
    image = open_image(series, "mri")
    np.testing.assert_array_equal(image.data, [images(e) for e in range(3)])
    assert [path.name for path in input_files(series, "mri")] == ["IM_0", "IM_1", "IM_2"]
    (warning,) = image.warnings
    assert "looked through already" in str(warning)
    assert "and 21 more" in str(warning)
    assert probe_image(series, "mri").warnings == image.warnings


@pytest.mark.parametrize("name", ["IM_9", "any name", "a.dcm"])
@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda path: path.symlink_to("gone"), "a link to gone, which does not exist"),
        (lambda path: path.symlink_to(path), "symbolic links"),
        (os.mkfifo, "a pipe"),
    ],
)
def test_what_cannot_be_opened_is_never_dropped(series, name, make, found):
    make(series / name)
    for call in (probe_image, open_image, input_files):
        with pytest.raises(InputError, match=found) as caught:
            call(series, "mri")
        assert name in caught.value.source_label


def test_a_folder_of_nothing_but_broken_links_is_reported(tmp_path):
    for e in range(3):
        (tmp_path / f"{e}.dcm").symlink_to(f"/nowhere/{e}.dcm")
    with pytest.raises(InputError, match=r"a link to /nowhere/0\.dcm"):
        probe_image(tmp_path, "mri")


@pytest.mark.parametrize("content", [b"", b"\0" * 4000, b"\0" * 128 + b"DIC"])
def test_an_emptied_image_among_images_is_reported(series, content):
    (series / "IM_3").write_bytes(content)
    with pytest.raises(InputError, match=rf"IM_3: found {len(content)} bytes that are no DICOM"):
        probe_image(series, "mri")


def test_other_files_and_hidden_ones_are_left_out(series):
    (series / "notes.txt").write_text("IM_3")
    (series / ".IM_4").write_bytes(b"")
    (series / ".hidden").mkdir()
    (series / ".hidden" / "a.dcm").write_bytes(b"")
    assert len(input_files(series, "mri")) == 3
    assert not probe_image(series, "mri").warnings


def test_images_deep_below_are_found_and_deeper_ones_reported(tmp_path, series):
    deep = tmp_path.joinpath("deep", *"abcdefgh")
    write_slice(deep / "a", images(0))
    assert input_files(tmp_path / "deep", "mri") == (deep / "a",)
    write_slice(series.joinpath(*["x"] * (image_files.DEEPEST + 1)) / "a", images(0))
    with pytest.raises(InputError, match="a folder deep below"):
        probe_image(series, "mri")


def test_folders_without_end_are_refused(tmp_path, series, monkeypatch):
    monkeypatch.setattr(image_files, "MOST_ENTRIES", 50)
    for n in range(60):
        (series / f"{n}").mkdir()
    with pytest.raises(InputError, match="more than 50 files"):
        probe_image(series, "mri")
    (tmp_path / "other").mkdir()
    for n in range(60):
        (tmp_path / "other" / f"{n}").write_bytes(b"")
    assert not image_files.holds_dicom(tmp_path / "other")


def test_a_file_that_vanishes_is_named(series, monkeypatch):
    monkeypatch.setattr(image_files, "is_dicom", lambda path: path.unlink() or True)
    with pytest.raises(InputError, match=r"IM_0: found no such file"):
        probe_image(series, "mri")
