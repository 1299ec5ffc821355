from __future__ import annotations

import numpy as np
import pytest

from spallmap.errors import InputError
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


@pytest.mark.parametrize("word", ["i2", "i4"])
def test_signals_that_the_receiver_cut_off_mark_their_images(tmp_path, word):
    """Every pixel of such an image is wrong; images whose echoes stayed below the end are not."""
    rng = np.random.default_rng(20)
    images = random_images(rng)
    images[:, 1] *= 0.2
    raw = write_raw(tmp_path / "8", images * {"i2": 0.3, "i4": 1e4}[word], rng, word=word)
    assert open_image(raw, "mri").clipped is None
    words = np.fromfile(raw, f"<{word}")
    # the echoes of a slice are acquired one after another: every second scan is a first echo
    scans = words.reshape(N_REPETITIONS * N_PHASE, N_SLICES * N_ECHOES, -1)
    end = int(np.percentile(np.abs(scans[:, 0::2, : 2 * N_READ]), 80))
    factor = np.iinfo(word).max / end
    scaled = np.clip(np.rint(scans * factor), np.iinfo(word).min, np.iinfo(word).max)
    raw.write_bytes(scaled.astype(f"<{word}").tobytes())
    image = open_image(raw, "mri")
    assert image.clipped is not None
    first = np.arange(len(image.data)) < N_REPETITIONS
    assert image.clipped[first].all()
    assert not image.clipped[~first].any()
    assert ["the receiver cut off" in w.found for w in image.warnings] == [True]


@pytest.mark.parametrize(
    ("acqp", "method", "words"),
    [
        ({"NR": "0"}, {}, "NR = 0"),
        ({"NR": "-2"}, {}, "NR = -2"),
        ({"NR": "1000000000000"}, {}, "NR = 1000000000000"),
        (
            {"NI": "1000000000000", "NSLICES": "1000000000000", "ACQ_n_echo_images": "1"},
            {},
            "NI = 1000000000000",
        ),
        ({"ACQ_fov": "( 2 )\n0 1"}, {}, "ACQ_fov"),
        ({"ACQ_fov": "( 2 )\n-1 1"}, {}, "ACQ_fov"),
        ({"ACQ_grad_matrix": "( 3, 3, 3 )\n@27*(0)"}, {}, "unit vectors"),
        ({"ACQ_obj_order": "( 6 )\n@1000000000*(1)"}, {}, "more than 1048576 values"),
        (
            {},
            {"PVM_EncMatrix": "( 2 )\n12 1000000000", "PVM_Matrix": "( 2 )\n12 1000000000"},
            "phase steps = 1000000000",
        ),
        ({}, {"PVM_EncSteps1": "( 10 )\n0 1 2"}, "3 values of PVM_EncSteps1 where"),
    ],
)
def test_raw_data_whose_parameters_lie_are_refused(tmp_path, acqp, method, words):
    rng = np.random.default_rng(21)
    raw = write_raw(tmp_path / "8", random_images(rng), rng, acqp=acqp, method=method)
    with pytest.raises(InputError, match=words):
        open_image(raw, "mri")


def test_raw_data_that_are_no_numbers_or_another_type_are_refused(tmp_path):
    rng = np.random.default_rng(22)
    raw = write_raw(tmp_path / "8", random_images(rng), rng, block="continuous")
    whole = raw.read_bytes()
    raw.write_bytes(np.float32(np.nan).tobytes() + whole[4:])
    with pytest.raises(InputError, match=r"fid: found samples that are no finite numbers"):
        open_image(raw, "mri")
    text = (raw.parent / "acqp").read_text()
    raw.write_bytes(whole)
    (raw.parent / "acqp").write_text(text.replace("GO_32BIT_FLOAT", "GO_32BIT_SGN_INT"))
    with pytest.raises(InputError, match="32-bit integers that are floats"):
        open_image(raw, "mri")


@pytest.mark.parametrize("name", ["acqp", "method", "pdata/1/reco", "fid"])
def test_broken_links_beside_raw_data_are_reported(tmp_path, name):
    rng = np.random.default_rng(23)
    raw = write_raw(tmp_path / "8", random_images(rng), rng, transposed=True)
    (raw.parent / name).unlink()
    (raw.parent / name).symlink_to("gone")
    for call in (probe_image, open_image, input_files):
        with pytest.raises(InputError, match="a link to gone"):
            call(raw, "mri")
