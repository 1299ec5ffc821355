from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spallmap.errors import InputError
from spallmap.readers import input_files, open_image, probe_image

N_READ, N_PHASE, N_SLICES, N_ECHOES, N_REPETITIONS = 12, 10, 3, 2, 2
FOV_MM = (24.0, 10.0)  # read, phase
TE_MS = (4.0, 8.0)
OFFSET_MM = -1.7  # of the field of view in the phase direction, no whole number of pixels
OBJECT_ORDER = (2, 3, 4, 5, 0, 1)  # slices 1, 2, 0; the echoes of a slice one after another
WORDS = {"i4": "GO_32BIT_SGN_INT", "i2": "GO_16BIT_SGN_INT", "f4": "GO_32BIT_FLOAT"}


def listed(values: Any) -> str:
    return " ".join(f"{v:.12g}" for v in np.ravel(values))


def write_parameters(path: Path, parameters: dict[str, str]) -> None:
    lines = ["##TITLE=Parameter List, ParaVision 6.0.1", "##JCAMPDX=4.24", "##DATATYPE=Parameter Values"]
    lines += [f"##${key}={value}" for key, value in parameters.items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*lines, "##END="]) + "\n")


def random_images(rng: np.random.Generator) -> np.ndarray:
    """Complex images (repetition, echo, slice, y, x): rows are phase, columns read."""
    shape = (N_REPETITIONS, N_ECHOES, N_SLICES, N_PHASE, N_READ)
    return rng.normal(0, 1000, shape) + 1j * rng.normal(0, 1000, shape)


def k_space_of(images: np.ndarray, phase_steps: np.ndarray) -> np.ndarray:
    """Sum over pixels at their positions in the field of view, for lines in any order.

    A pixel's position is a fraction of the field of view, zero at its centre; the phase direction's centre
    lies OFFSET_MM away from the magnet's. ParaVision conjugates samples before it transforms them.
    """
    x = np.arange(N_READ) / N_READ - 0.5
    y = np.arange(N_PHASE) / N_PHASE - 0.5 - OFFSET_MM / FOV_MM[1]
    read_steps = np.arange(N_READ)  # the first sample's phase is the image's, not the position's
    lines = phase_steps - phase_steps.min()
    waves_y = np.exp(2j * np.pi * np.outer(lines, y))
    waves_x = np.exp(2j * np.pi * np.outer(read_steps, x))
    return np.einsum("py,qx,...yx->...pq", waves_y, waves_x, images).conj()


def write_raw(
    folder: Path,
    images: np.ndarray,
    rng: np.random.Generator,
    *,
    name: str = "fid",
    word: str = "f4",
    order: str = "<",
    block: str = "Standard_KBlock_Format",
    transposed: bool = False,
    conjugated: bool = True,
    slice_step_mm: float = 0.5,
    acqp: dict[str, str] | None = None,
    method: dict[str, str] | None = None,
    skip: tuple[str, ...] = (),
) -> Path:
    """Write a scan as the spectrometer does: lines, objects and padding in the order of acquisition."""
    steps = rng.permutation(N_PHASE) - N_PHASE // 2
    samples = k_space_of(images if conjugated else images.conj(), steps)
    samples = samples if conjugated else samples.conj()
    objects = samples.transpose(0, 3, 2, 1, 4).reshape(N_REPETITIONS, N_PHASE, -1, N_READ)[:, :, OBJECT_ORDER]
    pairs = np.stack([objects.real, objects.imag], axis=-1).reshape(-1, 2 * N_READ)
    pairs = pairs if word == "f4" else np.rint(pairs)
    itemsize = np.dtype(word).itemsize
    padded = (
        2 * N_READ
        if name == "rawdata.job0" or block == "continuous"
        else -(-2 * N_READ * itemsize // 1024) * 1024 // itemsize
    )
    words = np.zeros((len(pairs), padded), order + word)
    words[:, : 2 * N_READ] = pairs
    folder.mkdir()
    (folder / name).write_bytes(words.tobytes())
    n_objects = N_SLICES * N_ECHOES
    parameters = {
        "ACQ_dim": "2",
        "ACQ_dim_desc": "( 2 )\nSpatial Spatial",
        "ACQ_size": f"( 2 )\n{2 * N_READ} {N_PHASE}",
        "ACQ_scan_size": "One_scan",
        "AQ_mod": "qdig",
        "NI": f"{n_objects}",
        "NR": f"{N_REPETITIONS}",
        "NSLICES": f"{N_SLICES}",
        "ACQ_n_echo_images": f"{N_ECHOES}",
        "ACQ_phase_factor": "1",
        "ACQ_rare_factor": "1",
        "ACQ_obj_order": f"( {n_objects} )\n{listed(OBJECT_ORDER)}",
        "ACQ_fov": f"( 2 )\n{listed(np.array(FOV_MM) / 10)}",
        "ACQ_phase1_offset": f"( {N_SLICES} )\n{listed([OFFSET_MM] * N_SLICES)}",
        "ACQ_slice_offset": f"( {N_SLICES} )\n{listed(1.0 + slice_step_mm * np.arange(N_SLICES))}",
        "ACQ_grad_matrix": f"( {N_SLICES}, 3, 3 )\n{listed([np.eye(3)] * N_SLICES)}",
        "ACQ_echo_time": f"( {N_ECHOES} )\n{listed(TE_MS)}",
        "ACQ_spatial_phase_1": f"( {N_PHASE} )\n{listed(steps * 2 / N_PHASE)}",
        "NUCLEUS": "( 8 )\n<23Na>",
        "BYTORDA": {"<": "little", ">": "big"}[order],
    }
    if name != "rawdata.job0":
        parameters |= {"GO_raw_data_format": WORDS[word], "GO_block_size": block}
    else:
        scans = len(pairs)
        parameters["ACQ_word_size"] = "_32_BIT"
        parameters["ACQ_jobs"] = f"( 1 )\n({2 * N_READ}, 9, 18, {scans}, 101, 74626.9, {scans}, 1, <job0>)"
    shown = {
        "Method": "<Bruker:MSME>",
        "PVM_EncMatrix": f"( 2 )\n{N_READ} {N_PHASE}",
        "PVM_Matrix": f"( 2 )\n{N_READ} {N_PHASE}",
        "PVM_EncSteps1": f"( {N_PHASE} )\n{listed(steps)}",
        "PVM_EncNReceivers": "1",
        "PVM_EncPft": "( 2 )\n1 1",
        "PVM_EncZf": "( 2 )\n1 1",
        "PVM_AntiAlias": "( 2 )\n1 1",
    }
    parameters, shown = parameters | (acqp or {}), shown | (method or {})
    write_parameters(folder / "acqp", {k: v for k, v in parameters.items() if k not in skip})
    write_parameters(folder / "method", {k: v for k, v in shown.items() if k not in skip})
    if transposed or not conjugated:
        reco = {
            "RECO_transposition": f"( {n_objects} )\n{listed([int(transposed)] * n_objects)}",
            "RECO_qopts": f"( 2 )\n{'COMPLEX_CONJUGATE' if conjugated else 'NO_QOPTS'} NO_QOPTS",
        }
        write_parameters(folder / "pdata" / "1" / "reco", reco)
    return folder / name


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


@pytest.mark.parametrize(
    ("acqp", "method", "words"),
    [
        ({}, {"Method": "<Bruker:UTE>"}, "method Bruker:UTE"),
        ({}, {"Method": "<Bruker:EPI>"}, "method Bruker:EPI"),
        ({}, {"Method": "<Bruker:FLASH>"}, "method Bruker:FLASH"),
        ({"ACQ_rare_factor": "4"}, {}, "ACQ_rare_factor = 4"),
        ({"ACQ_phase_factor": "2"}, {}, "ACQ_phase_factor = 2"),
        ({"ACQ_scan_size": "ACQ_phase_factor_scans"}, {}, "ACQ_phase_factor_scans"),
        ({"AQ_mod": "qf"}, {}, "AQ_mod = qf"),
        ({"ACQ_dim": "3", "ACQ_dim_desc": "( 3 )\nSpatial Spatial Spatial"}, {}, "ACQ_dim = 3"),
        ({"ACQ_dim_desc": "( 2 )\nSpectroscopic Spatial"}, {}, "Spectroscopic"),
        ({"ACQ_n_movie_frames": "3"}, {}, "3 movie frames"),
        ({"NI": "9"}, {}, "NI = 9 objects for 3 slices of 2 echoes"),
        ({}, {"PVM_EncNReceivers": "4"}, "4 receivers"),
        ({}, {"PVM_EncPft": "( 2 )\n1.4 1"}, "half-echo"),
        ({}, {"PVM_EncPft": "( 2 )\n1 1.3"}, "partial Fourier"),
        ({}, {"PVM_EncZf": "( 2 )\n1 2"}, "zero filling"),
        ({}, {"PVM_EncPpi": "( 2 )\n1 2"}, "accelerated"),
        ({}, {"PVM_AntiAlias": "( 2 )\n1 1.5"}, "aliasing"),
        ({}, {"PVM_EchoPosition": "30"}, "30 %"),
        ({}, {"PVM_Matrix": "( 2 )\n12 20"}, "encoded points"),
        ({}, {"PVM_EncSteps1": "( 10 )\n-4 -4 -3 -2 -1 0 1 2 3 4"}, "9 of 10 phase steps, -4 to 4"),
        ({"ACQ_obj_order": "( 6 )\n0 1 2 3 4 4"}, {}, "ACQ_obj_order"),
        ({"ACQ_echo_time": "( 2 )\n0.004 0.008"}, {}, "probably seconds"),
        ({"ACQ_slice_offset": "( 3 )\n0 1 5"}, {}, "slice gaps"),
        ({"ACQ_size": "( 2 )\n20 10"}, {}, "20 words a line for 12 complex samples"),
        ({"GO_raw_data_format": "GO_64BIT"}, {}, "GO_64BIT"),
        ({"GO_block_size": "Bits"}, {}, "GO_block_size = Bits"),
        ({"NR": "3"}, {}, "bytes, as acqp announces"),
    ],
)
def test_what_cannot_be_reconstructed_is_refused(tmp_path, acqp, method, words):
    rng = np.random.default_rng(10)
    raw = write_raw(tmp_path / "8", random_images(rng), rng, acqp=acqp, method=method)
    with pytest.raises(InputError, match=words):
        probe_image(raw, "mri")


def test_missing_parameters_and_other_jobs_are_named(tmp_path):
    rng = np.random.default_rng(11)
    raw = write_raw(tmp_path / "8", random_images(rng), rng)
    (raw.parent / "rawdata.job1").write_bytes(b"")
    with pytest.raises(InputError, match=r"another job \(rawdata\.job1\)"):
        probe_image(raw.parent / "rawdata.job1", "mri")
    (raw.parent / "method").unlink()
    with pytest.raises(InputError, match="no method"):
        probe_image(raw, "mri")


DAMAGE = (
    "0",
    "-1",
    "1e400",
    "nan",
    "x",
    "<>",
    "()",
    "( 2 )",
    "@3*(1)",
    "@3*(",
    "999999999999",
    "1.5",
    "",
    "<a",
    "##$A=",
)


def damaged(text: str, rng: np.random.Generator) -> str:
    """Replace, remove or add something in a parameter file."""
    start = int(rng.integers(len(text)))
    length = int(rng.integers(0, 30))
    return text[:start] + str(rng.choice(DAMAGE)) + text[start + length :]


def test_damaged_parameters_are_read_or_refused_but_never_crash(tmp_path, write_scan):
    rng = np.random.default_rng(12)
    raw = write_raw(tmp_path / "8", random_images(rng), rng, transposed=True)
    groups = "(2, <FG_SLICE>, <>, 1, 2) (3, <FG_ECHO>, <>, 0, 1)"
    more = {
        "VisuGroupDepVals": "( 3 )\n(<VisuAcqEchoTime>, 0) (<VisuCoreOrientation>, 0) (<VisuCorePosition>, 0)"
    }
    positions = ((0, 0, 0), (0, 0, 1))
    scan = write_scan(np.ones((6, 6, 4), np.int16), groups, (2, 4, 6), (1, 1), positions=positions, more=more)
    files = [(raw, raw.parent / name) for name in ("acqp", "method", "pdata/1/reco")]
    refused = 0
    for path, parameters in [*files, (scan, scan / "pdata" / "1" / "visu_pars")]:
        whole = parameters.read_text()
        for _ in range(60):
            parameters.write_text(damaged(whole, rng))
            try:
                open_image(path, "mri")
            except InputError:
                refused += 1
        parameters.write_text(whole)
    assert refused > 80
