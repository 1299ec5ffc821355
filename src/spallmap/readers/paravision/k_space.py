"""Complex images from ParaVision's raw data of Cartesian spin echoes (``fid``, ``rawdata.job0``)."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import DataWarning, InputError
from spallmap.image import SPATIAL_AXES
from spallmap.readers.checks.clipped_samples import clipped_samples
from spallmap.readers.checks.file_access import check_readable, reported
from spallmap.readers.checks.stored_words import refuse_other_signals
from spallmap.readers.info import ImageInfo, Loaded
from spallmap.readers.paravision.acquisition import ParaVisionScan, read_acquisition
from spallmap.readers.paravision.parameters import Parameters


def files(path: Path) -> tuple[Path, ...]:
    """List the raw file and the parameter files that are read with it."""
    scan = path.parent
    optional = [scan / "pdata" / "1" / name for name in ("reco", "visu_pars")] + [scan / "visu_pars"]
    found = (path, scan / "acqp", scan / "method", *(p for p in optional if os.path.lexists(p)))
    for part in found:
        check_readable(part)
    return found


def probe(path: Path) -> ImageInfo:
    """Read the parameters.

    Raises
    ------
    InputError
        If they are damaged, or describe something else than fully sampled Cartesian spin echoes.
    """
    return _described(path)[0]


def load(path: Path) -> Loaded:
    """Reconstruct complex images.

    The k-space lines are brought into order and transformed as ParaVision does it, so that the magnitude
    agrees with the ``2dseq`` of the same scan in its scaled units.

    Raises
    ------
    InputError
        If the files are damaged, or describe something else than fully sampled Cartesian spin echoes.
    """
    info, acquisition = _described(path)
    words = _words(path, acquisition)
    refuse_other_signals(str(path), words, acquisition.source_label)
    overflown, warning = _overflown(path, words, acquisition)
    samples = np.empty((acquisition.n_scans, acquisition.n_read), np.complex64)
    samples.real, samples.imag = words[:, 0::2], words[:, 1::2]
    if not np.isfinite(samples).all():
        raise InputError(str(path), "samples that are no finite numbers", "a fid as it was acquired")
    images = to_images(to_k_space(samples, acquisition), acquisition)
    by_time = np.argsort(acquisition.te_ms * acquisition.n_repetitions, kind="stable")
    if warning is None:
        return Loaded(info, _sorted(images, by_time, info))
    info = replace(info, warnings=(*info.warnings, warning))
    # a sample of k-space is in every pixel
    clipped = np.broadcast_to(overflown[:, :, None, None], images.shape)
    return Loaded(info, _sorted(images, by_time, info), clipped=_sorted(clipped, by_time, info))


def _sorted(images: NDArray[Any], by_time: NDArray[np.intp], info: ImageInfo) -> NDArray[Any]:
    """Images in order of echo time, slices along the own frame's third axis."""
    images = images[:, ::-1] if info.meta["slices_reversed"] else images
    return np.ascontiguousarray(images[by_time]).reshape(info.shape)


def _overflown(
    path: Path, words: NDArray[Any], acquisition: ParaVisionScan
) -> tuple[NDArray[np.bool_], DataWarning | None]:
    """Images (entries, slices) whose signals the receiver cut off, and a warning."""
    masks = []
    for part in (0, 1):
        signals = to_k_space(words[:, part::2], acquisition)
        mask, _ = clipped_samples(signals, source_label=str(path), both_ends=True)
        masks.append(np.zeros(signals.shape, np.bool_) if mask is None else mask)
    cut = masks[0] | masks[1]
    overflown = np.asarray(cut.any(axis=(2, 3)))
    if not overflown.any():
        return overflown, None
    found = f"{cut.sum()} samples that the receiver cut off, in {overflown.sum()} of {overflown.size} images"
    advice = "these images are not fitted (status saturated); acquire with less receiver gain"
    return overflown, DataWarning(str(path), found, advice)


def to_k_space(samples: NDArray[Any], acquisition: ParaVisionScan) -> NDArray[Any]:
    """Bring scans into the order of k-space.

    Parameters
    ----------
    samples : ndarray, shape (scans, read)
        Scans as they were acquired: repetitions slowest, then phase steps, then objects.
    acquisition : ParaVisionScan
        How they were acquired.

    Returns
    -------
    ndarray, shape (repetitions x echoes, slices, phase, read)
        Lines from the most negative phase step to the most positive; slices by number.
    """
    a = acquisition
    n_objects = a.n_slices * a.n_echoes
    stored = samples.reshape(a.n_repetitions, a.n_phase, n_objects, a.n_read)
    ordered = stored[:, np.argsort(a.phase_steps)][:, :, np.argsort(a.object_order)]
    lines = ordered.reshape(a.n_repetitions, a.n_phase, a.n_slices, a.n_echoes, a.n_read)
    k_space = lines.transpose(0, 3, 2, 1, 4)
    return k_space.reshape(a.n_repetitions * a.n_echoes, a.n_slices, a.n_phase, a.n_read)


def to_images(k_space: NDArray[np.complex64], acquisition: ParaVisionScan) -> NDArray[np.complex64]:
    r"""Transform k-space to images as ParaVision does.

    With samples :math:`s_{pr}` of read index r and phase index p, the image is

    .. math:: I_{yx} = \frac{1}{N_p N_r} \sum_{pr} s^*_{pr}\,
              e^{2\pi i (p \rho_p + r \rho_r)}\, e^{-2\pi i (p y / N_p + r x / N_r)}

    where :math:`\rho` moves the image by a fraction of the field of view: one half, and the offset of the
    field of view in the phase direction (that of the read direction is in the receiver's frequency).

    Parameters
    ----------
    k_space : ndarray of complex64, shape (entries, slices, phase, read)
        From :func:`to_k_space`.
    acquisition : ParaVisionScan
        How it was acquired.

    Returns
    -------
    ndarray of complex64, shape (entries, slices, y, x)
        Images the way round in which ParaVision stores them.
    """
    a = acquisition
    read_ramp = np.exp(2j * np.pi * a.read_shift * np.arange(a.n_read))
    phase_ramp = np.exp(2j * np.pi * np.outer(a.phase_shift, np.arange(a.n_phase)))
    images = np.empty_like(k_space)
    for entry, lines in enumerate(k_space):
        shifted = (lines.conj() if a.conjugated else lines) * phase_ramp[:, :, None] * read_ramp
        images[entry] = np.fft.fft2(shifted, norm="forward")
    return images.swapaxes(-1, -2) if a.transposed else images


def _described(path: Path) -> tuple[ImageInfo, ParaVisionScan]:
    acquisition = read_acquisition(path)
    a = acquisition
    expected = a.n_scans * a.words_per_scan * a.word_type.itemsize
    with reported(path):
        size = path.stat().st_size
    if size != expected:
        raise InputError(str(path), f"{size} bytes", f"{expected} bytes, as acqp announces")
    plane = (a.n_read, a.n_phase) if a.transposed else (a.n_phase, a.n_read)
    fov_um = a.fov_um if a.transposed else a.fov_um[::-1]
    spatial = (a.n_slices, *plane)
    gap_um, reverse = a.slices()
    spacing_um = (gap_um, *(fov / n for fov, n in zip(fov_um, plane, strict=True)))
    n_axes = 3 if a.n_slices > 1 else 2
    meta = {
        "te_ms": tuple(sorted(a.te_ms * a.n_repetitions)),
        "te_source": "ACQ_echo_time of acqp",
        "magnitude": False,
        "train": a.train,
        "repetitions": a.n_repetitions,
        "sequence": a.method,
        "nucleus": a.nucleus,
        "slices_reversed": reverse,
        **_geometry(path.parent, a, reverse),
    }
    info = ImageInfo(
        shape=(len(meta["te_ms"]), *spatial[-n_axes:]),
        axes=("echo", *SPATIAL_AXES[-n_axes:]),
        spacing_um=spacing_um[-n_axes:],
        dtype="complex64",
        format=f"ParaVision {path.name}",
        meta=meta,
    )
    return info, acquisition


def _geometry(scan: Path, acquisition: ParaVisionScan, reverse: bool) -> dict[str, Any]:
    """Direction and position of the first sample, where a visu_pars says them of this grid."""
    for visu_path in (scan / "pdata" / "1" / "visu_pars", scan / "visu_pars"):
        if not os.path.lexists(visu_path):
            continue
        visu = Parameters(visu_path)
        positions = visu.table("VisuCorePosition", 3)
        orientation = visu.table("VisuCoreOrientation", 9)[0]
        if len(positions) == acquisition.n_slices:
            return {
                "orientation": tuple(float(v) for v in orientation),
                "position_mm": tuple(float(v) for v in positions[-1 if reverse else 0]),
            }
    return {}


def _words(path: Path, acquisition: ParaVisionScan) -> NDArray[Any]:
    """Read real and imaginary parts in turn, without the scans' padding, shape (scans, 2 read)."""
    a = acquisition
    with reported(path):
        words = np.fromfile(path, a.word_type)
    if words.size != a.n_scans * a.words_per_scan:
        raise InputError(str(path), f"{words.size} words", "as many as when it was opened first")
    return words.reshape(a.n_scans, a.words_per_scan)[:, : 2 * a.n_read]
