from __future__ import annotations

import itertools

import numpy as np
import pydicom
import pytest
from pydicom.uid import JPEGLSLossless, RLELossless

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image
from tests.unit.readers.dicom_writer import AXIAL, TE_MS, images, write_multiframe, write_slice


@pytest.mark.parametrize(
    ("absent", "found"),
    [
        ({(1, 2)}, r"echo 6\.5 ms, slice 3 at 1 mm"),
        ({(e, 1) for e in range(3)}, r"no slice at 0\.5 mm"),
        ({(1, z) for z in range(4)}, r"echo number 2"),
    ],
)
def test_what_is_missing_is_named(tmp_path, absent, found):
    for e, z in itertools.product(range(3), range(4)):
        if (e, z) not in absent:
            write_slice(tmp_path / f"{e}{z}", images(e), TE_MS[e], (0, 0, 0.5 * z), EchoNumbers=e + 1)
    with pytest.raises(InputError, match=found):
        probe_image(tmp_path, "mri")


def test_missing_repetition_is_named(tmp_path):
    for n, e in enumerate((0, 1, 2, 0, 2)):
        write_slice(tmp_path / f"{n}", images(n), TE_MS[e])
    with pytest.raises(InputError, match=r"echo 6\.5 ms \(1 of 2 repetitions\)"):
        probe_image(tmp_path, "mri")


def test_images_that_do_not_belong_together_are_refused(tmp_path):
    write_slice(tmp_path / "a", images(0), 2.0)
    for stored, said, found in {
        "size": (np.zeros((5, 6), np.uint16), {}, "5x6"),
        "pixel": (images(1), {"PixelSpacing": [0.2, 0.2]}, "pixel size"),
        "direction": (images(1), {"axes": AXIAL[:, [1, 2, 0]]}, "direction"),
        "scaling": (images(1), {"RescaleSlope": 2.0}, "the same for all"),
        "shift": (images(1), {"position": (0.3, 0.0, 1.0), "te_ms": 2.0}, "shifted"),
        "position": (images(1), {"skip": ("ImagePositionPatient",), "te_ms": 2.0}, "without a position"),
    }.values():
        write_slice(tmp_path / "b", stored, **{"te_ms": 6.5, **said})
        with pytest.raises(InputError, match=found):
            probe_image(tmp_path, "mri")


def test_the_same_image_twice_is_no_repetition(tmp_path):
    ds = write_slice(tmp_path / "a", images(0))
    ds.save_as(tmp_path / "copy of a", enforce_file_format=True)
    with pytest.raises(InputError, match=r"twice.*copy of a"):
        probe_image(tmp_path, "mri")


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"te_ms": None}, "no echo time"),
        ({"te_ms": 0.0065}, "seconds"),
        ({"RescaleSlope": 0.0}, "slope 0"),
        ({"Modality": "CT"}, "modality CT"),
        ({"SamplesPerPixel": 3}, "3 samples"),
        ({"PixelSpacing": [0.1, 0.2, 0.3]}, "2 finite numbers"),
    ],
)
def test_headers_that_cannot_be_used(tmp_path, said, found):
    write_slice(tmp_path / "a", images(0), **said)
    with pytest.raises(InputError, match=found):
        probe_image(tmp_path, "mri")


def test_pixel_size_that_no_header_says(tmp_path):
    stored = images(0)
    write_slice(tmp_path / "a", stored, skip=("PixelSpacing",))
    with pytest.raises(InputError, match="pixel size"):
        open_image(tmp_path, "mri")
    assert open_image(tmp_path, "mri", 25.0).spacing_um == (25.0, 25.0)


def test_damaged_files_are_refused(tmp_path):
    write_slice(tmp_path / "good", np.zeros((40, 40), np.uint16))
    content = (tmp_path / "good").read_bytes()
    for name, damaged in {
        "cut": content[:-1000],
        "stump": content[:200],
        "text.dcm": b"no DICOM at all",
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.dcm").write_bytes(damaged)
        for call in (probe_image, open_image):
            with pytest.raises(InputError, match=r"a\.dcm"):
                call(tmp_path / name, "mri")
    frames = [{"te_ms": te, "position": (0, 0, 0)} for te in TE_MS]
    write_multiframe(tmp_path / "frames" / "a", frames, images(0, 4), NumberOfFrames=4)
    with pytest.raises(InputError, match="3 frames"):
        probe_image(tmp_path / "frames", "mri")


def test_a_file_cut_anywhere_is_refused(tmp_path):
    frames = [{"te_ms": te, "position": (0, 0, 0)} for te in TE_MS]
    write_multiframe(tmp_path / "a.dcm", frames, images(0, 3))
    content = (tmp_path / "a.dcm").read_bytes()
    for length in range(0, len(content), 11):
        (tmp_path / "a.dcm").write_bytes(content[:length])
        with pytest.raises(InputError, match=r"a\.dcm"):
            open_image(tmp_path / "a.dcm", "mri")


def test_damaged_values_in_a_header(tmp_path):
    write_slice(tmp_path / "a", images(0), 6.5)
    content = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(content.replace(b"6.5 ", b"6,5 "))
    with pytest.raises(InputError, match="a damaged DICOM"):
        probe_image(tmp_path / "a", "mri")


def test_compressed_pixels(tmp_path):
    """Run lengths are read; a syntax that nothing here decodes is refused before any pixel is read."""
    stored = images(8)
    ds = write_slice(tmp_path / "rle" / "a", stored)
    ds.compress(RLELossless, generate_instance_uid=False)
    ds.save_as(tmp_path / "rle" / "a", enforce_file_format=True)
    np.testing.assert_array_equal(open_image(tmp_path / "rle", "mri").data[0], stored)
    write_slice(tmp_path / "lossy", stored, LossyImageCompression="01")
    with pytest.raises(InputError, match="with loss"):
        probe_image(tmp_path / "lossy", "mri")
    ds = write_slice(tmp_path / "jls" / "a", stored)
    ds.PixelData = pydicom.encaps.encapsulate([b"\xff\xd8\xff\xf7"])
    ds["PixelData"].VR = "OB"
    ds.file_meta.TransferSyntaxUID = JPEGLSLossless
    ds.save_as(tmp_path / "jls" / "a", enforce_file_format=True)
    with pytest.raises(InputError, match="JPEG-LS"):
        probe_image(tmp_path / "jls", "mri")


def test_gradient_echoes_are_refused(tmp_path):
    for number, te_ms in enumerate(TE_MS):
        path = tmp_path / f"{number}.dcm"
        write_slice(path, images(1, 4, 5), te_ms=te_ms)
        header = pydicom.dcmread(path)
        header.ScanningSequence = ["GR"]
        header.save_as(path)
    with pytest.raises(InputError, match=r"gradient echoes.*spin echoes"):
        probe_image(tmp_path, "mri")
