"""How a reconstruction was acquired, as ParaVision's parameters say: its own samples, and the readout."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from spallmap.readers.paravision.parameters import Parameters
from spallmap.sampling import FROM_PARAMETERS, AcquiredSampling

# Factors within this of 1 are 1.
_SAME = 1e-3


def parameter_files(image: Path) -> tuple[Path, ...]:
    """List the files beside a reconstruction that say how it was acquired.

    Parameters
    ----------
    image : Path
        The ``2dseq``.

    Returns
    -------
    tuple of Path
        The scan's ``method`` and the reconstruction's ``reco``, those that exist.
    """
    scan = image.parent.parent.parent
    found = (scan / "method", image.parent / "reco")
    return tuple(path for path in found if path.is_file())


class Encoding(NamedTuple):
    """How a reconstruction was acquired.

    Parameters
    ----------
    sampling : AcquiredSampling or None
        How finely; None where the parameters do not say it of frames of this shape.
    readout : {"x", "y"} or None
        Own axis along which it was read out; None where no ``method`` is there.
    """

    sampling: AcquiredSampling | None
    readout: str | None


def read_encoding(image: Path, shape: tuple[int, ...]) -> Encoding:
    """Read how a reconstruction was acquired.

    The method's zero filling (``PVM_EncZf``) and partial Fourier acceleration (``PVM_EncPft``) give the
    factor along read and phase; a reconstruction to another matrix than the method's (``PVM_Matrix``) gives
    one more. A frame's first axis is the readout, unless it was transposed (``RECO_transposition``).

    Parameters
    ----------
    image : Path
        The ``2dseq``.
    shape : tuple of int
        Of its frames, in array order: (y, x) or (z, y, x).

    Returns
    -------
    Encoding
        As far as the files say it.
    """
    files = {path.name: Parameters(path) for path in parameter_files(image)}
    method, reco = files.get("method"), files.get("reco")
    if method is None:
        return Encoding(None, None)
    swapped = bool(reco is not None and reco.numbers("RECO_transposition", 0).any())
    return Encoding(_sampling(method, shape, swapped), "y" if swapped else "x")


def _sampling(method: Parameters, shape: tuple[int, ...], swapped: bool) -> AcquiredSampling | None:
    if "PVM_Matrix" not in method:
        return None
    matrix = method.numbers("PVM_Matrix")
    if len(matrix) != len(shape) or matrix.min() < 1.0:
        return None
    filled = _each(method, "PVM_EncZf", len(shape)) * _each(method, "PVM_EncPft", len(shape))
    # read, phase and slice directions are the frame's columns, rows and slices, unless it is transposed
    shown = np.array(shape[::-1], dtype=np.float64)
    if swapped:
        shown[[0, 1]] = shown[[1, 0]]
    factor = filled * shown / matrix
    if not np.all(np.isfinite(factor)) or factor.min() < 1.0 - _SAME:
        return None
    if swapped:
        factor[[0, 1]] = factor[[1, 0]]
    return AcquiredSampling.filled(
        [max(f, 1.0) if f > 1.0 + _SAME else 1.0 for f in factor[::-1]], FROM_PARAMETERS
    )


def _each(method: Parameters, key: str, n: int) -> NDArray[np.float64]:
    """Numbers of a parameter for each direction, 1 where it says none."""
    values = method.numbers(key, 1.0)
    return values if values.size == n else np.ones(n)
