"""Projection images of sodium metal, placed in the tomogram."""

from __future__ import annotations

from spallmap.registration.projection.model_image import render_projection
from spallmap.registration.projection.register import SKIN_DEPTH_UM, register_projection

__all__ = ["SKIN_DEPTH_UM", "register_projection", "render_projection"]
