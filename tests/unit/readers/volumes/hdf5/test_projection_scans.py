"""Projections look like a volume and are refused, however they are named."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image
from tests.unit.readers.volumes.volume_files import volume

DATA = volume()
ANGLES = np.linspace(0.0, 180.0, 11)


def nxtomo(path, definition="NXtomo", angles="sample", link=False):
    with h5py.File(path, "w") as file:
        file.attrs["default"] = "entry"
        entry = file.create_group("entry")
        entry.attrs["default"] = "data"
        if definition:
            entry["definition"] = definition
        entry["instrument/detector/data"] = DATA
        entry["instrument/detector/image_key"] = np.zeros(11, int)
        group = entry.create_group("data")
        group.attrs["signal"] = "data"
        aim = "/entry/instrument/detector/data"
        group["data"] = h5py.SoftLink(aim) if link else file[aim]
        if angles:
            entry[f"{angles}/rotation_angle"] = ANGLES
        entry["process/volume"] = DATA[::-1, :8]
    return path


@pytest.mark.parametrize(
    "definition", ["NXtomo", "NXtomophase", b"NXtomo", np.array([b"NXtomo"], "S6"), None]
)
@pytest.mark.parametrize("angles", ["sample", "data", None])
@pytest.mark.parametrize(
    "inside", ["", ":/entry/data/data", ":/entry/instrument/detector/data", ":/entry/data"]
)
@pytest.mark.parametrize("link", [True, False])
def test_raw_data_of_nexus_are_refused(tmp_path, definition, angles, inside, link):
    path = nxtomo(tmp_path / "a.nxs", definition, angles, link)
    with pytest.raises(InputError, match=r"a\.nxs.*found projections.*allowed: the reconstructed volume"):
        probe_image(f"{path}{inside}", "xct", 4.66)


def test_a_volume_beside_projections_is_read(tmp_path):
    path = nxtomo(tmp_path / "a.nxs")
    with h5py.File(path, "a") as file:
        del file["entry/process/volume"]
        file["entry/process/volume"] = DATA[:7]
    np.testing.assert_array_equal(open_image(f"{path}:/entry/process/volume", "xct", 4.66).data, DATA[:7])
    with h5py.File(path, "a") as file:
        del file.attrs["default"]
    np.testing.assert_array_equal(open_image(path, "xct", 4.66).data, DATA[:7])


def test_a_dataset_whose_slowest_axis_is_the_angles_is_refused_by_name(tmp_path):
    path = nxtomo(tmp_path / "a.nxs")
    with pytest.raises(InputError, match=r"/entry/process/volume: found projections \(11 values"):
        probe_image(f"{path}:/entry/process/volume", "xct", 4.66)


def exchange(path, *names, length=11):
    with h5py.File(path, "w") as file:
        file["exchange/data"] = DATA
        for name in names:
            file[f"exchange/{name}"] = np.arange(length) if name == "theta" else DATA[:3]
    return path


@pytest.mark.parametrize("names", [["theta"], ["data_white"], ["theta", "data_white", "data_dark"]])
@pytest.mark.parametrize("inside", ["", ":/exchange/data", ":/exchange"])
def test_raw_data_of_data_exchange_are_refused(tmp_path, names, inside):
    path = exchange(tmp_path / "a.h5", *names)
    with pytest.raises(InputError, match=r"a\.h5.*(found projections|a group at /exchange)"):
        probe_image(f"{path}{inside}", "xct", 4.66)


def test_flat_fields_and_sinograms_are_refused(tmp_path):
    path = exchange(tmp_path / "a.h5", "data_white")
    with pytest.raises(InputError, match="projections"):
        probe_image(f"{path}:/exchange/data_white", "xct", 4.66)
    with pytest.raises(InputError, match="sinograms"):
        probe_image(exchange(tmp_path / "b.h5", "theta", length=9), "xct", 4.66)


def test_reconstructions_are_read(tmp_path):
    path = exchange(tmp_path / "a.h5")
    np.testing.assert_array_equal(open_image(path, "xct", 4.66).data, DATA)
    path = exchange(tmp_path / "b.h5", "theta", length=180)
    np.testing.assert_array_equal(open_image(path, "xct", 4.66).data, DATA)
    path = nxtomo(tmp_path / "c.nxs", "NXtomoproc", None)
    with h5py.File(path, "a") as file:
        del file["entry/instrument/detector/image_key"]
    np.testing.assert_array_equal(open_image(path, "xct", 4.66).data, DATA)


def test_axes_of_space_say_that_it_is_a_volume(tmp_path):
    path = exchange(tmp_path / "a.h5", "theta")
    with h5py.File(path, "a") as file:
        file["exchange/data"].attrs["axes"] = "z:y:x"
    np.testing.assert_array_equal(open_image(path, "xct", 4.66).data, DATA)


@pytest.mark.parametrize(
    ("name", "units"), [("rotation_angle", "deg"), ("theta", ""), ("q", "degree"), ("scan_angle", None)]
)
def test_an_axis_of_angles_gives_them_away(tmp_path, name, units):
    with h5py.File(tmp_path / "a.nxs", "w") as file:
        group = file.create_group("entry")
        group.attrs["signal"] = "data"
        group.attrs["axes"] = [name, "y", "x"]
        group["data"] = DATA
        group[name] = ANGLES
        if units is not None:
            group[name].attrs["units"] = units
    with pytest.raises(InputError, match=rf"projections \(an axis '{name}' of angles\)"):
        probe_image(f"{tmp_path}/a.nxs:/entry/data", "xct", 4.66)
