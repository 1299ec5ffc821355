"""How a frame was acquired, as its header says: along which axis it was read out, and its own samples."""

from __future__ import annotations

from collections.abc import Sequence

from spallmap.readers.dicom.frame_settings import Attributes
from spallmap.sampling import FROM_PARAMETERS, AcquiredSampling

_GEOMETRY = "MRFOVGeometrySequence"
# Factors within this of 1 are 1.
_SAME = 1e-3


def readout_of(look: Attributes) -> str | None:
    """Find the own axis of the readout: the one along which the phase does not run.

    Parameters
    ----------
    look : Attributes
        The frame.

    Returns
    -------
    {"x", "y"} or None
        Along its rows or its columns, where the header says it.
    """
    phase = str(look.value(_GEOMETRY, "InPlanePhaseEncodingDirection")).upper()
    return {"ROW": "y", "COL": "x", "COLUMN": "x"}.get(phase)


def sampling_of(look: Attributes, rows: int, columns: int) -> AcquiredSampling | None:
    """Find how finely a frame was acquired.

    Classic files have the acquired matrix (``AcquisitionMatrix``: frequency rows, frequency columns, phase
    rows, phase columns, two of which are 0), multi-frame files the steps along either direction.

    Parameters
    ----------
    look : Attributes
        The frame.
    rows, columns : int
        Its pixels.

    Returns
    -------
    AcquiredSampling or None
        None where the header does not say it of a frame of this size.
    """
    acquired = _matrix(look)
    if acquired is None:
        return None
    factor = [n / a for n, a in zip((rows, columns), acquired, strict=True)]
    if min(factor) < 1.0 - _SAME:
        return None
    return AcquiredSampling.filled([f if f > 1.0 + _SAME else 1.0 for f in factor], FROM_PARAMETERS)


def _matrix(look: Attributes) -> tuple[int, int] | None:
    """Acquired samples along the columns' and the rows' direction."""
    said = look.value("", "AcquisitionMatrix")
    if isinstance(said, Sequence) and not isinstance(said, str) and len(said) == 4:
        n = [int(v) for v in said]
        matrix = n[0] or n[2], n[1] or n[3]
        return matrix if min(matrix) > 0 else None
    frequency, phase = (
        look.value(_GEOMETRY, f"MRAcquisition{kind}")
        for kind in ("FrequencyEncodingSteps", "PhaseEncodingStepsInPlane")
    )
    readout = readout_of(look)
    if not isinstance(frequency, int) or not isinstance(phase, int) or readout is None:
        return None
    matrix = (phase, frequency) if readout == "x" else (frequency, phase)
    return matrix if min(matrix) > 0 else None
