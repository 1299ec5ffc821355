from __future__ import annotations

import numpy as np
import pytest
import SimpleITK

from spallmap.errors import InputError
from spallmap.readers import open_volume
from spallmap.readers.volumes.voxel_order import other_row_length


def cell(kind: type = np.uint16, noise: float = 1200.0) -> np.ndarray:
    z, y, x = np.indices((28, 96, 90))
    radius = np.hypot(y - 48, x - 45)
    greys = np.where(radius < 40, 22000.0, 3000.0)
    greys[(z > 8) & (z < 20) & (radius < 36)] = 38000
    greys += np.random.default_rng(1).normal(0, noise, greys.shape)
    return np.clip(greys, 0, 65535).astype(kind)


def write(folder, data):
    image = SimpleITK.GetImageFromArray(data)
    image.SetSpacing((0.00466, 0.00466, 0.00466))
    path = folder / "scan.mhd"
    SimpleITK.WriteImage(image, str(path))
    return path


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int16, np.int32, np.float32])
@pytest.mark.parametrize("noise", [0.0, 1200.0, 20000.0])
def test_a_cell_is_read(tmp_path, kind, noise):
    data = cell(np.float64, noise) / (300 if kind is np.uint8 else 3)
    path = write(tmp_path, data.astype(kind))
    with open_volume(path) as source:
        assert source.data.shape == data.shape


def test_noise_alone_is_read(tmp_path):
    noise = np.random.default_rng(2).integers(0, 65535, (28, 96, 90)).astype(np.uint16)
    with open_volume(write(tmp_path, noise)) as source:
        np.testing.assert_array_equal(source.data[0:1, 0:96, 0:90], noise[:1])


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("ByteOrderMSB = False", "ByteOrderMSB = True", "other byte order"),
        ("DimSize = 90 96 28", "DimSize = 96 90 28", "rows of 90, not of 96"),
        ("DimSize = 90 96 28", "DimSize = 28 96 90", "rows of 90, not of 28"),
    ],
)
def test_a_header_that_lies_about_its_voxels_is_refused(tmp_path, old, new, words):
    path = write(tmp_path, cell())
    text = path.read_text()
    path.write_text(text.replace(old, new))
    assert path.read_text() != text
    with pytest.raises(InputError, match=words), open_volume(path):
        pass


def test_floats_that_are_integers_are_refused(tmp_path):
    path = write(tmp_path, cell(np.int32))
    path.write_text(path.read_text().replace("MET_INT", "MET_FLOAT"))
    with pytest.raises(InputError, match="which are integers"), open_volume(path):
        pass


def test_rows_cannot_be_told_from_columns_of_one_length():
    assert other_row_length(cell()[:, :90].ravel(), (90, 90, 90)) is None
