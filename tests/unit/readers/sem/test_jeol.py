from __future__ import annotations

import os

import pytest
import tifffile

from spallmap.errors import InputError
from spallmap.readers import input_files, open_image, probe_image
from tests.unit.readers.sem.images import section

TEXT = "$CM_FORMAT JEOL-SEM\n$CM_MAG 50\n$$SM_MICRON_BAR 52\n$$SM_MICRON_MARKER 13um\n$CM_FULL_SIZE 260 200\n"


@pytest.fixture
def image(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", section())
    return tmp_path / "a.tif"


def test_the_scale_line_gives_the_size(image):
    image.with_suffix(".txt").write_text(TEXT)
    opened = open_image(image, "sem")
    assert opened.spacing_um == (0.25, 0.25)
    assert [path.name for path in input_files(image, "sem")] == ["a.tif", "a.txt"]


def test_an_image_of_another_size_than_its_scan_needs_one(image):
    image.with_suffix(".txt").write_text(TEXT.replace("260 200", "1280 960"))
    info = probe_image(image, "sem")
    assert info.spacing_um is None
    assert "1280" in info.warnings[0].found


@pytest.mark.parametrize("line", ["$$SM_MICRON_BAR 52\n", "$$SM_MICRON_MARKER 13um\n"])
def test_the_magnification_alone_is_no_size(image, line):
    image.with_suffix(".txt").write_text(TEXT.replace(line, ""))
    assert probe_image(image, "sem").spacing_um is None


def test_other_texts_beside_an_image_are_left_alone(image):
    image.with_suffix(".txt").write_text("notes of the day")
    assert probe_image(image, "sem").format == "TIFF"
    assert input_files(image, "sem") == (image,)


def test_a_text_that_cannot_be_read_is_named(image):
    os.mkfifo(image.with_suffix(".txt"))
    with pytest.raises(InputError, match=r"a\.txt.*a pipe"):
        probe_image(image, "sem")
