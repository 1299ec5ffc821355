"""What every vendor's tag says of an electron microscope image, in one form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


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

    Examples
    --------
    >>> tag = VendorTag("Acme SEM TIFF", (0.125, 0.125), {"data_bar_row": 960})
    >>> tag.spacing_um
    (0.125, 0.125)
    """

    format: str
    spacing_um: tuple[float, float] | None
    meta: Mapping[str, Any] = field(default_factory=dict)
