from __future__ import annotations

import numpy as np
import pytest
import tifffile

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image
from tests.unit.readers.sem.images import section


def test_equal_colours_are_grey_and_others_refused(tmp_path):
    grey = section()
    colours = np.stack([grey] * 3, axis=-1)
    tifffile.imwrite(tmp_path / "a.tif", colours, photometric="rgb")
    np.testing.assert_array_equal(open_image(tmp_path / "a.tif", "sem", 1).data, grey)
    colours[5, 5, 0] ^= 1
    tifffile.imwrite(tmp_path / "a.tif", colours, photometric="rgb")
    with pytest.raises(InputError, match="coloured"):
        open_image(tmp_path / "a.tif", "sem", 1)


def test_stack_is_no_image(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((3, 20, 20), np.uint8), photometric="minisblack")
    with pytest.raises(InputError, match="one grey image"):
        probe_image(tmp_path / "a.tif", "sem", 1)
