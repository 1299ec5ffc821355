"""What must be the same in all frames of a series of echoes, beside their grid."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Protocol

# A setting's words for a message, the functional group of multi-frame files and the keyword. The signal
# changes with each of them, so that frames that differ are no repetitions and no echoes of one decay.
NUMBERS = {
    "repetition time": ("MRTimingAndRelatedParametersSequence", "RepetitionTime"),
    "number of averages": ("MRAveragesSequence", "NumberOfAverages"),
    "slice thickness": ("PixelMeasuresSequence", "SliceThickness"),
    "field strength": ("", "MagneticFieldStrength"),
    "inversion time": ("", "InversionTime"),
    "diffusion weighting": ("MRDiffusionSequence", "DiffusionBValue"),
}
WORDS = {
    "patient": ("", "PatientID"),
    "receive coil": ("MRReceiveCoilSequence", "ReceiveCoilName"),
    "nucleus": ("", "ImagedNucleus"),
}
# Trains of echoes may vary the flip angle of their pulses; between series it must agree.
BETWEEN_SERIES = {"flip angle": ("MRTimingAndRelatedParametersSequence", "FlipAngle")}
# What was done with an image after its reconstruction, as words of ImageType.
PROCESSING = (
    "NORM",
    "DIS2D",
    "DIS3D",
    "ND",
    "MOCO",
    "FIL",
    "MEAN",
    "SUB",
    "MIP",
    "MPR",
    "ADD",
    "PROJECTION IMAGE",
)
# Settings count as the same within this fraction: they come as decimal text.
SAME_SETTING = 1e-3

Settings = Mapping[str, float | str]


class Attributes(Protocol):
    """Finds an attribute of a frame."""

    def value(self, sequence: str, keyword: str) -> object:
        """Value of an attribute; None where absent or empty."""
        ...


def settings_of(look: Attributes, image_type: Iterable[str]) -> dict[str, float | str]:
    """Read the settings of a frame.

    Parameters
    ----------
    look : Attributes
        The frame.
    image_type : iterable of str
        Words of its image type, upper case.

    Returns
    -------
    dict
        Those that the header says.

    Raises
    ------
    TypeError, ValueError
        If a number is none.
    """
    found: dict[str, float | str] = {}
    for name, (sequence, keyword) in {**NUMBERS, **BETWEEN_SERIES}.items():
        value = look.value(sequence, keyword)
        if isinstance(value, (int, float, str)) and math.isfinite(float(value)):
            found[name] = float(value)
    for name, (sequence, keyword) in WORDS.items():
        value = look.value(sequence, keyword)
        if value is not None:
            found[name] = str(value)[:64]
    found["processing"] = ", ".join(sorted({word for word in image_type if word in PROCESSING}))
    return found


def difference(one: Settings, other: Settings, same_series: bool) -> str:
    """Say what keeps two frames from being of one decay; empty where nothing does.

    Parameters
    ----------
    one, other : mapping
        From :func:`settings_of`.
    same_series : bool
        Whether they are of one series.

    Returns
    -------
    str
        The setting, and its two values.

    Examples
    --------
    >>> difference({"repetition time": 100.0}, {"repetition time": 100.02}, True)
    ''
    >>> difference({"repetition time": 100.0}, {"repetition time": 200.0}, True)
    'repetition time 200, unlike 100'
    """
    for name in one.keys() & other.keys():
        a, b = one[name], other[name]
        if name in BETWEEN_SERIES and same_series:
            continue
        if isinstance(a, float) and isinstance(b, float):
            if not math.isclose(a, b, rel_tol=SAME_SETTING, abs_tol=1e-9):
                return f"{name} {b:g}, unlike {a:g}"
        elif a != b:
            return f"{name} {b or 'none'}, unlike {a or 'none'}"
    return ""
