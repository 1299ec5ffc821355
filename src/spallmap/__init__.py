"""spallmap: links long-T2 regions of 23Na MRI to the cracks of a ceramic electrolyte."""

from __future__ import annotations

__version__ = "0.1.0"
