"""Links of HDF5 are followed inside their folder, for a while, and never to what is no file."""

from __future__ import annotations

import os
import time

import h5py
import numpy as np
import pytest

from spallmap.errors import InputError
from spallmap.readers import input_files, open_image, probe_image
from spallmap.readers.volumes.hdf5 import hdf5_links
from tests.unit.readers.volumes.volume_files import volume

DATA = volume()


def linked(path, inside="/v", file="data.h5"):
    with h5py.File(path, "w") as opened:
        opened["entry/data"] = h5py.ExternalLink(file, inside)
    return f"{path}:/entry/data"


@pytest.fixture
def data_file(tmp_path):
    (tmp_path / "in").mkdir()
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["v"] = DATA
        file["far"] = h5py.SoftLink("/deep/v")
    return tmp_path / "data.h5"


@pytest.mark.parametrize("name", ["../data.h5", "{folder}/data.h5"])
def test_an_external_link_out_of_the_folder_is_refused_until_the_table_names_the_file(data_file, name):
    folder = data_file.parent
    named = linked(folder / "in" / "master.h5", file=name.format(folder=folder))
    for call in (probe_image, open_image, input_files):
        with pytest.raises(InputError, match=r"master\.h5.*link /entry/data.*leads out.*in the table itself"):
            call(named, "xct")
    np.testing.assert_array_equal(open_image(f"{data_file}:/v", "xct", 5.0).data, DATA)


def test_a_link_through_a_symbolic_link_is_refused(data_file):
    (data_file.parent / "in" / "data.h5").symlink_to(data_file)
    with pytest.raises(InputError, match="leads out"):
        probe_image(linked(data_file.parent / "in" / "master.h5"), "xct")


@pytest.mark.parametrize(
    ("kind", "found"),
    [("pipe", "a pipe"), ("folder", "a folder"), ("text", "no readable HDF5 file"), ("none", "no file")],
)
def test_what_is_no_hdf5_file_is_reported_and_never_waited_for(tmp_path, kind, found):
    target = tmp_path / "data.h5"
    if kind == "pipe":
        os.mkfifo(target)
    elif kind == "folder":
        target.mkdir()
    elif kind == "text":
        target.write_text("no HDF5")
    named = linked(tmp_path / "master.h5")
    with pytest.raises(InputError, match=rf"master\.h5.*{found}"):
        probe_image(named, "xct")
    with pytest.raises(InputError, match="0 datasets"):  # without a name no other file is looked at
        probe_image(tmp_path / "master.h5", "xct")


def test_links_in_a_chain_list_every_file(tmp_path):
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["deep/v"] = DATA
        file["v"] = h5py.SoftLink("deep/v")
    linked(tmp_path / "b.h5", file="c.h5")
    named = linked(tmp_path / "a.h5", "/entry/data", "b.h5")
    assert [p.name for p in input_files(named, "xct")] == ["a.h5", "b.h5", "c.h5"]
    np.testing.assert_array_equal(open_image(named, "xct", 5.0).data, DATA)


@pytest.mark.parametrize("inside", ["/loop/v", "/soft", "/soft/v", "/gone", "/here/gone"])
def test_circles_and_links_to_nothing_are_reported(tmp_path, inside):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["here/v"] = DATA
        file["loop"] = h5py.SoftLink("/loop")
        file["soft"] = h5py.SoftLink("/other")
        file["other"] = h5py.SoftLink("soft")
        file["gone"] = h5py.SoftLink("/nowhere")
        file["out"] = h5py.ExternalLink("a.h5", "/out")
        file["here/again"] = file["/"]
    with pytest.raises(InputError, match=r"a\.h5.*(links one after another|where nothing is|nothing at)"):
        probe_image(f"{tmp_path}/a.h5:{inside}", "xct")
    with pytest.raises(InputError, match="links one after another"):
        probe_image(f"{tmp_path}/a.h5:/out", "xct")
    np.testing.assert_array_equal(open_image(tmp_path / "a.h5", "xct", 5.0).data, DATA)
    rotated = f"{tmp_path}/a.h5:/here/again/here/again/here/v"
    np.testing.assert_array_equal(open_image(rotated, "xct", 5.0).data, DATA)


def test_thousands_of_nested_groups_are_no_matter(tmp_path):
    with h5py.File(tmp_path / "deep.h5", "w") as file:
        group = file
        for _ in range(3000):
            group = group.create_group("g")
        group["v"] = DATA
        file["other"] = DATA
    started = time.monotonic()
    with pytest.raises(InputError, match="2 datasets"):
        probe_image(tmp_path / "deep.h5", "xct")
    with h5py.File(tmp_path / "deep.h5", "a") as file:
        del file["other"]
    assert probe_image(tmp_path / "deep.h5", "xct").shape == DATA.shape
    assert time.monotonic() - started < 20.0


def test_too_many_objects_ask_for_a_name(tmp_path, monkeypatch):
    monkeypatch.setattr(hdf5_links, "_MOST_OBJECTS", 30)
    with h5py.File(tmp_path / "many.h5", "w") as file:
        for k in range(40):
            file.create_group(f"scans/{k}")
        file["v"] = DATA
    with pytest.raises(InputError, match=r"more than 30 objects; allowed: the dataset named after the file"):
        probe_image(tmp_path / "many.h5", "xct")
    np.testing.assert_array_equal(open_image(f"{tmp_path}/many.h5:/v", "xct", 5.0).data, DATA)


def test_types_that_are_no_greys_are_refused_with_their_name(tmp_path):
    shape = (3, 4, 5)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["compound"] = np.zeros(shape, [("re", "f4"), ("im", "f4")])
        file["complex"] = np.zeros(shape, complex)
        file["bool"] = np.zeros(shape, bool)
        file["text"] = np.full(shape, b"ab")
        file.create_dataset("objects", shape, h5py.string_dtype())
        file.create_dataset("enum", shape, h5py.enum_dtype({"air": 0, "metal": 1}), data=np.ones(shape, int))
        file["scalar"] = 3.0
        file["empty"] = h5py.Empty("f4")
        file["five"] = np.zeros((2, 1, *shape), "u2")
        file["flat"] = np.zeros((3, 4), "u2")
        file["none"] = np.zeros((0, 4, 5), "u2")
        file["type"] = np.dtype("f4")
        names = list(file)
    for name in names:
        with pytest.raises(InputError, match=rf"a\.h5.*found .*(at /{name}|an enumeration)"):
            probe_image(f"{tmp_path}/a.h5:/{name}", "xct", 5.0)
