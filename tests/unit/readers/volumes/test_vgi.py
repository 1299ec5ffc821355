from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image
from tests.unit.readers.volumes.volume_files import (
    FUZZ_EXAMPLES,
    opened_or_refused,
    replace_in,
    vgi,
    volume,
)


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("Size = 7 9 11", "Size = 7 9", "Size"),
        ("Datatype = unsigned integer", "Datatype = complex", "complex"),
        ("BitsPerElement = 16", "BitsPerElement = 12", "12 bits"),
        ("FileFormat = raw", "FileFormat = jpeg", "jpeg"),
        ("SkipHeader = 6", "SkipHeader = 0", "1392 bytes.*1386 bytes"),
        ("SkipHeader = 6", "SkipHeader = x", "'x' bytes"),
        ("resolution = 0.003 0.004 0.005", "resolution = a", "resolution"),
        ("{volumeprimitive12}", "[file2]\n", "2 raw files"),
    ],
)
def test_a_vgi_that_cannot_be_used_is_reported_with_the_entry(tmp_path, old, new, found):
    path, _ = vgi(tmp_path, volume())
    replace_in(path, old, new)
    with pytest.raises(InputError, match=rf"scan\.(vgi|vol).*{found}"):
        probe_image(path, "xct", 1.0)


def test_a_short_vgi_is_enough(tmp_path):
    """Only the file's section, a type whose word says its bits, and one resolution for all axes."""
    data = volume("float32")
    (tmp_path / "a.raw").write_bytes(data.tobytes())
    text = "{volume1}\n[file1]\nSize = 7 9 11\nDatatype = float\nName = a.raw\n"
    (tmp_path / "a.vgi").write_text(text)
    assert probe_image(tmp_path / "a.vgi", "xct").spacing_um is None
    (tmp_path / "a.vgi").write_text(text + "[geometry]\nresolution = 4.66\nunit = um\n")
    image = open_image(tmp_path / "a.vgi", "xct")
    np.testing.assert_array_equal(image.data, data)
    assert image.spacing_um == (4.66, 4.66, 4.66)


@pytest.mark.parametrize(
    "entry",
    [
        "mirror = 0 0 0",
        "Mirror = false",
        "scale = 1 1 1",
        "rotate = 1 0 0 0 1 0 0 0 1",
        "rotation = 0 0 90",
        "SkipSlices = 0",
        "header = 0",
        "flip = none",
        "rotate = 0 -1 0 1 0 0 0 0 1",
        "channels = 1",
    ],
)
@pytest.mark.parametrize("section", ["[file1]\n", "[geometry]\n"])
def test_entries_that_change_nothing_are_passed(tmp_path, entry, section):
    path, spacing = vgi(tmp_path, volume())
    replace_in(path, section, f"{section}{entry}\n")
    image = open_image(path, "xct")
    np.testing.assert_array_equal(image.data, volume())
    assert image.spacing_um == pytest.approx(spacing)


def test_directions_that_mirror_have_their_slices_reversed(tmp_path):
    path, _ = vgi(tmp_path, volume())
    replace_in(path, "[geometry]\n", "[geometry]\nrotate = 1 0 0 0 1 0 0 0 -1\n")
    image = open_image(path, "xct")
    np.testing.assert_array_equal(image.data, volume()[::-1])
    assert image.meta["slices_reversed"] is True


@pytest.mark.parametrize(
    "entry",
    [
        "mirror = 0 0 1",
        "Mirror = x",
        "mirror = true",
        "scale = 2 2 2",
        "scale = -1 1 1",
        "skip = 100",
        "SkipSlices = 3",
        "header = 512",
        "HeaderSize = 6",
        "flip = 1 0 0",
        "rotate = 1 0 0 0 1",
        "channels = 3",
        "rotate = 1 0.5 0 0 1 0 0 0 1",
        "scale = nan",
        "size = 7 9 10",
        "rotate = up",
    ],
)
@pytest.mark.parametrize("section", ["[file1]\n", "[geometry]\n"])
def test_entries_that_change_the_volume_are_refused(tmp_path, entry, section):
    if entry.startswith("size"):
        section = "[representation]\n"
    path, _ = vgi(tmp_path, volume())
    replace_in(path, section, f"{section}{entry}\n")
    with pytest.raises(InputError, match=rf"(?i)scan\.vgi, entry '{entry.split()[0]}'"):
        probe_image(path, "xct")


def test_sections_of_other_objects_do_not_count_and_two_volumes_are_refused(tmp_path):
    path, spacing = vgi(tmp_path, volume())
    text = path.read_text()
    path.write_text(text + "{clipbox1}\n[geometry]\nresolution = 9 9 9\nscale = 2 2 2\n")
    assert probe_image(path, "xct").spacing_um == pytest.approx(spacing)
    path.write_text(text + "{volumeprimitive13}\n[geometry]\nresolution = 9 9 9\n")
    with pytest.raises(InputError, match=r"entry 'resolution'.*each entry once"):
        probe_image(path, "xct")
    path.write_text(text + "{volume2}\n[file1]\nName = scan.vol\n")
    with pytest.raises(InputError, match=r"(2 raw files|entry 'name')"):
        probe_image(path, "xct")


def test_a_size_without_a_unit_says_so_and_a_huge_text_is_not_read(tmp_path):
    path, _ = vgi(tmp_path, volume())
    replace_in(path, "unit = mm\n", "")
    replace_in(path, "0.003 0.004 0.005", "3 4 5")
    with pytest.raises(InputError, match=r"entry 'resolution'.*no 'unit'.*5000, 4000, 3000 um"):
        probe_image(path, "xct")
    with path.open("r+b") as opened:
        opened.truncate(3 << 30)
    with pytest.raises(InputError, match=r"scan\.vgi: found 3221225472 bytes of text"):
        probe_image(path, "xct")


KEYS = st.sampled_from(
    [
        "size",
        "name",
        "datatype",
        "bitsperelement",
        "skipheader",
        "fileformat",
        "byteorder",
        "mirror",
        "scale",
        "rotate",
        "resolution",
        "unit",
        "header",
    ]
)
VALUES = st.one_of(
    st.sampled_from(
        ["7 9 11", "scan.vol", "float", "16", "-1", "nan nan nan", "inf", "1e400", "0 0 0 0 0 0 0 0 0"]
    ),
    st.text(max_size=12),
)
HEADS = st.sampled_from(["[file1]", "[geometry]", "[representation]", "{volume2}", "[]", "[[", "{}"])


@settings(max_examples=FUZZ_EXAMPLES, deadline=None)
@given(
    lines=st.lists(st.one_of(HEADS, st.builds("{} = {}".format, KEYS, VALUES)), max_size=12),
    drop=st.integers(0, 16),
)
def test_nothing_but_input_errors_comes_out_of_any_description(tmp_path_factory, lines, drop):
    folder = tmp_path_factory.getbasetemp() / "fuzz_vgi"
    folder.mkdir(exist_ok=True)
    path, _ = vgi(folder, volume())
    kept = [line for k, line in enumerate(path.read_text().splitlines()) if k != drop]
    path.write_bytes("\n".join([*kept, *lines]).encode("utf-8", "replace"))
    opened_or_refused(path)
