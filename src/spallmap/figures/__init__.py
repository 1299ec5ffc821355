"""Figures, overlays, channel stacks and the three-dimensional scene.

Everything takes small records of arrays (:mod:`spallmap.results.records`) and works with whatever subset of
modalities and states a cell has: a panel that cannot be drawn says in words why. How a script calls each::

    # the tomogram without a registration is the reference
    tomograms = [
        XctRecord("pristine", "scan", grey, spacing_um, phases, cracks, cracks_table, registration),
        XctRecord("shorted", "scan", grey, spacing_um, phases, cracks, cracks_table),
    ]
    channels = fit.channels()
    series = [
        MriRecord("shorted", "t2", echoes, te_ms, spacing_um, channels, regions, table, t2_json, registration)
    ]
    sections = [SectionRecord("shorted", "overview", grey, spacing_um, mask, registration)]
    surface = CrackSurface(points_um, triangles, {"crack": ..., "aperture_um": ..., "depth_um": ...})

    cell_figure(tomograms, surface)                                   # figure 1
    echo_figure(series, tomograms)                                    # figure 2
    t2_figure(series)                                                 # figure 3
    decay_figure(series)                                              # figure 4
    link_figure(tomograms, series, sections, links, links_json)       # figure 5
    mri_overlay(reference, panel, links)                              # overlays/
    section_overlay(reference, panel, section)
    elements_overlay(elements, section)

    # registration.png of each acquisition, for a person to judge; these return plain figures
    volume_picture(moving_grey, moving_spacing_um, fixed_grey, fixed_spacing_um, registration)
    projection_picture(magnitude, model, sigma, spacing_um, registration, exclude)
    section_picture(grey, mask, spacing_um, tomogram_grey, tomogram_spacing_um, registration)
    inset_picture(
        grey, mask, spacing_um, overview, overview_mask, overview_spacing_um, registration, "sem"
    )
    refused_picture("there is no tomogram to register it to", "mri-t2")
    # a page shows the pairs that a PNG notes in turn
    write_figure("registration.png", figure, notes=pair_notes(figure))

Each of the others returns a :class:`Drawing`; its ``figure`` goes through
:func:`spallmap.figures.style.png_bytes` and :func:`~spallmap.figures.style.pdf_bytes`, its ``numbers`` are
tables for CSV. :func:`mri_stack` and :func:`section_stack` return ``(channels, names)`` for an OME-TIFF.
:func:`spallmap.figures.overlays.scene.scene_datasets` returns named meshes for
``spallmap.results.vtk.write_scene``; it is not imported here, since VTK takes a second to load.
"""

from spallmap.figures.drawing import Drawing
from spallmap.figures.overlays.element_overlays import elements_overlay
from spallmap.figures.overlays.region_overlays import mri_overlay, section_overlay
from spallmap.figures.overlays.stacks import mri_stack, section_stack
from spallmap.figures.paper.figure1 import cell_figure
from spallmap.figures.paper.figure2 import echo_figure
from spallmap.figures.paper.figure3 import t2_figure
from spallmap.figures.paper.figure4 import decay_figure
from spallmap.figures.paper.figure5 import link_figure
from spallmap.figures.registration import inset_picture, projection_picture, section_picture
from spallmap.figures.registration.refused_picture import refused_picture
from spallmap.figures.registration.volume_picture import volume_picture

__all__ = [
    "Drawing",
    "cell_figure",
    "decay_figure",
    "echo_figure",
    "elements_overlay",
    "inset_picture",
    "link_figure",
    "mri_overlay",
    "mri_stack",
    "projection_picture",
    "refused_picture",
    "section_overlay",
    "section_picture",
    "section_stack",
    "t2_figure",
    "volume_picture",
]
