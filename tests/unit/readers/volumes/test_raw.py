from __future__ import annotations

import pytest

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image
from tests.unit.readers.volumes.volume_files import LAYOUTS, volume


@pytest.mark.parametrize("layout", ["mhd", "nhdr", "vgi", "mhd compressed", "nhdr compressed"])
def test_a_missing_raw_file_is_named(tmp_path, layout):
    path, _ = LAYOUTS[layout](tmp_path, volume())
    (other,) = (p for p in tmp_path.iterdir() if p != path)
    other.unlink()
    for call in (probe_image, open_image):
        with pytest.raises(InputError, match=rf"{path.name}.*no file.*{other.name}"):
            call(path, "xct", 1.0)


@pytest.mark.parametrize("layout", ["mhd", "nhdr", "vgi"])
def test_a_raw_file_of_another_size_is_reported_with_both_sizes(tmp_path, layout):
    path, _ = LAYOUTS[layout](tmp_path, volume())
    (other,) = (p for p in tmp_path.iterdir() if p != path)
    size = other.stat().st_size
    other.write_bytes(other.read_bytes() + b"more")
    with pytest.raises(InputError, match=rf"{other.name}: found {size + 4} bytes; allowed: {size} bytes"):
        probe_image(path, "xct", 1.0)
