"""Registers one tomogram of a cell to another."""

from spallmap.registration.volume.register import register_volume

__all__ = ["register_volume"]
