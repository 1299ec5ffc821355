"""Sections: element counts with their errors."""

from __future__ import annotations

from spallmap.sections.elements import net_counts

__all__ = ["net_counts"]
