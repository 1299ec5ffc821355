"""Scans of known images as ParaVision acquires them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

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
