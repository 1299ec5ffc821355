"""Figures, overlays, channel stacks and the three-dimensional scene.

Everything takes records of arrays (:mod:`spallmap.results.records`) and works with whatever subset of
modalities and states a cell has: a panel that cannot be drawn says in words why. How a script calls each::

    # the tomogram without a registration is the reference
    reference = XctRecord("shorted", "scan", grey, spacing_um, phases, cracks, cracks_table)
    tomograms = [
        XctRecord("pristine", "scan", grey, spacing_um, phases, cracks, cracks_table, registration),
        reference,
    ]
    mri = MriRecord(
        "shorted", "t2", echoes, te_ms, spacing_um, channels, regions, regions_table, t2_json, registration
    )
    section = SectionRecord("shorted", "overview", grey, spacing_um, mask, registration)
    elements = ElementsRecord("shorted", "elements", counts, ("Na", "Al"), spacing_um, registration)
    surface = CrackSurface(points_um, triangles, {"crack": ..., "aperture_um": ..., "depth_um": ...})

    # paper/
    cell_figure(tomograms, surface)                                   # figure 1
    echo_figure([mri], tomograms)                                     # figure 2
    t2_figure([mri])                                                  # figure 3
    decay_figure([mri])                                               # figure 4
    link_figure(tomograms, [mri], [section], links, links_json)       # figure 5

    # overlays/
    mri_overlay(reference, mri, links)
    section_overlay(reference, mri, section)
    elements_overlay(elements, section)

    # registration/: registration.png of each acquisition, for a person to judge; these return plain figures
    volume_picture(moving_grey, moving_spacing_um, fixed_grey, fixed_spacing_um, registration)
    projection_picture(magnitude, model, sigma, spacing_um, registration, exclude)
    section_picture(grey, mask, spacing_um, tomogram_grey, tomogram_spacing_um, registration)
    inset_picture(
        grey, mask, spacing_um, overview, overview_mask, overview_spacing_um, registration, "sem"
    )
    figure = refused_picture("there is no tomogram to register it to", "mri-t2")
    # a page shows in turn the pairs that a PNG notes
    write_figure("registration.png", figure, notes=pair_notes(figure))

Each of the others returns a :class:`Drawing`: its ``figure`` goes to
:func:`spallmap.results.documents.write_figure`, its ``numbers`` are tables for CSV.
:func:`mri_stack` and :func:`section_stack` return ``(channels, names)`` for an OME-TIFF.
:func:`spallmap.figures.overlays.scene.scene_datasets` returns named meshes for
:func:`spallmap.results.vtk.write_scene`; it is not imported here, since VTK takes a second to load.

Modules import only what stands before them: ``style``; ``drawing``; ``planes``; ``panels``, ``linked`` and
``element_mixture``; ``link_panels``; then the folders ``paper``, ``registration`` and ``overlays``, which do
not know each other.
"""

from spallmap.figures.drawing import Drawing
from spallmap.figures.overlays import elements_overlay, mri_overlay, mri_stack, section_overlay, section_stack
from spallmap.figures.paper import cell_figure, decay_figure, echo_figure, link_figure, t2_figure
from spallmap.figures.registration import (
    inset_picture,
    pair_notes,
    projection_picture,
    refused_picture,
    section_picture,
    volume_picture,
)

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
    "pair_notes",
    "projection_picture",
    "refused_picture",
    "section_overlay",
    "section_picture",
    "section_stack",
    "t2_figure",
    "volume_picture",
]
