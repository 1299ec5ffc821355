"""Images of sodium metal, in projection or in slices, registered to the tomogram of the same metal."""

from __future__ import annotations

from spallmap.registration.projection.echo import least_weighted_echo
from spallmap.registration.projection.model_image import fitted_projection, render_projection
from spallmap.registration.projection.register import SKIN_DEPTH_UM, register_projection

__all__ = [
    "SKIN_DEPTH_UM",
    "fitted_projection",
    "least_weighted_echo",
    "register_projection",
    "render_projection",
]
