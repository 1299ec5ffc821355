"""Places one tomogram of a cell in the frame of another."""

from spallmap.registration.volume.register import register_volume

__all__ = ["register_volume"]
