from __future__ import annotations

import numpy as np
import pytest
import tifffile

from spallmap.errors import InputError
from spallmap.readers import open_image, open_volume, probe_image
from tests.unit.readers.volumes.volume_files import volume

RAW = np.random.default_rng(2).integers(200, 60000, (5, 20, 30)).astype(np.uint16)


def imagej(*lines: str) -> str:
    return "\n".join(("ImageJ=1.53t", *lines)) + "\n"


def pages(path, stack, descriptions, **options):
    """One page for each plane, with its own description."""
    with tifffile.TiffWriter(path) as writer:
        for plane, text in zip(stack, descriptions, strict=True):
            writer.write(plane, metadata=None, description=text, photometric="minisblack", **options)


def folder_of(path, stack, descriptions, **options):
    path.mkdir()
    for number, (plane, text) in enumerate(zip(stack, descriptions, strict=True)):
        tifffile.imwrite(path / f"s{number}.tif", plane, metadata=None, description=text, **options)


CASES = [
    (("cf=0", "c0=-32768.0", "c1=1.0"), RAW.astype(np.int32) - 32768, "int16"),
    (("cf=0", "c0=-1.5", "c1=0.25", "vunit=1/cm"), -1.5 + 0.25 * RAW, "float32"),
    (("cf=0", "c0=0.0", "c1=1.0"), RAW, "uint16"),
    (("cf=20",), RAW, "uint16"),
    ((), RAW, "uint16"),
]


@pytest.mark.parametrize(("lines", "values", "dtype"), CASES)
def test_imagej_calibration_of_tomograms(tmp_path, lines, values, dtype):
    """As a stack, as slices, as one header with all slices behind it, and compressed."""
    text = imagej("images=5", "slices=5", *lines)
    one = imagej(*lines)
    tifffile.imwrite(tmp_path / "stack.tif", RAW, metadata=None, description=text)
    pages(tmp_path / "packed.tif", RAW, [text, *[None] * 4], compression="zlib", rowsperstrip=7)
    tifffile.imwrite(tmp_path / "big.tif", RAW[0], metadata=None, description=text, byteorder=">")
    with tifffile.TiffFile(tmp_path / "big.tif") as tif:
        offset = tif.pages[0].dataoffsets[0]
    content = (tmp_path / "big.tif").read_bytes()[:offset]
    (tmp_path / "big.tif").write_bytes(content + RAW.astype(">u2").tobytes())
    folder_of(tmp_path / "slices", RAW, [one] * 5)
    for name in ("stack.tif", "packed.tif", "big.tif", "slices"):
        path = tmp_path / name
        info = probe_image(path, "xct")
        assert (info.dtype, info.warnings) == (dtype, ())
        image = open_image(path, "xct", 1.0)
        assert image.data.dtype == dtype
        np.testing.assert_allclose(image.data, values, rtol=1e-6)
        with open_volume(path, 1.0) as source:
            part = source.data[1:4, 3:15, 2:9]
        assert part.dtype == dtype
        np.testing.assert_allclose(part, values[1:4, 3:15, 2:9], rtol=1e-6)


def test_imagej_calibration_of_sections_echoes_and_maps(tmp_path):
    text = imagej("cf=0", "c0=-32768.0", "c1=1.0")
    signed = RAW[0].astype(np.int32) - 32768
    tifffile.imwrite(tmp_path / "a.tif", RAW[0], metadata=None, description=text)
    image = open_image(tmp_path / "a.tif", "sem", 1.0)
    assert image.data.dtype == np.int16
    np.testing.assert_array_equal(image.data, signed)
    (tmp_path / "mri").mkdir()
    for echo in range(3):
        tifffile.imwrite(tmp_path / "mri" / f"e{echo}.tif", RAW[echo], metadata=None, description=text)
    (tmp_path / "mri" / "echo_times_ms.txt").write_text("2 6 10")
    np.testing.assert_array_equal(open_image(tmp_path / "mri", "mri", 50.0).data[0], signed)
    (tmp_path / "edx").mkdir()
    counts = np.random.default_rng(1).poisson(4, (20, 30))
    tifffile.imwrite(
        tmp_path / "edx" / "Na.tif", (counts + 32768).astype(np.uint16), metadata=None, description=text
    )
    np.testing.assert_array_equal(open_image(tmp_path / "edx", "edx", 1.0).data[0], counts)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (("cf=1", "c0=1", "c1=2", "c2=3"), "polynomial"),
        (("cf=7", "c0=1", "c1=2", "c2=3", "c3=4"), "Rodbard"),
        (("cf=21",), "optical density"),
        (("cf=99",), "unknown function"),
        (("cf=x",), "cf=x"),
        (("cf=0",), "c0"),
        (("cf=0", "c0=1"), "c1"),
        (("cf=0", "c0=1", "c1=0"), "slope of 0"),
        (("cf=0", "c0=1", "c1=nan"), "c1"),
        (("cf=0", "c0=1", "c1=1,5"), "c1"),
        (("cf=0", "c0=1", "c1=1e300"), "slope"),
        (("cf=0", "c0=1e30", "c1=1"), "slope"),
    ],
)
def test_other_calibrations_are_refused(tmp_path, lines, words):
    tifffile.imwrite(
        tmp_path / "a.tif", RAW, metadata=None, description=imagej("images=5", "slices=5", *lines)
    )
    for modality in ("xct", "sem"):
        with pytest.raises(InputError, match=rf"a\.tif.*ImageDescription.*{words}|a\.tif.*{words}"):
            probe_image(tmp_path / "a.tif", modality)


SCALES = [(0.35 + 0.01 * k, 3.3e-5 * (1 + 0.2 * k)) for k in range(5)]


@pytest.mark.parametrize(
    "spelling",
    [
        "offset = {0:.5E}slope = {1:.5E}",
        "offset = {0} \n slope = {1}",
        "Slope: {1}; Intercept: {0}",
        '{{"slope": {1}, "offset": {0}}}',
        "RescaleSlope={1} RescaleIntercept={0}",
        "rescale_slope = {1}, rescale_intercept = {0}",
        "scl_slope={1}\nscl_inter={0}",
    ],
)
def test_each_slice_with_its_own_scale(tmp_path, spelling):
    texts = [spelling.format(*scale) for scale in SCALES]
    values = np.stack([offset + slope * plane for (offset, slope), plane in zip(SCALES, RAW, strict=True)])
    folder_of(tmp_path / "slices", RAW, texts)
    pages(tmp_path / "stack.tif", RAW, texts)
    pages(tmp_path / "packed.tif", RAW, texts, compression="zlib")
    for name in ("slices", "stack.tif", "packed.tif"):
        image = open_image(tmp_path / name, "xct", 1.0)
        assert image.data.dtype == np.float32
        np.testing.assert_allclose(image.data, values, rtol=2e-5)
        with open_volume(tmp_path / name, 1.0) as source:
            np.testing.assert_allclose(source.data[2:4, 3:5, 6:9], values[2:4, 3:5, 6:9], rtol=2e-5)


@pytest.mark.parametrize("kind", ["slices", "stack.tif"])
@pytest.mark.parametrize("lacking", [0, 2, 4])
def test_some_slices_with_a_scale_and_others_without_are_refused(tmp_path, kind, lacking):
    texts = [f"offset = {offset}\nslope = {slope}" for offset, slope in SCALES]
    texts[lacking] = "no scale here"
    (folder_of if kind == "slices" else pages)(tmp_path / kind, RAW, texts)
    with pytest.raises(InputError, match="slices lack"):
        probe_image(tmp_path / kind, "xct")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("slope = 2", "without an offset"),
        ("slope = two, offset = 1", "'two,'"),
        ("slope = 3,3E-05; offset = 0,35", "slope"),
        ("slope = 2 slope = 3 offset = 1", "two of slope"),
        ("slope = 0 offset = 1", "slope of 0"),
        ("slope = nan offset = 1", "nan"),
    ],
)
def test_a_scale_that_cannot_be_read_is_refused(tmp_path, text, words):
    folder_of(tmp_path / "slices", RAW, [text] * 5)
    with pytest.raises(InputError, match=rf"s0\.tif.*{words}"):
        probe_image(tmp_path / "slices", "xct")


def test_texts_that_name_no_scale_change_nothing(tmp_path):
    texts = ["offset = 12", "downslope=3", "SlopeCorrected yes", "min=0 max=65535", "a picture of a slope"]
    folder_of(tmp_path / "slices", RAW, texts)
    image = open_image(tmp_path / "slices", "xct", 1.0)
    np.testing.assert_array_equal(image.data, RAW)
    assert image.warnings == ()


def test_slices_that_name_a_range_each_are_reported(tmp_path):
    folder_of(tmp_path / "slices", RAW, [f"min = -0.0{k}1, max = 0.{k}7" for k in range(5)])
    (warning,) = probe_image(tmp_path / "slices", "xct").warnings
    assert "scaled one by one" in warning.advice


def test_floats_with_a_scale_are_taken_as_scaled(tmp_path):
    stack = RAW.astype(np.float32)
    folder_of(tmp_path / "slices", stack, ["offset = 1 slope = 2"] * 5)
    image = open_image(tmp_path / "slices", "xct", 1.0)
    np.testing.assert_array_equal(image.data, stack)
    assert "floating-point" in image.warnings[0].found


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "uint32"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_white_as_zero_is_inverted(tmp_path, dtype, compression):
    stack = volume(dtype, (4, 20, 30))
    low, high = (int(getattr(np.iinfo(dtype), end)) for end in ("min", "max"))
    values = (low + high) - stack.astype(np.int64)
    options = {"photometric": "miniswhite", "compression": compression, "metadata": None}
    tifffile.imwrite(tmp_path / "stack.tif", stack, **options)
    (tmp_path / "slices").mkdir()
    for number, plane in enumerate(stack):
        tifffile.imwrite(tmp_path / "slices" / f"{number}.tif", plane, **options)
    for name in ("stack.tif", "slices"):
        image = open_image(tmp_path / name, "xct", 1.0)
        assert image.data.dtype == dtype
        np.testing.assert_array_equal(image.data, values)
    np.testing.assert_array_equal(open_image(tmp_path / "slices" / "1.tif", "sem", 1.0).data, values[1])


def test_white_as_zero_of_floats_is_reported_and_left(tmp_path):
    data = RAW[0].astype(np.float32)
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="miniswhite")
    image = open_image(tmp_path / "a.tif", "sem", 1.0)
    np.testing.assert_array_equal(image.data, data)
    assert "PhotometricInterpretation 0" in image.warnings[0].found


def test_slices_some_of_which_have_white_as_zero(tmp_path):
    for number, plane in enumerate(RAW):
        stored, kind = (65535 - plane, "miniswhite") if number == 2 else (plane, "minisblack")
        tifffile.imwrite(tmp_path / f"{number}.tif", stored, photometric=kind)
    np.testing.assert_array_equal(open_image(tmp_path, "xct", 1.0).data, RAW)


def test_samples_of_a_few_bits(tmp_path):
    rng = np.random.default_rng(7)
    for bits in (1, 2, 4, 10, 12):
        stored = rng.integers(0, 1 << bits, (20, 32)).astype(np.uint8 if bits < 9 else np.uint16)
        for photometric in ("minisblack", "miniswhite"):
            path = tmp_path / f"{bits}-{photometric}.tif"
            tifffile.imwrite(path, stored, bitspersample=bits, photometric=photometric, metadata=None)
            image = open_image(path, "sem", 1.0)
            assert image.data.dtype == stored.dtype
            wanted = stored if photometric == "minisblack" else (1 << bits) - 1 - stored
            np.testing.assert_array_equal(image.data, wanted)


def test_half_floats_are_read_in_single_precision(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.full((3, 20, 30), 1.5, np.float16), photometric="minisblack")
    image = open_image(tmp_path / "a.tif", "xct", 1.0)
    assert image.data.dtype == np.float32
    assert np.all(image.data == 1.5)


def test_complex_samples_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((3, 20, 30), np.complex64), photometric="minisblack")
    for modality in ("xct", "sem"):
        with pytest.raises(InputError, match="complex64"):
            probe_image(tmp_path / "a.tif", modality)


def palette(table) -> np.ndarray:
    return np.asarray(table, np.uint16)


RAMP = np.arange(256) * 257


@pytest.mark.parametrize("modality", ["sem", "xct"])
def test_grey_palettes(tmp_path, modality):
    data = np.random.default_rng(3).integers(0, 255, (3, 40, 50)).astype(np.uint8)
    stored = data if modality == "xct" else data[0]
    marked = np.stack([RAMP, RAMP, RAMP])
    marked[:, 9:243:9] = np.array([[65535], [0], [128]])
    for name, table, values in (
        ("ramp", np.stack([RAMP] * 3), stored),
        ("by 256", np.stack([RAMP // 257 * 256] * 3), stored),
        ("inverted", np.stack([RAMP[::-1]] * 3), 255 - stored),
        ("marked", marked, stored),
    ):
        path = tmp_path / f"{name}.tif"
        tifffile.imwrite(path, stored, photometric="palette", colormap=palette(table))
        image = open_image(path, modality, 1.0)
        assert image.data.dtype == np.uint8
        np.testing.assert_array_equal(image.data, values)
    fire = np.stack([RAMP, RAMP**2 // 65535, RAMP // 3])
    tifffile.imwrite(tmp_path / "fire.tif", stored, photometric="palette", colormap=palette(fire))
    with pytest.raises(InputError, match=r"fire\.tif.*ColorMap.*colours"):
        probe_image(tmp_path / "fire.tif", modality)


def test_an_orientation_is_reported(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", RAW[0], extratags=[(274, "H", 1, 4, True)], metadata=None)
    (warning,) = probe_image(tmp_path / "a.tif", "sem").warnings
    assert "Orientation 4" in warning.found


@pytest.mark.parametrize("photometric", ["cfa", "separated", "cielab", "logl"])
def test_pictures_without_a_grey_value_are_refused(tmp_path, photometric):
    colours = {"separated": 4, "cielab": 3}.get(photometric)
    data = np.zeros((20, 30) if colours is None else (20, 30, colours), np.uint8)
    kind = "minisblack" if colours is None else "rgb"
    tifffile.imwrite(tmp_path / "a.tif", data, photometric=kind, metadata=None)
    code = {"cfa": 32803, "separated": 5, "cielab": 8, "logl": 32844}[photometric]
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+b") as tif:
        tif.pages[0].tags["PhotometricInterpretation"].overwrite(code)
    with pytest.raises(InputError, match=r"a\.tif.*(PhotometricInterpretation|axes)"):
        probe_image(tmp_path / "a.tif", "sem")
