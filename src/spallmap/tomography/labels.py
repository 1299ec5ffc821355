"""The numbers of the phases in a label volume."""

from __future__ import annotations

from typing import Final

CERAMIC: Final = 1
SODIUM: Final = 2
VOID: Final = 3
"""Crack or void inside the ceramic's hull, whatever fills it."""
CASING: Final = 4
"""Casing and everything else that is solid."""
OUTSIDE: Final = 5
"""Air, also in voids of the electrodes."""
