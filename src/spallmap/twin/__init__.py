"""A simulated cell whose every acquisition is known to the last micrometre.

The cell is a set of closed formulas (`spallmap.twin.geometry`): a ceramic disc with pores between two sodium
discs with voids, in a slotted casing, with a bowl- or cone-shaped spallation crack under one electrode that
sodium has partly filled, and a decoy crack without sodium; or with a straight, branching or diffuse crack
instead. Every instrument samples the formulas at its own resolution, in its own random pose, with its own
artefacts; nothing is resampled from anything else.

- `write_cell` writes a whole cell as instruments' files with a table, a configuration and its truth.
- `TwinCell` gives the same acquisitions in memory, one by one.
- `draw_cell` draws a geometry, `draw_morphology` one whose crack has a given kind of shape.
- `simulate_xct`, `simulate_mri`, `simulate_sem` and `simulate_edx` image any geometry in any pose;
  `simulate_xct_slabs` does so slab by slab for tomograms of any size. A pose maps an acquisition's points to
  the cell frame, so that ``xct.to_cell.inverse() @ mri.to_cell`` maps the MRI's points to the tomogram's.

The twin shares no formula with the analysis that is judged by it.
"""

from spallmap.twin.cell_writer import MODALITIES, write_cell
from spallmap.twin.geometry import CellGeometry
from spallmap.twin.morphologies import MORPHOLOGIES, draw_morphology
from spallmap.twin.mri import MriScan, simulate_mri
from spallmap.twin.poses import draw_inset_pose, draw_mri_pose, draw_section_pose, draw_xct_pose
from spallmap.twin.render import LABELS, MATTER, cracks_at, fractions_of, render_volume
from spallmap.twin.scans import STATES, TE_MS, SectionScan, TwinCell
from spallmap.twin.sem import ELEMENTS, SemImage, draw_section_look, simulate_edx, simulate_sem
from spallmap.twin.shapes import CellStates, draw_cell
from spallmap.twin.sizes import COARSE, FULL, Sizes
from spallmap.twin.xct import XctLook, XctScan, simulate_xct
from spallmap.twin.xct_slabs import XctSlab, simulate_xct_slabs

__all__ = [
    "COARSE",
    "ELEMENTS",
    "FULL",
    "LABELS",
    "MATTER",
    "MODALITIES",
    "MORPHOLOGIES",
    "STATES",
    "TE_MS",
    "CellGeometry",
    "CellStates",
    "MriScan",
    "SectionScan",
    "SemImage",
    "Sizes",
    "TwinCell",
    "XctLook",
    "XctScan",
    "XctSlab",
    "cracks_at",
    "draw_cell",
    "draw_inset_pose",
    "draw_morphology",
    "draw_mri_pose",
    "draw_section_look",
    "draw_section_pose",
    "draw_xct_pose",
    "fractions_of",
    "render_volume",
    "simulate_edx",
    "simulate_mri",
    "simulate_sem",
    "simulate_xct",
    "simulate_xct_slabs",
    "write_cell",
]
