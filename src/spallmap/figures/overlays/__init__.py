"""What lies over what: pictures, channel stacks and the three-dimensional scene of a registered cell.

:func:`spallmap.figures.overlays.scene.scene_datasets` is not imported here, since VTK takes a second to load.
"""

from spallmap.figures.overlays.element_overlays import elements_overlay
from spallmap.figures.overlays.region_overlays import mri_overlay, section_overlay
from spallmap.figures.overlays.stacks import mri_stack, section_stack

__all__ = [
    "elements_overlay",
    "mri_overlay",
    "mri_stack",
    "section_overlay",
    "section_stack",
]
