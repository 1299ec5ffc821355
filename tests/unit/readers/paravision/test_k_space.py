from __future__ import annotations

import numpy as np
import pytest

from spallmap.readers import input_files, open_image, probe_image
from tests.unit.readers.paravision.raw_scan import (
    N_ECHOES,
    N_PHASE,
    N_READ,
    N_REPETITIONS,
    N_SLICES,
    random_images,
    write_raw,
)


def sorted_entries(images: np.ndarray) -> np.ndarray:
    """The images with echoes and their repetitions along one axis, in order of echo time."""
    return images.swapaxes(0, 1).reshape(-1, *images.shape[2:])


@pytest.mark.parametrize(
    "layout",
    [
        {},
        {"block": "continuous"},
        {"word": "i4", "order": ">"},
        {"word": "i2"},
        {"name": "ser"},
        {"name": "rawdata.job0", "word": "i4"},
        {"conjugated": False},
        {"skip": ("PVM_EncSteps1",)},
    ],
    ids=str,
)
def test_images_return_from_the_scans(tmp_path, layout):
    rng = np.random.default_rng(7)
    images = random_images(rng) / (100 if layout.get("word") == "i2" else 1)
    raw = write_raw(tmp_path / "8", images, rng, **layout)
    image = open_image(raw, "mri")
    assert image.axes == ("echo", "z", "y", "x")
    assert image.data.dtype == np.complex64
    assert image.meta["te_ms"] == (4.0, 4.0, 8.0, 8.0)
    assert (image.meta["magnitude"], image.meta["train"]) == (False, "cpmg")
    assert (image.meta["repetitions"], image.meta["nucleus"]) == (2, "23Na")
    assert image.spacing_um == pytest.approx((500, 1000, 2000))
    rounding = 1e-3 if layout.get("word", "f4") == "f4" else 1.0
    # The image's phase contains where the first sample lies in k-space, which no magnitude shows.
    np.testing.assert_allclose(np.abs(image.data), np.abs(sorted_entries(images)), atol=rounding)
    if layout.get("conjugated", True):
        np.testing.assert_allclose(image.data, sorted_entries(images), atol=rounding)
    info = probe_image(raw, "mri")
    assert (info.shape, info.dtype, info.meta) == (
        image.data.shape,
        "complex64",
        {k: v for k, v in image.meta.items() if k != "format"},
    )
    assert [p.name for p in input_files(raw, "mri")][:3] == [raw.name, "acqp", "method"]


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("slice_step_mm", [0.5, -0.5])
def test_own_frame_is_right_handed(tmp_path, transposed, slice_step_mm):
    """Slices run along own x cross own y; exchanging rows and columns reverses their order."""
    rng = np.random.default_rng(8)
    images = random_images(rng)
    raw = write_raw(tmp_path / "8", images, rng, transposed=transposed, slice_step_mm=slice_step_mm)
    image = open_image(raw, "mri")
    expected = sorted_entries(images)
    reverse = transposed != (slice_step_mm < 0)
    assert image.meta["slices_reversed"] is reverse
    expected = expected[:, ::-1] if reverse else expected
    expected = expected.swapaxes(-1, -2) if transposed else expected
    np.testing.assert_allclose(image.data, expected, atol=1e-3)
    assert image.spacing_um == pytest.approx((500, 2000, 1000) if transposed else (500, 1000, 2000))


def test_another_library_orders_k_space_alike(tmp_path):
    from brukerapi.dataset import Dataset

    from spallmap.readers.paravision.acquisition import read_acquisition
    from spallmap.readers.paravision.k_space import to_k_space

    rng = np.random.default_rng(9)
    acqp = {"PULPROG": "( 16 )\n<MSME.ppg>", "ACQ_sw_version": "( 16 )\n<PV 6.0.1>"}
    method = {"PVM_DigNp": f"{N_READ}"}
    raw = write_raw(tmp_path / "8", random_images(rng), rng, acqp=acqp, method=method)
    theirs = Dataset(raw).data.squeeze()  # read, phase, object, repetition
    stored = np.fromfile(raw, "<f4").reshape(-1, 256)[:, : 2 * N_READ]
    ours = to_k_space((stored[:, 0::2] + 1j * stored[:, 1::2]).astype(np.complex64), read_acquisition(raw))
    ours = ours.reshape(N_REPETITIONS, N_ECHOES, N_SLICES, N_PHASE, N_READ)
    theirs = theirs.reshape(N_READ, N_PHASE, N_SLICES, N_ECHOES, N_REPETITIONS)
    np.testing.assert_array_equal(ours, theirs.transpose(4, 3, 2, 1, 0))
