from __future__ import annotations

import itertools

import numpy as np
import pytest

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image
from tests.unit.readers.dicom.dicom_writer import AXIAL, TE_MS, images, write_slice


def test_repetitions_are_further_samples(tmp_path):
    stored = images(6, 2, 3)
    for n, (repetition, e) in enumerate(itertools.product(range(2), range(3))):
        write_slice(
            tmp_path / f"{5 - n}", stored[repetition, e], TE_MS[e], TemporalPositionIdentifier=repetition + 1
        )
    image = open_image(tmp_path, "mri")
    assert image.meta["te_ms"] == TE_MS * 2
    assert image.meta["repetitions"] == 2
    np.testing.assert_array_equal(image.data, stored.reshape(6, 5, 4))


@pytest.mark.parametrize(
    ("absent", "found"),
    [
        ({(1, 2)}, r"echo 6\.5 ms, slice 3 at 1 mm"),
        ({(e, 1) for e in range(3)}, r"no slice at 0\.5 mm"),
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
