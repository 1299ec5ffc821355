"""Complex images from ParaVision's raw data of Cartesian spin echoes (``fid``, ``rawdata.job0``)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import InputError
from spallmap.image import SPATIAL_AXES
from spallmap.readers.info import ImageInfo, Loaded
from spallmap.readers.paravision.acquisition import ParaVisionScan, read_acquisition
from spallmap.readers.paravision.parameters import Parameters


def files(path: Path) -> tuple[Path, ...]:
    """List the raw file and the parameter files that are read with it."""
    scan = path.parent
    optional = [scan / "pdata" / "1" / name for name in ("reco", "visu_pars")] + [scan / "visu_pars"]
    return (path, scan / "acqp", scan / "method", *(p for p in optional if p.is_file()))


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
    images = to_images(to_k_space(_samples(path, acquisition), acquisition), acquisition)
    if info.meta["slices_reversed"]:
        images = images[:, ::-1]
    by_time = np.argsort(acquisition.te_ms * acquisition.n_repetitions, kind="stable")
    return Loaded(info, np.ascontiguousarray(images[by_time]).reshape(info.shape))


def to_k_space(samples: NDArray[np.complex64], acquisition: ParaVisionScan) -> NDArray[np.complex64]:
    """Bring scans into the order of k-space.

    Parameters
    ----------
    samples : ndarray of complex64, shape (scans, read)
        Scans as they were acquired: repetitions slowest, then phase steps, then objects.
    acquisition : ParaVisionScan
        How they were acquired.

    Returns
    -------
    ndarray of complex64, shape (repetitions x echoes, slices, phase, read)
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
    if path.stat().st_size != expected:
        found = f"{path.stat().st_size} bytes"
        raise InputError(str(path), found, f"{expected} bytes, as acqp announces")
    plane = (a.n_read, a.n_phase) if a.transposed else (a.n_phase, a.n_read)
    fov_um = a.fov_um if a.transposed else a.fov_um[::-1]
    spatial = (a.n_slices, *plane)
    gap_um, reverse = a.slices()
    spacing_um = (gap_um, *(fov / n for fov, n in zip(fov_um, plane, strict=True)))
    n_axes = 3 if a.n_slices > 1 else 2
    meta = {
        "te_ms": tuple(sorted(a.te_ms * a.n_repetitions)),
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
        if not visu_path.is_file():
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


def _samples(path: Path, acquisition: ParaVisionScan) -> NDArray[np.complex64]:
    """Read the scans without their padding, shape (scans, read)."""
    a = acquisition
    words = np.fromfile(path, a.word_type).reshape(a.n_scans, a.words_per_scan)[:, : 2 * a.n_read]
    samples = np.empty((a.n_scans, a.n_read), np.complex64)
    samples.real, samples.imag = words[:, 0::2], words[:, 1::2]
    return samples
