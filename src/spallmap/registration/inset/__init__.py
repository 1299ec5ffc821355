"""Registers a detail or element maps to the image of the section that they lie in."""

from spallmap.registration.inset.contrast import Kind
from spallmap.registration.inset.register import register_inset

__all__ = ["Kind", "register_inset"]
