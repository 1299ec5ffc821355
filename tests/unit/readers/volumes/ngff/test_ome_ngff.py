from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from spallmap.errors import InputError
from spallmap.readers import input_files, open_image, open_volume, probe_image
from spallmap.readers.volumes.ngff.ome_ngff import open_level
from tests.unit.readers.volumes.volume_files import (
    FUZZ_EXAMPLES,
    SHAPE,
    ome_zarr,
    opened_or_refused,
    volume,
)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_a_damaged_chunk_of_ome_zarr_is_reported(tmp_path, version):
    path, _ = ome_zarr(version)(tmp_path, volume())
    chunk = max((p for p in path.rglob("*") if p.is_file() and "json" not in p.name), key=lambda p: p.name)
    chunk.write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"scan\.ome\.zarr/.*damaged data"):
        open_image(path, "xct")


def test_several_channels_are_refused(tmp_path):
    path, _ = ome_zarr("0.5", "czyx")(tmp_path, volume())
    group = zarr.open_group(str(path), mode="a")
    name = group.attrs["ome"]["multiscales"][0]["datasets"][0]["path"]
    group.create_array(name, shape=(2, 4, 5, 6), dtype="u2", overwrite=True)
    with pytest.raises(InputError, match=r"c 2, z 4.*one channel"):
        probe_image(path, "xct")


def test_other_axes_versions_and_bare_arrays_are_refused(tmp_path):
    path, _ = ome_zarr("0.5")(tmp_path, volume())
    group = zarr.open_group(str(path), mode="a")
    good = group.attrs["ome"]
    axes = good["multiscales"][0]["axes"]
    for change, found in (
        ({"version": "0.3"}, "version 0.3"),
        ({"multiscales": [{**good["multiscales"][0], "axes": axes[::-1]}]}, "axes x, y, z"),
        ({"multiscales": []}, "no readable volume"),
    ):
        group.attrs["ome"] = {**good, **change}
        with pytest.raises(InputError, match=found):
            probe_image(path, "xct")
    group.attrs["ome"] = {
        **good,
        "multiscales": [{**good["multiscales"][0], "axes": [{"name": a, "type": "space"} for a in "zyx"]}],
    }
    assert probe_image(path, "xct").spacing_um is None
    zarr.create_array(str(tmp_path / "bare.zarr"), shape=(4, 5, 6), dtype="u2")
    with pytest.raises(InputError, match=r"bare\.zarr.*no readable volume"):
        probe_image(tmp_path / "bare.zarr", "xct")


def image(folder, levels=((1.0, SHAPE),), version="0.5", name="scan.ome.zarr", **described):
    """Write an image whose levels have (factor of the scale, shape); each voxel holds the level's number."""
    path = folder / name
    group = zarr.open_group(str(path), mode="w", zarr_format=3 if version == "0.5" else 2)
    datasets = []
    for k, (factor, shape) in enumerate(levels):
        array = group.create_array(str(k), shape=shape, chunks=(4, 5, 6), dtype="u2", fill_value=0)
        array[...] = volume(shape=shape) + k * 1000 + 1
        scale = [factor * 5.0, factor * 4.0, factor * 3.0]
        datasets.append({"path": str(k), "coordinateTransformations": [{"type": "scale", "scale": scale}]})
    axes = [{"name": n, "type": "space", "unit": "micrometer"} for n in "zyx"]
    scales = [{"axes": axes, "datasets": datasets, **described}]
    if version == "0.5":
        group.attrs["ome"] = {"version": "0.5", "multiscales": scales}
    else:
        group.attrs["multiscales"] = [{"version": "0.4", **scales[0]}]
    return path


def rewritten(path, change):
    """Change the multiscale image of a 0.5 in place."""
    document = json.loads((path / "zarr.json").read_text())
    change(document["attributes"]["ome"]["multiscales"][0])
    (path / "zarr.json").write_text(json.dumps(document))
    return path


HALF = (5, 4, 3)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_the_finest_level_is_read_wherever_it_is_listed(tmp_path, version):
    path = image(tmp_path, [(2.0, HALF), (1.0, SHAPE)], version)
    info = probe_image(path, "xct")
    assert (info.shape, info.spacing_um) == (SHAPE, (5.0, 4.0, 3.0))
    assert "'1', dataset 1, as the finest: the first is '0'" in info.warnings[0].found
    np.testing.assert_array_equal(open_image(path, "xct").data, volume() + 1001)
    path = image(tmp_path, [(1.0, SHAPE), (2.0, HALF)], version, "right.zarr")
    assert probe_image(path, "xct").warnings == ()
    np.testing.assert_array_equal(open_image(path, "xct").data, volume() + 1)


def test_scales_that_contradict_the_shapes_are_refused(tmp_path):
    path = image(tmp_path, [(2.0, SHAPE), (1.0, HALF)])
    with pytest.raises(InputError, match=r"'0' of shape .* more voxels than the finest, '1'"):
        probe_image(path, "xct")


@pytest.mark.parametrize(
    "scale", [[0.0, 4.0, 3.0], [-5.0, 4.0, 3.0], [5.0, 4.0], ["5", 4.0, 3.0], [True, 4.0, 3.0], None, "scale"]
)
def test_a_scale_that_is_no_size_is_refused(tmp_path, scale):
    def change(multiscale):
        multiscale["datasets"][0]["coordinateTransformations"][0]["scale"] = scale

    path = rewritten(image(tmp_path), change)
    with pytest.raises(InputError, match=r"'multiscales', dataset 0, 'coordinateTransformations'"):
        probe_image(path, "xct", 4.66)


def test_nan_as_a_scale_is_refused(tmp_path):
    path = image(tmp_path)
    text = (path / "zarr.json").read_text().replace("5.0", "NaN")
    (path / "zarr.json").write_text(text)
    with pytest.raises(InputError, match=r"a scale of \[nan"):
        probe_image(path, "xct", 4.66)


def test_translations_move_nothing_and_other_transforms_are_refused(tmp_path):
    def move(multiscale):
        multiscale["datasets"][0]["coordinateTransformations"].append(
            {"type": "translation", "translation": [100.0, 2.0, 3.0]}
        )

    def rotate(multiscale):
        multiscale["coordinateTransformations"] = [{"type": "rotation", "rotation": [0, 1]}]

    path = rewritten(image(tmp_path), move)
    assert probe_image(path, "xct").spacing_um == (5.0, 4.0, 3.0)
    with pytest.raises(InputError, match="rotation"):
        probe_image(rewritten(path, rotate), "xct")


def test_a_shared_scale_is_multiplied(tmp_path):
    path = image(tmp_path, coordinateTransformations=[{"type": "scale", "scale": [2.0, 3.0, 4.0]}])
    assert probe_image(path, "xct").spacing_um == (10.0, 12.0, 12.0)


@pytest.mark.parametrize("own", [["x", "y", "z"], ["z", "y"], ["z", "x", "y"]])
def test_axes_of_the_array_that_contradict_the_image_are_refused(tmp_path, own):
    path = image(tmp_path)
    document = json.loads((path / "0" / "zarr.json").read_text())
    document["dimension_names"] = own
    (path / "0" / "zarr.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match=r"scan\.ome\.zarr/0"):
        probe_image(path, "xct")


def test_axes_without_units_leave_the_size_open_with_the_reason(tmp_path):
    path = rewritten(image(tmp_path), lambda m: [axis.pop("unit") for axis in m["axes"]])
    with pytest.raises(
        InputError, match=r"no pixel size .*dataset '0', in the axes' units: none, none, none"
    ):
        open_image(path, "xct")


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("marked", [True, False])
def test_the_root_of_bioformats2raw_says_which_path_to_give(tmp_path, version, marked):
    root = zarr.open_group(str(tmp_path / "root.zarr"), mode="w", zarr_format=2 if version == "0.4" else 3)
    if marked:
        layout = {"bioformats2raw.layout": 3}
        root.attrs.update(layout if version == "0.4" else {"ome": {"version": "0.5", **layout}})
    image(tmp_path / "root.zarr", version=version, name="0")
    with pytest.raises(InputError, match=r"bioformats2raw with the images 0/; allowed: .*root\.zarr/0"):
        probe_image(tmp_path / "root.zarr", "xct")
    assert probe_image(tmp_path / "root.zarr" / "0", "xct").shape == SHAPE


@pytest.mark.parametrize(
    ("attributes", "found"),
    [
        ({"plate": {"wells": [{"path": "B/2"}]}}, r"a plate of wells.*B/2/0"),
        ({"plate": 3}, r"a plate of wells.*A/1/0"),
        ({"well": {"images": [{"path": "0"}]}}, r"a well.*/0"),
        ({"labels": ["cells"]}, "a group of label images"),
        ({}, "no 'multiscales'"),
        ({"multiscales": "none"}, "0 images"),
        ({"multiscales": [1]}, "one multiscale image"),
        ({"multiscales": [{"axes": [], "datasets": []}]}, "'axes'"),
        ({"multiscales": [{"axes": ["z", "y", "x"], "datasets": []}]}, "'axes'"),
    ],
)
def test_other_groups_say_what_they_are(tmp_path, attributes, found):
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="w", zarr_format=3)
    group.attrs["ome"] = {"version": "0.5", **attributes}
    with pytest.raises(InputError, match=rf"a\.zarr.*{found}"):
        probe_image(tmp_path / "a.zarr", "xct")


def test_labels_are_no_tomogram(tmp_path):
    path = image(tmp_path)
    document = json.loads((path / "zarr.json").read_text())
    document["attributes"]["ome"]["image-label"] = {}
    (path / "zarr.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match="a label image"):
        probe_image(path, "xct")
    assert open_level(path).data.shape == SHAPE


@pytest.mark.parametrize("name", ["a.ome.zarr", "a.zarr.zip", "a.ozx"])
def test_a_file_in_the_place_of_a_folder_is_told(tmp_path, name):
    (tmp_path / name).write_bytes(b"PK")
    for call in (probe_image, input_files):
        with pytest.raises(InputError, match=rf"{name}: found a file; allowed: the folder.*unpack"):
            call(tmp_path / name, "xct")


def test_metadata_of_two_formats_are_refused(tmp_path):
    path = image(tmp_path)
    (path / ".zgroup").write_text('{"zarr_format": 2}')
    with pytest.raises(InputError, match=r"\.zgroup beside zarr\.json"):
        probe_image(path, "xct")
    (path / ".zgroup").unlink()
    (path / "0" / "zarr.json").unlink()
    with pytest.raises(InputError, match=r"/0: found no zarr\.json"):
        probe_image(path, "xct")
    two = image(tmp_path, version="0.4", name="two.zarr")
    (two / "0" / ".zarray").rename(path / "0" / ".zarray")
    with pytest.raises(InputError, match="an array of Zarr 2 in a group of Zarr 3"):
        probe_image(path, "xct")


@pytest.mark.parametrize("name", ["../away", "/etc", "gone", "", None, 3, "0/..", "link"])
def test_datasets_lie_below_their_folder(tmp_path, name):
    away = image(tmp_path, name="away")
    path = rewritten(image(tmp_path), lambda m: m["datasets"][0].update(path=name))
    (path / "link").symlink_to(away / "0")
    with pytest.raises(InputError, match=r"(dataset|scan\.ome\.zarr)"):
        probe_image(path, "xct")


@pytest.mark.parametrize("content", ["[" * 200_000, '{"node_type": 3}', "{", "[]", "null", "\x00", ""])
def test_json_that_is_none_or_too_deep_is_reported(tmp_path, content):
    path = image(tmp_path)
    for file in (path / "zarr.json", path / "0" / "zarr.json"):
        kept = file.read_text()
        file.write_text(content)
        with pytest.raises(InputError, match=r"zarr\.json"):
            probe_image(path, "xct")
        file.write_text(kept)


def test_a_huge_json_and_a_pipe_are_not_read(tmp_path):
    path = image(tmp_path)
    with (path / "zarr.json").open("r+b") as file:
        file.truncate(1 << 31)
    with pytest.raises(InputError, match="2147483648 bytes of text"):
        probe_image(path, "xct")
    (path / "zarr.json").unlink()
    os.mkfifo(path / "zarr.json")
    with pytest.raises(InputError, match="a pipe"):
        probe_image(path, "xct")


def array_changed(path, **entries):
    file = path / "0" / ("zarr.json" if (path / "zarr.json").exists() else ".zarray")
    file.write_text(json.dumps({**json.loads(file.read_text()), **entries}))
    return path


@pytest.mark.parametrize(
    "entries",
    [
        {"compressor": {"id": "pickle"}},
        {"filters": [{"id": "pickle"}]},
        {"filters": [{"id": "pickle", "protocol": 5}], "dtype": "|O"},
        {"compressor": {"id": "nosuch"}},
        {"compressor": 3},
        {"shape": [11, 9]},
        {"shape": [0, 9, 7]},
        {"shape": [11.0, 9, 7]},
        {"shape": "11"},
        {"chunks": [0, 5, 6]},
        {"chunks": [4, 5]},
        {"dtype": "|V8"},
        {"dtype": [["a", "u2"]]},
        {"dtype": "<c8"},
        {"dtype": "(2,"},
        {"order": "Q"},
        {"fill_value": "x"},
        {"shape": [10**12, 10**12, 10**12]},
        {"chunks": [4000, 1000, 1000], "shape": [4000, 1000, 1000]},
    ],
)
def test_arrays_that_cannot_be_are_refused_unread(tmp_path, entries):
    path = array_changed(image(tmp_path, version="0.4"), **entries)
    with pytest.raises(InputError, match=r"scan\.ome\.zarr"):
        probe_image(path, "xct")


def chunks_of(path):
    return sorted(p for p in (path / "0" / "c").rglob("*") if p.is_file())


BIG = (1.0, (20, 25, 24))  # five chunks along each axis, four along x


def test_a_chunk_that_is_absent_between_others_is_told(tmp_path):
    path = image(tmp_path, [BIG])
    assert probe_image(path, "xct").warnings == ()
    (path / "0" / "c" / "2" / "2" / "1").unlink()
    (warning,) = probe_image(path, "xct").warnings
    assert warning.found == "1 of 100 chunks absent between others or as whole layers, in slices 8 to 11"
    assert "they read as 0" in warning.advice
    with open_volume(path) as source:
        assert source.info.warnings == (warning,)
    assert not source.data[8:12, 10:15, 6:12].any()


def test_corners_of_a_round_field_of_view_may_be_absent(tmp_path):
    path = image(tmp_path, [BIG])
    for z in range(5):
        for y, x in ((0, 0), (0, 3), (4, 0), (4, 3)):
            (path / "0" / "c" / str(z) / str(y) / str(x)).unlink()
    assert probe_image(path, "xct").warnings == ()


def test_whole_layers_and_everything_that_are_absent_are_told(tmp_path):
    path = image(tmp_path, [BIG])
    shutil.rmtree(path / "0" / "c" / "4")
    (warning,) = probe_image(path, "xct").warnings
    assert "20 of 100 chunks absent" in warning.found
    assert "in slices 16 to 19" in warning.found
    shutil.rmtree(path / "0" / "c")
    with pytest.raises(InputError, match="none of 100 chunks"):
        probe_image(path, "xct")


@pytest.mark.parametrize("kind", ["pipe", "out", "nothing", "circle"])
def test_chunks_that_are_no_files_are_reported_and_never_waited_for(tmp_path, kind):
    path = image(tmp_path)
    chunk = chunks_of(path)[3]
    chunk.unlink()
    (tmp_path / "away").write_bytes(b"")
    if kind == "pipe":
        os.mkfifo(chunk)
    else:
        chunk.symlink_to({"out": tmp_path / "away", "nothing": "nowhere", "circle": chunk.name}[kind])
    for call in (probe_image, open_image, input_files):
        with pytest.raises(InputError, match=r"scan\.ome\.zarr.*(a pipe|leads out|link to nothing|symbolic)"):
            call(path, "xct")


def test_a_folder_that_links_back_ends(tmp_path):
    path = image(tmp_path)
    (path / "0" / "c" / "again").symlink_to(path / "0")
    assert len(input_files(path, "xct")) == 12 + 2
    np.testing.assert_array_equal(open_image(path, "xct").data, volume() + 1)


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(), st.integers(-2, 1 << 70), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=FUZZ_EXAMPLES, deadline=None)
@given(changes=st.lists(st.tuples(st.integers(0, 40), VALUES), min_size=1, max_size=3), level=st.booleans())
def test_nothing_but_input_errors_comes_out_of_any_metadata(tmp_path_factory, changes, level):
    path = image(tmp_path_factory.getbasetemp(), name="fuzz.zarr")
    file = path / "0" / "zarr.json" if level else path / "zarr.json"
    document = json.loads(file.read_text())
    for number, value in changes:
        places = list(_places(document))
        owner, key = places[number % len(places)]
        owner[key] = value
    file.write_text(json.dumps(document))
    opened_or_refused(path)


def _places(value):
    """Every entry of nested JSON, as its owner and its key."""
    keys = value if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], (dict, list)):
            yield from _places(value[key])
