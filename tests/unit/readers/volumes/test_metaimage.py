from __future__ import annotations

import zlib

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given, settings
from hypothesis import strategies as st

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image
from tests.unit.readers.volumes.volume_files import FUZZ_EXAMPLES, opened_or_refused, replace_in, volume

DATA = volume()
RAW = DATA.astype("<u2").tobytes()


def mha(path, size, packed=False, start=None, file="LOCAL", content=None):
    """Write a MetaImage; `start` is where the voxels begin, counted from the file's start."""
    content = content or (zlib.compress(RAW) if packed else RAW)
    lines = [
        "ObjectType = Image",
        "NDims = 3",
        "BinaryData = True",
        "DimSize = 7 9 11",
        f"HeaderSize = {size}",
    ]
    lines += [f"CompressedData = {packed}", f"CompressedDataSize = {len(content)}"] if packed else []
    lines += ["ElementSpacing = 0.003 0.004 0.005", "ElementType = MET_USHORT", f"ElementDataFile = {file}\n"]
    header = "\n".join(lines).encode()
    gap = b"\xff" * (0 if start is None else start - len(header))
    path.write_bytes(header + (gap + content if file == "LOCAL" else b""))
    return path


@pytest.mark.parametrize(
    ("size", "packed", "start"),
    [("0", False, None), ("400", False, 400), ("400", True, 400), ("-1", False, None), ("-1", False, 400)],
)
def test_header_size_of_metaimage_means_what_simpleitk_takes_it_for(tmp_path, size, packed, start):
    path = mha(tmp_path / "a.mha", size, packed, start)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path))), DATA)
    np.testing.assert_array_equal(open_image(path, "xct").data, DATA)


def test_header_size_of_a_separate_file(tmp_path):
    (tmp_path / "a.raw").write_bytes(b"12345" + RAW)
    path = mha(tmp_path / "a.mhd", "5", file="a.raw")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path))), DATA)
    np.testing.assert_array_equal(open_image(path, "xct").data, DATA)


@pytest.mark.parametrize(
    ("size", "packed"),
    [*((size, False) for size in ("nan", "inf", "-inf", "10", "-2", "400.5")), ("-1", True)],
)
def test_a_header_size_that_cannot_be_is_refused(tmp_path, size, packed):
    path = mha(tmp_path / "a.mha", size, packed, 400)
    for call in (probe_image, open_image):
        with pytest.raises(InputError, match="entry 'HeaderSize'"):
            call(path, "xct")


def test_the_end_of_a_file_that_was_cut_is_no_header(tmp_path):
    path = mha(tmp_path / "a.mha", "-1", content=RAW[:-3])
    with pytest.raises(InputError, match=r"a\.mha.*bytes"):
        probe_image(path, "xct")


def detached(folder):
    (folder / "a.raw").write_bytes(RAW)
    return mha(folder / "a.mhd", "0", file="a.raw")


def test_a_size_that_is_no_distance_is_told(tmp_path):
    path = detached(tmp_path)
    replace_in(path, "ElementSpacing", "ElementSize = 0.003 0.004 0.01\nElementSpacing")
    info = probe_image(path, "xct")
    assert info.spacing_um == pytest.approx((5.0, 4.0, 3.0))
    (warning,) = info.warnings
    assert "ElementSize 0.003 0.004 0.01" in warning.found
    replace_in(path, "ElementSpacing = 0.003 0.004 0.005\n", "")
    info = probe_image(path, "xct")
    assert (info.spacing_um, info.warnings) == (pytest.approx((10.0, 4.0, 3.0)), ())


def test_micrometres_without_a_unit_are_refused_with_the_remedy(tmp_path):
    path = detached(tmp_path)
    replace_in(path, "0.003 0.004 0.005", "3 4 5")
    with pytest.raises(InputError, match=r"entry 'ElementSpacing'.*'DistanceUnits'.*5000, 4000, 3000 um"):
        probe_image(path, "xct")


def test_the_function_from_elements_to_intensities_is_applied(tmp_path):
    path = detached(tmp_path)
    function = "ElementToIntensityFunctionSlope = -2\nElementToIntensityFunctionOffset = 3\nElementType"
    replace_in(path, "ElementType", function)
    image = open_image(path, "xct")
    np.testing.assert_array_equal(image.data, 3 - 2 * DATA.astype("float32"))
    assert image.data.dtype == np.float32


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("NDims = 3", "NDims = 2", "entry 'NDims'"),
        ("DimSize = 7 9 11", "DimSize = 7 9 11\nDimSize = 7 9 10", "entry 'DimSize'.*each entry once"),
        ("DimSize = 7 9 11", "DimSize = 7 9 10", r"1386 bytes; allowed: 1260 bytes"),
        ("DimSize = 7 9 11", "DimSize = 1e300 1e300 1e300", "bytes"),
        ("ElementSpacing = 0.003 0.004 0.005", "ElementSpacing = 0.003 0.004", "entry 'ElementSpacing'"),
        ("ElementType", "ElementToIntensityFunctionSlope = 0\nElementType", "IntensityFunctionSlope"),
        ("ElementType", "ElementToIntensityFunctionSlope = nan\nElementType", "IntensityFunctionSlope"),
    ],
)
def test_entries_that_do_not_fit_together_are_refused(tmp_path, old, new, found):
    path = detached(tmp_path)
    replace_in(path, old, new)
    with pytest.raises(InputError, match=rf"a\.(mhd|raw).*{found}"):
        probe_image(path, "xct")


KEYS = st.sampled_from(
    [
        "NDims",
        "DimSize",
        "HeaderSize",
        "CompressedData",
        "ElementSpacing",
        "ElementSize",
        "ElementType",
        "TransformMatrix",
        "DistanceUnits",
        "BinaryData",
        "ElementByteOrderMSB",
        "ElementNumberOfChannels",
        "ElementToIntensityFunctionSlope",
        "ElementToIntensityFunctionOffset",
    ]
)
VALUES = st.one_of(
    st.sampled_from(
        ["3", "7 9 11", "0", "-1", "400", "True", "nan", "inf inf inf", "1e400", "MET_USHORT", "um"]
    ),
    st.sampled_from(["1 0 0 0 1 0 0 0 1", "0 0 0 0 0 0 0 0 0", "0.003 0.004 0.005", "1 1 1e300", "-2"]),
    st.text(max_size=12),
)


@settings(max_examples=FUZZ_EXAMPLES, deadline=None)
@given(
    lines=st.lists(st.tuples(KEYS, VALUES), max_size=8), start=st.integers(0, 2), tail=st.binary(max_size=40)
)
def test_nothing_but_input_errors_comes_out_of_any_header(tmp_path_factory, lines, start, tail):
    fixed = [("BinaryData", "True"), ("DimSize", "7 9 11"), ("ElementType", "MET_USHORT")][start:]
    entries = {**dict(lines), **dict(fixed)} if start else [*fixed, *lines]
    pairs = entries.items() if isinstance(entries, dict) else entries
    text = "".join(f"{key} = {value}\n" for key, value in pairs) + "ElementDataFile = LOCAL\n"
    path = tmp_path_factory.getbasetemp() / "fuzz.mha"
    path.write_bytes(text.encode("utf-8", "replace") + RAW + tail)
    opened_or_refused(path)
