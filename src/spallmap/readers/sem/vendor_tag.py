"""What every vendor's tag says of an electron microscope image, in one form."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spallmap.errors import DataWarning


@dataclass(frozen=True)
class VendorTag:
    """A vendor's tag, read.

    Parameters
    ----------
    format : str
        Name of the format, for a person.
    spacing_um : tuple of float or None
        (row spacing, column spacing); None where the tag does not say it.
    meta : mapping
        ``data_bar_row``, the first row of the data bar or None, where the vendor writes it.
    warnings : tuple of DataWarning
        What is odd in the tag.

    Examples
    --------
    >>> tag = VendorTag("Acme SEM TIFF", (0.125, 0.125), {"data_bar_row": 960})
    >>> tag.spacing_um
    (0.125, 0.125)
    """

    format: str
    spacing_um: tuple[float, float] | None
    meta: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[DataWarning, ...] = ()


def positive(value: Any) -> float | None:
    """Return a number if it is one, finite and above 0; else None.

    Examples
    --------
    >>> positive("2.5e-6"), positive(0), positive("n/a"), positive(True)
    (2.5e-06, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number > 0 else None
