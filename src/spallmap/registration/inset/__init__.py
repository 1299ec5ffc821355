"""Places a detail or element maps in the image of the section that they lie in."""

from spallmap.registration.inset.register import register_inset

__all__ = ["register_inset"]
