"""Section images (SEM) in a tomogram: coarse search, refinement, certainty, verdict."""

from __future__ import annotations

from spallmap.registration.section.register import register_section

__all__ = ["register_section"]
