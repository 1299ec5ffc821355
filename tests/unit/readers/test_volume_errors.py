"""What is wrong with a tomogram is told with the file and the place in it."""

from __future__ import annotations

import shutil

import h5py
import numpy as np
import pytest
import tifffile
import zarr
from ole_writer import write_ole
from volume_files import LAYOUTS, VGI, itk, nexus, nifti, ome_zarr, txm_streams, vgi, volume

from spallmap.blocks import whole
from spallmap.errors import InputError
from spallmap.readers import input_files, open_image, open_volume, probe_image


def cut(path, share=0.7):
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])


SINGLE = [name for name in LAYOUTS if not name.startswith(("OME-Zarr", "TIFF folder", "vgi"))]


@pytest.mark.parametrize("layout", SINGLE)
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_file_that_was_cut_short_is_named(tmp_path, layout, share):
    path, _ = LAYOUTS[layout](tmp_path, volume("uint16", (11, 30, 40)))
    bulk = max((p for p in tmp_path.iterdir() if p.is_file()), key=lambda p: p.stat().st_size)
    cut(bulk, share)
    with pytest.raises(InputError, match=bulk.name.replace(".", r"\.")):
        open_image(path, "xct", 1.0)


@pytest.mark.parametrize("layout", ["mhd", "nhdr", "vgi", "mhd compressed", "nhdr compressed"])
def test_a_missing_raw_file_is_named(tmp_path, layout):
    path, _ = LAYOUTS[layout](tmp_path, volume())
    (other,) = (p for p in tmp_path.iterdir() if p != path)
    other.unlink()
    for call in (probe_image, open_image):
        with pytest.raises(InputError, match=rf"{path.name}.*no file.*{other.name}"):
            call(path, "xct", 1.0)


@pytest.mark.parametrize("layout", ["mhd", "nhdr", "vgi"])
def test_a_raw_file_of_another_size_is_told_with_both_sizes(tmp_path, layout):
    path, _ = LAYOUTS[layout](tmp_path, volume())
    (other,) = (p for p in tmp_path.iterdir() if p != path)
    size = other.stat().st_size
    other.write_bytes(other.read_bytes() + b"more")
    with pytest.raises(InputError, match=rf"{other.name}: found {size + 4} bytes; allowed: {size} bytes"):
        probe_image(path, "xct", 1.0)


def test_pages_of_unequal_size_or_type_are_refused(tmp_path):
    for name, second in (("size", np.zeros((5, 6), np.uint8)), ("type", np.zeros((5, 7), np.uint16))):
        path = tmp_path / f"{name}.tif"
        with tifffile.TiffWriter(path) as writer:
            for page in (*np.zeros((4, 5, 7), np.uint8), second):
                writer.write(page, metadata=None)
        with pytest.raises(InputError, match=rf"{name}\.tif.*unequal size or type"):
            probe_image(path, "xct", 1.0)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize(
    ("shape", "dtype"), [((5, 6), "u1"), ((6, 7), "u1"), ((7, 5), "u1"), ((5, 7), "u2"), ((5, 7), "i1")]
)
def test_one_odd_page_in_the_middle_is_refused(tmp_path, compression, shape, dtype):
    """tifffile takes it to be like the first and the last."""
    path = tmp_path / "scan.tif"
    pages = [np.full((5, 7), k, np.uint8) for k in range(9)]
    pages[3] = np.full(shape, 9, dtype)
    with tifffile.TiffWriter(path) as writer:
        for page in pages:
            writer.write(page, metadata=None, compression=compression, photometric="minisblack")
    with pytest.raises(InputError, match=r"scan\.tif"):
        open_image(path, "xct", 1.0)


def test_a_corrupt_page_is_named_when_it_is_read(tmp_path):
    path = tmp_path / "scan.tif"
    tifffile.imwrite(path, volume("uint16", (6, 30, 40)), compression="zlib", photometric="minisblack")
    with tifffile.TiffFile(path) as tif:
        start, count = tif.pages[4].dataoffsets[0], tif.pages[4].databytecounts[0]
    content = bytearray(path.read_bytes())
    content[start + 20 : start + count] = bytes(count - 20)
    path.write_bytes(content)
    with open_volume(path, 1.0) as source:
        assert source.data[0:4, :, :].shape == (4, 30, 40)
        with pytest.raises(InputError, match=r"scan\.tif, page 4"):
            source.data[3:6, 0:3, 0:3]


@pytest.mark.parametrize("lost", ["whole", "part"])
def test_a_missing_part_of_an_ome_tiff_is_refused(tmp_path, lost):
    xml = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:1">'
        '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="7" SizeY="9" '
        'SizeZ="4" SizeC="1" SizeT="1"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>'
        '<TiffData FirstZ="0" IFD="0" PlaneCount="2"><UUID FileName="a.ome.tif">urn:uuid:1</UUID></TiffData>'
        '<TiffData FirstZ="2" IFD="0" PlaneCount="2"><UUID FileName="b.ome.tif">urn:uuid:2</UUID></TiffData>'
        "</Pixels></Image></OME>"
    )
    for name, uuid in (("a", "1"), ("b", "2")):
        text = xml.replace('UUID="urn:uuid:1">', f'UUID="urn:uuid:{uuid}">')
        data = volume()[: 1 if (name, lost) == ("b", "part") else 2]
        tifffile.imwrite(tmp_path / f"{name}.ome.tif", data, metadata=None, description=text.encode())
    if lost == "whole":
        (tmp_path / "b.ome.tif").unlink()
    with pytest.raises(InputError, match=r"a\.ome\.tif"):
        open_image(tmp_path / "a.ome.tif", "xct", 1.0)


# HDF5 and NeXus


def several(folder):
    path = folder / "scan.h5"
    with h5py.File(path, "w") as file:
        file["a/first"] = volume()
        file["b/second"] = volume()[::-1]
        file["b/complex"] = volume() * 1j
        file["line"] = np.arange(5)
    return path


def test_a_dataset_is_named_after_the_file(tmp_path):
    path = several(tmp_path)
    for name, data in (("a/first", volume()), ("b/second", volume()[::-1])):
        image = open_image(f"{path}:/{name}", "xct", 2.0)
        np.testing.assert_array_equal(image.data, data)
        assert image.meta["dataset"] == f"/{name}"
        assert input_files(f"{path}:/{name}", "xct") == (path,)


def test_without_a_name_the_candidates_are_listed(tmp_path):
    with pytest.raises(InputError, match="2 datasets") as caught:
        probe_image(several(tmp_path), "xct", 1.0)
    assert "/a/first (11, 9, 7) uint16, /b/second" in caught.value.allowed
    assert "complex" not in caught.value.allowed


@pytest.mark.parametrize(
    ("inside", "found"),
    [("/none", "/none"), ("/a", "a group"), ("/line", r"\(5,\)"), ("/b/complex", "complex")],
)
def test_a_dataset_that_is_missing_or_no_volume_is_told_with_the_candidates(tmp_path, inside, found):
    with pytest.raises(InputError, match=found) as caught:
        probe_image(f"{several(tmp_path)}:{inside}", "xct", 1.0)
    assert "/a/first" in caught.value.allowed


def test_a_missing_file_with_a_dataset_is_told_by_its_own_name(tmp_path):
    with pytest.raises(InputError, match=r"none\.h5: found no such file"):
        probe_image(f"{tmp_path}/none.h5:/a", "xct", 1.0)
    tifffile.imwrite(tmp_path / "a.tif", volume())
    with pytest.raises(InputError, match="no such file"):
        probe_image(f"{tmp_path}/a.tif:/a", "xct", 1.0)


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


def test_a_virtual_dataset_lists_its_files_and_misses_none(tmp_path):
    data = volume()
    layout = h5py.VirtualLayout(shape=data.shape, dtype=data.dtype)
    for k in range(2):
        with h5py.File(tmp_path / f"part{k}.h5", "w") as file:
            file["v"] = data[6 * k : 6 * k + 6]
        layout[6 * k : 6 * k + 6] = h5py.VirtualSource(
            f"part{k}.h5", "v", shape=data[6 * k : 6 * k + 6].shape
        )
    path = tmp_path / "all.h5"
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("v", layout)
    np.testing.assert_array_equal(open_image(path, "xct", 1.0).data, data)
    assert [p.name for p in input_files(path, "xct")] == ["all.h5", "part0.h5", "part1.h5"]
    (tmp_path / "part1.h5").unlink()
    for call in (probe_image, open_image):
        with pytest.raises(InputError, match=r"all\.h5.*part1\.h5"):
            call(path, "xct", 1.0)


def test_a_link_into_another_file_lists_both_and_needs_both(tmp_path):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["v"] = volume()
    path = tmp_path / "master.h5"
    with h5py.File(path, "w") as file:
        file["entry/data"] = h5py.ExternalLink("data.h5", "/v")
    inside = f"{path}:/entry/data"
    np.testing.assert_array_equal(open_image(inside, "xct", 1.0).data, volume())
    assert [p.name for p in input_files(inside, "xct")] == ["master.h5", "data.h5"]
    (tmp_path / "data.h5").unlink()
    with pytest.raises(InputError, match=r"master\.h5.*data\.h5"):
        probe_image(inside, "xct", 1.0)


def test_a_damaged_chunk_of_hdf5_is_told(tmp_path):
    path = tmp_path / "scan.h5"
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset(
            "v", data=volume(), chunks=(4, 9, 7), compression="gzip", fletcher32=True
        )
        place = dataset.id.get_chunk_info(2)
    content = bytearray(path.read_bytes())
    content[place.byte_offset + 5 : place.byte_offset + 25] = bytes(20)
    path.write_bytes(content)
    with open_volume(path, 1.0) as source:
        assert source.data[0:8, :, :].shape == (8, 9, 7)
        with pytest.raises(InputError, match=r"scan\.h5: found damaged data in slices 7 to 9"):
            source.data[7:10, :, :]


# OME-Zarr


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_a_damaged_chunk_of_ome_zarr_is_told(tmp_path, version):
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


# MetaImage, NRRD, NIfTI


@pytest.mark.parametrize(
    ("layout", "old", "new", "found"),
    [
        ("mhd", "DimSize = 7 9 11", "DimSize = 7 9", "DimSize"),
        ("mhd", "MET_USHORT", "MET_STRING", "MET_STRING"),
        ("mhd", "ElementType", "ElementNumberOfChannels = 3\nElementType", r"3 channel"),
        ("mhd", "BinaryData = True", "BinaryData = False", "text"),
        ("mhd", "ElementSpacing = 0.003", "ElementSpacing = -0.003", "ElementSpacing"),
        ("mhd", "1 0 0 0 1 0 0 0 1", "1 0 0 0.5 1 0 0 0 1", "right angles"),
        ("mhd", "ElementDataFile = scan.raw", "ElementDataFile = LIST", "LIST"),
        ("mhd", "ElementDataFile = scan.raw", "", "no entry ElementDataFile"),
        ("nhdr", "sizes: 7 9 11", "sizes: 7 9 x", "sizes"),
        ("nhdr", "dimension: 3", "dimension: 4", "4 dimensions"),
        ("nhdr", "unsigned short", "block", "block"),
        ("nhdr", "encoding: raw", "encoding: ascii", "ascii"),
        ("nhdr", "endian: little", "endian: middle", "endian"),
        ("nhdr", "(0,0.0040000000000000001,0)", "(0.003,0.004,0)", "right angles"),
        ("nhdr", "NRRD0004", "nothing", "begins with NRRD"),
    ],
)
def test_headers_that_cannot_be_used_are_told_with_the_entry(tmp_path, layout, old, new, found):
    path, _ = LAYOUTS[layout](tmp_path, volume())
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(InputError, match=found):
        probe_image(path, "xct", 1.0)


@pytest.mark.parametrize("suffix", [".mha", ".nrrd", ".nii"])
def test_one_millimetre_all_round_is_what_nobody_set(tmp_path, suffix):
    """Libraries write that spacing where they know none; a pixel size is never guessed."""
    import SimpleITK as sitk  # noqa: N813

    path = tmp_path / f"scan{suffix}"
    sitk.WriteImage(sitk.GetImageFromArray(volume()), str(path))
    assert probe_image(path, "xct").spacing_um is None
    with pytest.raises(InputError, match="no pixel size"):
        open_image(path, "xct")


def test_units_of_metaimage_and_nrrd(tmp_path):
    path, _ = itk(".mhd")(tmp_path, volume())
    path.write_text(path.read_text().replace("ObjectType", "DistanceUnits = um\nObjectType", 1))
    assert probe_image(path, "xct").spacing_um == pytest.approx((0.005, 0.004, 0.003))
    path, _ = itk(".nhdr")(tmp_path, volume())
    path.write_text(path.read_text().replace("kinds:", 'space units: "nm" "nm" "nm"\nkinds:'))
    assert probe_image(path, "xct").spacing_um == pytest.approx((5e-6, 4e-6, 3e-6))
    text = path.read_text().splitlines()
    kept = [line for line in text if not line.startswith("space")]
    path.write_text("\n".join([*kept, "spacings: 0.1 0.2 0.3", 'units: "um" "um" "um"']) + "\n")
    assert probe_image(path, "xct").spacing_um == pytest.approx((0.3, 0.2, 0.1))
    path.write_text(path.read_text() + "space: left-anterior-superior\n")
    assert probe_image(path, "xct").meta["slices_reversed"] is True


def test_a_nifti_header_without_unit_says_no_size_and_its_slope_is_applied(tmp_path):
    import nibabel

    image = nibabel.Nifti1Image(np.ascontiguousarray(volume().T), np.diag([3.0, 4.0, 5.0, 1.0]))
    image.header.set_slope_inter(0.5, -3.0)
    nibabel.save(image, tmp_path / "a.nii")
    assert probe_image(tmp_path / "a.nii", "xct").spacing_um is None
    read = open_image(tmp_path / "a.nii", "xct", 1.0)
    expected = np.asarray(nibabel.load(tmp_path / "a.nii").dataobj).T
    assert read.data.dtype == np.float32
    np.testing.assert_allclose(read.data, expected, rtol=1e-6)


def test_a_nifti_of_four_dimensions_is_no_tomogram(tmp_path):
    import nibabel

    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 5, 6, 2), np.uint8), np.eye(4)), tmp_path / "a.nii")
    with pytest.raises(InputError, match="three dimensions"):
        probe_image(tmp_path / "a.nii", "xct", 1.0)


@pytest.mark.parametrize("suffix", [".mha", ".nrrd", ".nii.gz"])
def test_a_broken_compressed_stream_is_told(tmp_path, suffix):
    writer = nifti(suffix) if suffix == ".nii.gz" else itk(suffix, True)
    path, _ = writer(tmp_path, volume("uint16", (11, 30, 40)))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = b"\xff" * 400
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"scan\{suffix}"):
        open_image(path, "xct", 1.0)


# raw with .vgi, Zeiss .txm


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
def test_a_vgi_that_cannot_be_used_is_told_with_the_entry(tmp_path, old, new, found):
    path, _ = vgi(tmp_path, volume())
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
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
    assert "{volume1}" in VGI.format(x=1, y=1, z=1, skip=0, name="a")


def test_projections_of_a_zeiss_microscope_are_refused_in_words(tmp_path):
    write_ole(tmp_path / "a.txrm", txm_streams(volume()))
    with pytest.raises(InputError, match=r"a\.txrm: found projections"):
        probe_image(tmp_path / "a.txrm", "xct")


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("ImageData1/Image5", None, "ImageData1/Image5.*nothing"),
        ("ImageData1/Image5", b"short", "ImageData1/Image5.*5 bytes"),
        ("ImageInfo/DataType", b"\x07\0\0\0", "DataType.*7"),
        ("ImageInfo/ImageWidth", None, "ImageWidth"),
        ("ImageInfo/ImageWidth", b"\x07", "ImageWidth"),
    ],
)
def test_a_txm_that_lacks_something_is_told_with_the_stream(tmp_path, name, content, found):
    streams = {**txm_streams(volume()), name: content}
    write_ole(tmp_path / "a.txm", {k: v for k, v in streams.items() if v is not None})
    with pytest.raises(InputError, match=rf"a\.txm.*{found}"):
        open_image(tmp_path / "a.txm", "xct")


def test_a_txm_without_pixel_size_needs_one(tmp_path):
    write_ole(tmp_path / "a.txm", txm_streams(volume(), 0.0))
    assert probe_image(tmp_path / "a.txm", "xct").spacing_um is None
    (tmp_path / "b.txm").write_bytes(b"no OLE")
    with pytest.raises(InputError, match=r"b\.txm.*OLE"):
        probe_image(tmp_path / "b.txm", "xct")


def test_no_room_to_unpack_is_told(tmp_path, monkeypatch):
    import tempfile

    path, _ = itk(".mha", True)(tmp_path, volume())
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: (tmp_path / "full").open("w+b", buffering=0))
    (tmp_path / "full").symlink_to("/dev/full")
    with pytest.raises(InputError, match=r"scan\.mha.*No space left.*TMPDIR"):
        open_image(path, "xct")


def test_nothing_is_left_behind(tmp_path, monkeypatch):
    """The unpacked copy of a compressed file goes when the volume is closed."""
    import tempfile

    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    path, _ = itk(".mha", True)(tmp_path, volume())
    with open_volume(path) as source:
        np.testing.assert_array_equal(source.data[whole(source.data.shape)], volume())
    assert list(scratch.iterdir()) == []
    shutil.rmtree(scratch)
