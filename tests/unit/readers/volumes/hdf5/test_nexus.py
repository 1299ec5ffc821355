from __future__ import annotations

import h5py
import numpy as np
import pytest

from spallmap.readers import open_image, probe_image
from tests.unit.readers.volumes.volume_files import nexus, volume


def test_a_group_means_its_signal(tmp_path):
    path, spacing = nexus(tmp_path, volume())
    image = open_image(f"{path}:/entry/result", "xct")
    np.testing.assert_array_equal(image.data, volume())
    assert image.spacing_um == pytest.approx(spacing)
    assert image.meta["axis_names"] == ("z", "y", "x")
    np.testing.assert_array_equal(open_image(f"{path}:/entry/raw/frames", "xct", 1.0).data, volume()[:, ::-1])


@pytest.mark.parametrize("broken", ["unit", "steps", "axis", "length"])
def test_axes_that_do_not_say_the_size_leave_it_open(tmp_path, broken):
    path, _ = nexus(tmp_path, volume())
    with h5py.File(path, "a") as file:
        group = file["entry/result"]
        if broken == "unit":
            group["y"].attrs["units"] = "pixel"
        elif broken == "steps":
            group["y"][3] += 1e-3
        elif broken == "axis":
            group.attrs["axes"] = ["z", ".", "x"]
        else:
            del group["y"]
            group["y"] = np.arange(4.0)
            group["y"].attrs["units"] = "mm"
    assert probe_image(path, "xct").spacing_um is None


def test_older_nexus_marks_the_dataset_itself(tmp_path):
    path = tmp_path / "old.nxs"
    with h5py.File(path, "w") as file:
        file.attrs["default"] = "entry/data"
        file["entry/data/counts"] = volume()
        file["entry/data/counts"].attrs["signal"] = 1
        file["entry/data/counts"].attrs["axes"] = "z:y:x"
        file["entry/other"] = volume()
        for name, length in zip("zyx", volume().shape, strict=True):
            file[f"entry/data/{name}"] = np.arange(length + 1) * 2.5  # edges of the bins
            file[f"entry/data/{name}"].attrs["units"] = np.bytes_(b"um")
    image = open_image(path, "xct")
    assert image.spacing_um == (2.5, 2.5, 2.5)
    np.testing.assert_array_equal(image.data, volume())
