"""Places every acquisition in the reference frame, and says how well."""

from __future__ import annotations
