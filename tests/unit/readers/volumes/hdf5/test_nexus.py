from __future__ import annotations

from contextlib import suppress

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spallmap.errors import InputError
from spallmap.readers import open_image, open_volume, probe_image
from tests.unit.readers.volumes.volume_files import FUZZ_EXAMPLES, nexus, opened_or_refused, volume


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


def scan(folder, data=None, names="zyx", steps=(5.0, 4.0, 3.0), units="um", **options):
    """Write a volume with the axes of its group; steps in the order of the names."""
    data = volume() if data is None else data
    path = folder / "scan.nxs"
    with h5py.File(path, "w") as file:
        file.attrs["default"] = "entry/result"
        group = file.create_group("entry/result")
        group.attrs["NX_class"] = "NXdata"
        group.attrs["signal"] = "data"
        group.attrs["axes"] = list(names)
        group.create_dataset("data", data=data, **options)
        for name, length, step in zip(names, data.shape, steps, strict=True):
            group[name] = 7.0 + np.arange(length) * step
            group[name].attrs["units"] = units
    return path


def changed(path, change):
    with h5py.File(path, "a") as file:
        change(file["entry/result"])
    return path


def put(name, value):
    def change(group):
        group[name] = value

    return change


def mark(owner, name, value):
    def change(group):
        (group[owner] if owner else group).attrs[name] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        put("z_scaling_factor", 4.66),
        put("z_scaling_factor", np.array([4.66])),
        put("z_scaling_factor", np.float32(4.66)),
        put("z_scaling_factor", -4.66),
        mark("z", "scaling_factor", 4.66),
        mark("z", "scale_factor", [4.66]),
        mark("", "z_scaling_factor", 4.66),
    ],
)
def test_an_axis_is_multiplied_by_its_scaling_factor(tmp_path, change):
    path = changed(scan(tmp_path, steps=(1.0, 4.0, 3.0)), change)
    assert probe_image(path, "xct").spacing_um == pytest.approx((4.66, 4.0, 3.0))


def test_an_offset_of_an_axis_moves_nothing(tmp_path):
    path = changed(scan(tmp_path), put("z_offset", 1000.0))
    assert probe_image(path, "xct").spacing_um == pytest.approx((5.0, 4.0, 3.0))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (put("z_scaling_factor", 0.0), "z_scaling_factor"),
        (put("z_scaling_factor", np.nan), "z_scaling_factor"),
        (put("z_scaling_factor", [1.0, 2.0]), "z_scaling_factor"),
        (put("z_scaling_factor", "4.66"), "z_scaling_factor"),
        (mark("z", "scaling_factor", b"four"), "scaling_factor"),
        (put("data_scaling_factor", np.ones(11)), "data_scaling_factor"),
        (put("data_scaling_factor", 0), "data_scaling_factor"),
        (mark("data", "scale_factor", [1.0, 2.0]), "scale_factor"),
        (mark("", "z_indices", 2), "'z' as number 0"),
        (mark("", "axes", ["x", "x", "z"]), "axes x, x, z"),
        (mark("", "signal", "gone"), "attribute 'signal'.*'gone'"),
        (mark("", "signal", "z"), r"shape \(11,\)"),
    ],
)
def test_what_contradicts_itself_is_refused(tmp_path, change, found):
    path = changed(scan(tmp_path), change)
    with pytest.raises(InputError, match=rf"scan\.nxs.*{found}"):
        probe_image(f"{path}:/entry/result", "xct")


def test_two_factors_that_differ_are_refused(tmp_path):
    path = changed(scan(tmp_path), put("z_scaling_factor", 2.0))
    changed(path, mark("z", "scaling_factor", 3.0))
    with pytest.raises(InputError, match=r"z_scaling_factor 2, @scaling_factor 3"):
        probe_image(path, "xct")


@pytest.mark.parametrize(
    "names",
    [
        ("x", "y", "z"),
        ("z", "x", "y"),
        ("Y", "X", "Z"),
        ("voxel_x", "voxel_y", "voxel_z"),
        ("x_axis", "z_axis", "y_axis"),
    ],
)
def test_axes_by_name_are_brought_into_the_order_z_y_x(tmp_path, names):
    bare = [name.lower().replace("voxel", "").replace("axis", "").strip("_") for name in names]
    stored = volume().transpose(["zyx".index(letter) for letter in bare])
    steps = [{"z": 5.0, "y": 4.0, "x": 3.0}[letter] for letter in bare]
    path = scan(tmp_path, stored, names, steps)
    image = open_image(path, "xct")
    np.testing.assert_array_equal(image.data, volume())
    assert image.spacing_um == pytest.approx((5.0, 4.0, 3.0))
    assert image.meta["slices_reversed"] is False
    with open_volume(path) as source:
        np.testing.assert_array_equal(source.data[2:5, 0:3, 1:7], volume()[2:5, 0:3, 1:7])


@pytest.mark.parametrize(
    ("steps", "mirrored"),
    [((-5.0, 4.0, 3.0), True), ((5.0, -4.0, -3.0), False), ((-5.0, -4.0, -3.0), True)],
)
def test_axes_that_descend_are_mirrors(tmp_path, steps, mirrored):
    image = open_image(scan(tmp_path, steps=steps), "xct")
    np.testing.assert_array_equal(image.data, volume()[::-1] if mirrored else volume())
    assert image.spacing_um == pytest.approx((5.0, 4.0, 3.0))
    assert image.meta["slices_reversed"] is mirrored


def test_uneven_axes_are_told(tmp_path):
    def jump(group):
        group["z"][6:] += 50.0

    path = changed(scan(tmp_path), jump)
    info = probe_image(path, "xct", 4.66)
    assert "steps of 5 to 55 um along axis 'z'" in info.warnings[0].found
    with pytest.raises(InputError, match=r"no pixel size.*steps of 5 to 55 um along axis 'z'"):
        open_image(path, "xct")


@pytest.mark.parametrize("units", [b"um", np.bytes_(b"um"), ["um"], np.array([b"um"]), "micrometer", "µm"])
def test_units_in_every_way_that_hdf5_writes_text(tmp_path, units):
    assert probe_image(scan(tmp_path, units=units), "xct").spacing_um == pytest.approx((5.0, 4.0, 3.0))


@pytest.mark.parametrize("units", ["", "pixel", "s", "keV"])
def test_units_that_are_no_length_leave_the_size_open_with_the_reason(tmp_path, units):
    with pytest.raises(InputError, match=r"no pixel size.*axis 'z' without a unit of length"):
        open_image(scan(tmp_path, units=units), "xct")


@pytest.mark.parametrize(
    ("changes", "slope", "intercept"),
    [
        ([put("data_scaling_factor", 0.5), put("data_offset", 4.0)], 0.5, 2.0),
        ([mark("data", "scale_factor", 0.5), mark("data", "add_offset", 2.0)], 0.5, 2.0),
        ([put("data_scaling_factor", -1.0)], -1.0, 0.0),
        ([put("scaling_factor", 2.0)], 2.0, 0.0),
    ],
)
def test_samples_are_brought_to_greys(tmp_path, changes, slope, intercept):
    path = scan(tmp_path)
    for change in changes:
        changed(path, change)
    image = open_image(path, "xct")
    assert image.data.dtype == np.float32
    np.testing.assert_allclose(image.data, volume() * slope + intercept)


WORDS = st.one_of(
    st.sampled_from(["x", "y", "z", "data", "um", "", ".", "/", "/entry/result/data", "mm", "..", "\0"]),
    st.text(max_size=6),
)
VALUES = st.one_of(
    WORDS,
    st.floats(),
    st.integers(-3, 3),
    st.lists(st.sampled_from(["x", "y", "z", ".", "data", "rotation_angle"]), max_size=4),
    st.lists(st.floats(), max_size=3),
    st.binary(max_size=4),
)
NAMES = (
    "signal",
    "axes",
    "default",
    "units",
    "scaling_factor",
    "z_scaling_factor",
    "data_offset",
    "z_indices",
)


@settings(max_examples=FUZZ_EXAMPLES, deadline=None)
@given(
    attributes=st.lists(
        st.tuples(st.sampled_from(["", "z", "data"]), st.sampled_from(NAMES), VALUES), max_size=5
    ),
    fields=st.lists(
        st.tuples(st.sampled_from(["z_scaling_factor", "definition", "theta", "data_offset", "y"]), VALUES),
        max_size=3,
    ),
)
def test_nothing_but_input_errors_comes_out_of_any_attributes(tmp_path_factory, attributes, fields):
    path = scan(tmp_path_factory.getbasetemp())
    with h5py.File(path, "a") as file:
        group = file["entry/result"]
        for owner, name, value in attributes:
            with suppress(TypeError, ValueError, OSError):  # what h5py does not write
                (group[owner] if owner else group).attrs[name] = value
        for name, value in fields:
            with suppress(TypeError, ValueError, OSError):
                if name in group:
                    del group[name]
                group[name] = value
    opened_or_refused(path)
