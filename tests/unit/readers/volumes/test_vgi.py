from __future__ import annotations

import numpy as np
import pytest

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image
from tests.unit.readers.volumes.volume_files import replace_in, vgi, volume


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
