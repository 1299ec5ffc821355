"""Registers a section image (SEM) to a tomogram: search, refinement, known answers, verdict."""

from __future__ import annotations

from spallmap.registration.section.register import register_section

__all__ = ["register_section"]
