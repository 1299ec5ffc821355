"""How a ParaVision scan was acquired, and whether its raw data can be reconstructed."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import InputError
from spallmap.readers.checks.direction_cosines import check_directions
from spallmap.readers.echo_times import check_echo_times_ms
from spallmap.readers.paravision.frame_order import echo_train
from spallmap.readers.paravision.jcamp import MOST_VALUES
from spallmap.readers.paravision.parameters import Parameters
from spallmap.readers.paravision.slices import mean_gap_mm

ALLOWED = (
    "complex raw data of fully sampled 2D Cartesian spin echoes from one receiver (MSME, RARE with factor 1, "
    "single spin echo); else the reconstruction (2dseq)"
)
# Names of the methods and user methods (by what they are called) whose raw data is ordered as read here.
SPIN_ECHO_METHODS = ("MSME", "RARE", "CPMG", "SPINECHO", "SPIN_ECHO")
# Each scan of a fid in the standard format starts on a multiple of so many bytes.
FID_BLOCK_BYTES = 1024
FID_WORDS = {"GO_32BIT_SGN_INT": "i4", "GO_16BIT_SGN_INT": "i2", "GO_32BIT_FLOAT": "f4"}
JOB_WORDS = {"_32_BIT": "i4", "_16_BIT": "i2"}
BYTE_ORDERS = {"little": "<", "big": ">"}
# Parameters of the method that must be 1 in every direction, and what another value means.
ONES = {
    "PVM_EncPft": "partial Fourier or half-echo sampling",
    "PVM_EncPpi": "accelerated sampling",
    "PVM_EncTotalAccel": "accelerated sampling",
    "PVM_EncZf": "zero filling",
    "PVM_AntiAlias": "an enlarged field of view against aliasing",
}


@dataclass(frozen=True)
class ParaVisionScan:
    """How the scans of a raw file make up k-space.

    Parameters
    ----------
    source_label : str
        The file that is named in messages.
    method, nucleus, train : str
        Name of the method, nucleus, and kind of echo train (see
        :func:`spallmap.readers.paravision.frame_order.echo_train`).
    word_type : dtype
        Of the stored real and imaginary parts.
    words_per_scan : int
        Stored words from one scan to the next, padding included.
    n_read, n_phase, n_slices, n_echoes, n_repetitions : int
        Complex samples of a line, lines of an image, and images.
    phase_steps : ndarray of int, shape (n_phase,)
        Phase step of each line in the order of acquisition.
    object_order : ndarray of int, shape (n_slices * n_echoes,)
        Object (slice x n_echoes + echo) in the order of acquisition.
    te_ms : tuple of float
        Echo times of one repetition, ms.
    fov_um : tuple of float
        Field of view along read and phase, um.
    slice_offset_mm : ndarray, shape (n_slices,)
        Distance of each slice from the magnet's centre along the slice direction, mm.
    handedness : float
        Determinant of the read, phase and slice directions.
    read_shift : float
        Shift of the image in the read direction, fraction of the field of view.
    phase_shift : ndarray, shape (n_slices,)
        Shift of each slice's image in the phase direction, fraction of the field of view.
    conjugated, transposed : bool
        Whether ParaVision conjugates the samples, and exchanges rows and columns of the image.
    """

    source_label: str
    method: str
    nucleus: str
    train: str
    word_type: np.dtype[Any]
    words_per_scan: int
    n_read: int
    n_phase: int
    n_slices: int
    n_echoes: int
    n_repetitions: int
    phase_steps: NDArray[np.intp]
    object_order: NDArray[np.intp]
    te_ms: tuple[float, ...]
    fov_um: tuple[float, float]
    slice_offset_mm: NDArray[np.float64]
    handedness: float
    read_shift: float
    phase_shift: NDArray[np.float64]
    conjugated: bool
    transposed: bool

    @property
    def n_scans(self) -> int:
        """Number of scans in the file."""
        return self.n_repetitions * self.n_phase * self.n_slices * self.n_echoes

    def slices(self) -> tuple[float, bool]:
        """Return the slice spacing in um, and whether the slices run against own x cross own y.

        Raises
        ------
        InputError
            If they are not equally spaced.
        """
        if self.n_slices == 1:
            return 0.0, False
        mean = mean_gap_mm(self.source_label, self.slice_offset_mm)
        # ParaVision's image axes run against both the read and the phase direction, which leaves their cross
        # product as it is; exchanging the two reverses it.
        along = mean * self.handedness * (-1 if self.transposed else 1)
        return abs(mean) * 1e3, along < 0


def read_acquisition(path: Path) -> ParaVisionScan:
    """Read how a raw file was acquired.

    Parameters
    ----------
    path : Path
        The ``fid`` or ``rawdata.job0``, with ``acqp`` and ``method`` beside it.

    Returns
    -------
    ParaVisionScan
        What the reconstruction needs.

    Raises
    ------
    InputError
        If the parameters are damaged, or describe something that cannot be reconstructed here.
    """
    acqp, method = Parameters(path.parent / "acqp"), Parameters(path.parent / "method")
    name = _method_name(acqp, method)
    n_read, n_phase = _matrix(acqp, method)
    n_echoes, n_slices = acqp.integer("ACQ_n_echo_images", 1), acqp.integer("NSLICES", 1)
    if acqp.integer("NI") != n_echoes * n_slices:
        found = f"NI = {acqp.integer('NI')} objects for {n_slices} slices of {n_echoes} echoes"
        raise InputError(acqp.source_label, found, ALLOWED)
    word_type, words = _fid_words(acqp, n_read) if path.name in ("fid", "ser") else _job_words(acqp, n_read)
    n_repetitions = acqp.integer("NR", 1)
    # before anything is made that is as long as the parameters say
    counts = {"NR": n_repetitions, "NI": n_slices * n_echoes, "phase steps": n_phase, "words a line": words}
    for what, count in counts.items():
        if not 1 <= count <= MOST_VALUES:
            raise InputError(acqp.source_label, f"{what} = {count}", f"1 to {MOST_VALUES}")
    reco_path = path.parent / "pdata" / "1" / "reco"
    reco = Parameters(reco_path) if os.path.lexists(reco_path) else None
    fov_mm = acqp.table("ACQ_fov", 2)[0] * 10
    if not (fov_mm > 0).all():
        raise InputError(acqp.source_label, f"ACQ_fov {(fov_mm / 10).tolist()} cm", "positive lengths")
    gradients = acqp.table("ACQ_grad_matrix", 3, 3)
    check_directions(acqp.source_label, gradients[0], "ACQ_grad_matrix")
    if np.abs(gradients - gradients[0]).max() > 1e-4:
        raise InputError(acqp.source_label, "slices of different directions", "parallel slices of one packet")
    offsets_mm = acqp.numbers("ACQ_phase1_offset", 0.0)
    return ParaVisionScan(
        source_label=acqp.source_label,
        method=name,
        nucleus=acqp.text("NUCLEUS") or acqp.text("NUC1"),
        train=echo_train(name, n_echoes),
        word_type=word_type,
        words_per_scan=words,
        n_read=n_read,
        n_phase=n_phase,
        n_slices=n_slices,
        n_echoes=n_echoes,
        n_repetitions=n_repetitions,
        phase_steps=_phase_steps(acqp, method, n_phase),
        object_order=_object_order(acqp, n_slices, n_echoes),
        te_ms=check_echo_times_ms(
            f"{acqp.source_label}, ACQ_echo_time", acqp.numbers("ACQ_echo_time"), n_echoes
        ),
        fov_um=(float(fov_mm[0]) * 1e3, float(fov_mm[1]) * 1e3),
        slice_offset_mm=_for_each(acqp, "ACQ_slice_offset", acqp.numbers("ACQ_slice_offset", 0.0), n_slices),
        handedness=float(np.sign(np.linalg.det(gradients[0]))),
        read_shift=0.5,
        phase_shift=0.5 + _for_each(acqp, "ACQ_phase1_offset", offsets_mm, n_slices) / fov_mm[1],
        conjugated=reco is None or _is_conjugated(reco),
        transposed=reco is not None and _is_transposed(reco),
    )


def _method_name(acqp: Parameters, method: Parameters) -> str:
    """Name of the method, after everything that cannot be reconstructed has been refused."""
    name = method.text("Method") or acqp.text("ACQ_method")
    plain = name.split(":")[-1].strip("<>").upper()
    if "EPI" in plain or not any(known in plain for known in SPIN_ECHO_METHODS):
        raise InputError(method.source_label, f"method {name or 'without a name'}", ALLOWED)
    for key in ("ACQ_rare_factor", "ACQ_phase_factor"):
        if acqp.integer(key, 1) != 1:
            raise InputError(
                acqp.source_label, f"{key} = {acqp.integer(key)} (lines of several echoes)", ALLOWED
            )
    if acqp.text("ACQ_scan_size") not in ("", "One_scan"):
        raise InputError(acqp.source_label, f"ACQ_scan_size = {acqp.text('ACQ_scan_size')}", ALLOWED)
    if acqp.text("AQ_mod") not in ("", "qdig"):
        raise InputError(acqp.source_label, f"digitisation AQ_mod = {acqp.text('AQ_mod')}", "qdig")
    if acqp.integer("ACQ_n_movie_frames", 1) != 1:
        raise InputError(acqp.source_label, f"{acqp.integer('ACQ_n_movie_frames')} movie frames", ALLOWED)
    receivers = acqp.words("ACQ_ReceiverSelect").count("Yes")
    receivers = method.integer("PVM_EncNReceivers", max(receivers, 1))
    if receivers != 1:
        raise InputError(method.source_label, f"{receivers} receivers", ALLOWED)
    for key, meaning in ONES.items():
        if (method.numbers(key, 1.0) != 1).any():
            found = f"{meaning} ({key} = {' '.join(f'{v:g}' for v in method.numbers(key))})"
            raise InputError(method.source_label, found, ALLOWED)
    echo_percent = method.numbers("PVM_EchoPosition", 50.0)[0]
    if echo_percent != 50:
        raise InputError(
            method.source_label, f"the echo at {echo_percent:g} % of the line", f"50 %: {ALLOWED}"
        )
    return name


def _matrix(acqp: Parameters, method: Parameters) -> tuple[int, int]:
    """Complex samples of a line, and lines."""
    kinds = acqp.words("ACQ_dim_desc")
    if acqp.integer("ACQ_dim") != 2 or set(kinds) - {"Spatial"}:
        found = f"ACQ_dim = {acqp.integer('ACQ_dim')}, {', '.join(kinds)}"
        raise InputError(acqp.source_label, found, f"two spatial directions: {ALLOWED}")
    encoded = method.integers("PVM_EncMatrix")
    shown = method.integers("PVM_Matrix") if "PVM_Matrix" in method else encoded
    if len(encoded) != 2 or min(encoded) < 2 or encoded != shown:
        found = f"{encoded} encoded points for an image of {shown}"
        raise InputError(method.source_label, found, f"as many encoded as shown: {ALLOWED}")
    return encoded[0], encoded[1]


def _fid_words(acqp: Parameters, n_read: int) -> tuple[np.dtype[Any], int]:
    """Type of the stored words, and words from one scan to the next, of a ``fid``."""
    word = _word_type(acqp, "GO_raw_data_format", FID_WORDS)
    if acqp.integer("ACQ_size") != 2 * n_read:
        found = f"ACQ_size = {acqp.integer('ACQ_size')} words a line for {n_read} complex samples"
        raise InputError(acqp.source_label, found, f"{2 * n_read}: {ALLOWED}")
    layout = acqp.text("GO_block_size")
    if layout == "continuous":
        return word, 2 * n_read
    if layout != "Standard_KBlock_Format":
        raise InputError(acqp.source_label, f"GO_block_size = {layout}", "Standard_KBlock_Format, continuous")
    blocks = math.ceil(2 * n_read * word.itemsize / FID_BLOCK_BYTES)
    return word, blocks * FID_BLOCK_BYTES // word.itemsize


def _job_words(acqp: Parameters, n_read: int) -> tuple[np.dtype[Any], int]:
    """Type of the stored words, and words from one scan to the next, of a ``rawdata.job0``."""
    jobs, settings = acqp.structures("ACQ_jobs"), acqp.structures("ACQ_ScanPipeJobSettings")
    if not jobs:
        raise InputError(acqp.source_label, "no ACQ_jobs", ALLOWED)
    if any("STORE_64bit_float" in map(str, _flat(s)) for s in settings[:1]):
        word = np.dtype(BYTE_ORDERS.get(acqp.text("BYTORDA"), "<") + "f8")
    elif "GO_raw_data_format" in acqp:
        word = _word_type(acqp, "GO_raw_data_format", FID_WORDS)
    else:
        word = _word_type(acqp, "ACQ_word_size", JOB_WORDS)
    if jobs[0][0] != 2 * n_read:
        found = f"{jobs[0][0]} words a scan in ACQ_jobs for {n_read} complex samples"
        raise InputError(acqp.source_label, found, f"{2 * n_read}: {ALLOWED}")
    return word, 2 * n_read


def _flat(entry: Any) -> Iterable[Any]:
    return np.ravel(np.asarray(entry, dtype=object)).tolist()


def _word_type(acqp: Parameters, key: str, words: dict[str, str]) -> np.dtype[Any]:
    order, word = acqp.text("BYTORDA"), acqp.text(key)
    if order not in BYTE_ORDERS or word not in words:
        found = f"{key} = {word or 'missing'}, BYTORDA = {order or 'missing'}"
        raise InputError(acqp.source_label, found, f"{', '.join(words)}; {', '.join(BYTE_ORDERS)}")
    return np.dtype(BYTE_ORDERS[order] + words[word])


def _phase_steps(acqp: Parameters, method: Parameters, n_phase: int) -> NDArray[np.intp]:
    """Phase step of each line in the order of acquisition: every step once, or a refusal."""
    if "PVM_EncSteps1" in method:
        source_label, steps = (
            f"{method.source_label}, PVM_EncSteps1",
            np.array(method.integers("PVM_EncSteps1")),
        )
    else:
        # gradient steps as a fraction of the largest, which is half the number of lines
        source_label = f"{acqp.source_label}, ACQ_spatial_phase_1"
        steps = np.rint(acqp.numbers("ACQ_spatial_phase_1") * n_phase / 2).astype(np.intp)
    if not np.array_equal(np.sort(steps), np.arange(n_phase) - n_phase // 2):
        found = f"{len(set(steps.tolist()))} of {n_phase} phase steps, {steps.min()} to {steps.max()}"
        raise InputError(
            source_label, found, f"{-(n_phase // 2)} to {(n_phase - 1) // 2}, each once: {ALLOWED}"
        )
    return steps.astype(np.intp)


def _object_order(acqp: Parameters, n_slices: int, n_echoes: int) -> NDArray[np.intp]:
    """Give the number of the object (slice x n_echoes + echo) at each position of the acquisition."""
    n_objects = n_slices * n_echoes
    order = np.array(acqp.integers("ACQ_obj_order")) if "ACQ_obj_order" in acqp else np.arange(n_objects)
    if not np.array_equal(np.sort(order), np.arange(n_objects)):
        found = f"ACQ_obj_order {order.tolist()}"
        raise InputError(acqp.source_label, found, f"each of {n_objects} objects once: {ALLOWED}")
    return order.astype(np.intp)


def _for_each(acqp: Parameters, key: str, values: NDArray[np.float64], n_slices: int) -> NDArray[np.float64]:
    if values.size not in (1, n_slices) or (key == "ACQ_slice_offset" and values.size != n_slices):
        raise InputError(
            acqp.source_label, f"{values.size} values of {key} for {n_slices} slices", "one for each slice"
        )
    return np.broadcast_to(values, n_slices)


def _is_conjugated(reco: Parameters) -> bool:
    options = reco.words("RECO_qopts")
    if not options:
        raise InputError(reco.source_label, "no RECO_qopts", "a complete parameter file of ParaVision")
    return "CONJ" in options[0]


def _is_transposed(reco: Parameters) -> bool:
    values = set(reco.integers("RECO_transposition", 0))
    if len(values) > 1:
        raise InputError(
            reco.source_label, f"RECO_transposition {sorted(values)}", "one value for all slices"
        )
    return values != {0}
