"""How to read each of the project's pictures."""

from __future__ import annotations

from dataclasses import dataclass

from spallmap.report.context import Picture


@dataclass(frozen=True)
class _Caption:
    """Words that go with a picture.

    Parameters
    ----------
    title : str
        A few words.
    text : str
        How to read it.
    alt : str
        What it shows, for those who cannot see it.
    """

    title: str
    text: str
    alt: str


CAPTIONS = {
    "figure1": _Caption(
        "Figure 1: the cell in the tomograms",
        "Sections of every state through the same point, in the middle of the largest crack. The outlines "
        "are what the program took for sodium (orange), ceramic (green) and crack (vermillion): they should "
        "follow what the eye sees. Below, the cracks seen along z within the outlines of the electrodes, "
        "coloured by their depth below the interface and by their aperture; apertures below the dotted line "
        "are thinner than a voxel.",
        "Grey sections of the tomograms with outlined phases, maps of crack depth and aperture, histogram of "
        "apertures.",
    ),
    "figure2": _Caption(
        "Figure 2: the sodium images",
        "Magnitude of every echo on one scale for all states; the square root keeps late echoes visible. The "
        "orange outlines are the electrodes of the tomogram, projected along the MRI's lines of sight: the "
        "signal should lie along their edges, since radio waves enter sodium by its skin only.",
        "Rows of magnitude images at rising echo times, one row per state, with outlined electrodes.",
    ),
    "figure3": _Caption(
        "Figure 3: T2 maps and histograms",
        "Left, T2 of every pixel that stands above the noise; pale grey pixels do not, dark grey ones have a "
        "T2 to which the echoes set no limit. The line in the colour bar is the threshold. Outlined: regions "
        "of neighbouring pixels that are long together; a lone bright pixel is noise. Middle, the standard "
        "error of each pixel's T2. Right, how many pixels have which T2, on a logarithmic scale with "
        "counting errors; the lines are the electrode's peak and, where the data ask for it, a peak of long "
        "T2, both widened by the pixels' errors. p says how often a map without a long peak would look like "
        "it. Below, how far each pixel's decay departs from the model, as reduced chi-square: noise alone "
        "gives a speckle around the stated number, a misfit bright patches, where the errors were widened. "
        "The last panel has the width of the electrode's peak with and without those errors.",
        "Maps of T2 and of its error with outlined long-T2 regions beside histograms of T2, one row per "
        "state, maps of the misfit, and the widths of the electrode's peak.",
    ),
    "figure4": _Caption(
        "Figure 4: decay curves",
        "Mean magnitude against echo time on a logarithmic scale. Bars are one standard error from the "
        "noise; lines are the model at the T2 that is written beside them, with its 95 % band; below, the "
        "residuals in standard errors. A long T2 falls more slowly; near "
        "the dotted noise floor every magnitude levels off.",
        "Decay curves of electrode pixels and long-T2 regions above the noise floor.",
    ),
    "figure5": _Caption(
        "Figure 5: long-T2 regions on the cracks",
        "(a) How much crack each of the MRI's lines of sight passes through, darker for more, with the "
        "regions in blue. (b) The tomogram cut along the lines of sight: wherever the blue band meets a "
        "crack, the region's sodium may lie there, since the MRI does not distinguish depths along its lines "
        "of sight. (c) The polished section with the tomogram's cracks and the pixels whose lines of sight "
        "pass through a region. (d) The probability that a region lies on a crack.",
        "Cracks projected into the MRI plane, a tomogram section and an SEM section with long-T2 regions, "
        "and a bar chart of link probabilities.",
    ),
    "mri_overlay": _Caption(
        "MRI and tomogram",
        "(a) T2 with the tomogram's electrodes and cracks projected onto it. (b) Length of each line of "
        "sight inside a crack. (c) The tomogram cut parallel to the MRI's plane at the depth of the link.",
        "T2 map, projected cracks and a tomogram section in the MRI's plane with outlined long-T2 regions.",
    ),
    "section_overlay": _Caption(
        "SEM section, tomogram and MRI",
        "The section as it was imaged, and with the cracks of the tomogram (vermillion) and the lines of "
        "sight of long-T2 regions (blue). The vermillion outline should lie on the crack that the SEM shows.",
        "SEM image beside the same image with outlined cracks and long-T2 bands.",
    ),
    "elements_overlay": _Caption(
        "Elements on the section",
        "(a) The elements mixed in the colours of the legend on the SEM image; where several lie together "
        "their colours add. The others show each element's counts.",
        "Colour mixture of element maps on an SEM image, and one grey map per element.",
    ),
    "registration_volume": _Caption(
        "Check: tomogram on tomogram",
        "The three middle planes of the reference tomogram, with the registered one resampled into them. "
        "Above, their squares take turns: when the registration is good, rims and pores go on across the "
        "squares' borders. Below, one is magenta and the other green: what both show alike is grey. A rim "
        "or pore that is magenta on one side and green on the other is displaced; a feature in one colour "
        "alone, such as a new crack, is a change between the states. Pale: outside the registered tomogram. "
        "In the last row, arrows show where the ceramic's blocks near each plane would still move, "
        "enlarged, and their colour how far across the plane: arrows that rotate about a point or all point "
        "one way mean a registration that is off, arrows in disorder are noise.",
        "Checkerboards and magenta-green fusions of two tomograms in three planes at right angles, and "
        "arrows for the shifts left in blocks.",
    ),
    "registration_projection": _Caption(
        "Check: MRI on the tomogram's metal",
        "(a) The magnitude that was fitted. (b) What the tomogram's sodium would look like in it, skin "
        "effect and noise floor included. (c) The model's contours on the magnitude: they should lie on "
        "every bright edge of the electrodes. (d) What the model does not explain, in standard deviations "
        "of the noise. A good fit leaves pale speckle; a red stripe beside a blue one along an electrode "
        "means a shift. Signal in the blue outlines was left out of the fit: there, a residual is no fault.",
        "MRI magnitude, model image, contours of the model on the magnitude, and a map of the residual.",
    ),
    "registration_section": _Caption(
        "Check: section in the tomogram",
        "(a) The section and (b) the tomogram cut where the registration puts it: the same pores must stand "
        "in the same positions. (c) Their squares take turns; edges should go on across the borders. (d) "
        "Section in magenta, tomogram in green: an even tint is a difference of contrast and harmless, a "
        "magenta and a green copy of the same pore are a displacement. (e, f) The line between bright and "
        "dark of one on the other should hug its pores, cracks and rims. Where the search found "
        "rivals, they stand in a row: none of them should have the section's pores. Last, an arrow "
        "for each block shows where it would still move on its own, much enlarged: arrows in disorder are "
        "noise, neighbours that point one way show a warp or a position that is off. The colour is the shift "
        "across the plane; pale arrows are not larger than their errors.",
        "Section image, tomogram cut, checkerboard, colour fusion, edges of each on the other, the cuts of "
        "the best rivals, and an arrow for the shift left in each block.",
    ),
    "registration_inset": _Caption(
        "Check: inset in its overview",
        "(a) Where the inset lies in the overview. (b) That part of the overview and (c) the inset: they "
        "must show the same features. (d) Their squares take turns; edges should go on across the borders. "
        "(e) The overview's edges on the inset. (f) For two SEM images, inset in magenta and overview in "
        "green: two coloured copies of one feature are a displacement, an even tint is contrast. For "
        "elements, the edges of the map that follows the overview most closely. (g) Where each block of the "
        "inset would still move on its own, much enlarged: arrows in disorder are noise, neighbours that "
        "point one way show a distortion or a position that is off.",
        "Overview with the inset's outline, overview and inset on the same field, their checkerboard, edges "
        "of one on the other, and an arrow for the shift left in each block.",
    ),
}


def figure_picture(name: str, png: bytes, remark: str = "") -> Picture:
    """Wrap one of the project's own pictures with its words.

    Parameters
    ----------
    name : str
        ``figure1`` to ``figure5``, ``mri_overlay``, ``section_overlay``, ``elements_overlay``,
        ``registration_volume``, ``registration_projection``, ``registration_section`` or
        ``registration_inset``.
    png : bytes
        Content of a PNG file.
    remark : str
        Added to the title, such as the acquisition's name.

    Returns
    -------
    Picture
        Ready for a page.

    Raises
    ------
    KeyError
        If there are no words for that name.

    Examples
    --------
    >>> import io
    >>> from PIL import Image
    >>> buffer = io.BytesIO()
    >>> Image.new("RGB", (40, 30)).save(buffer, format="PNG")
    >>> figure_picture("figure4", buffer.getvalue(), "mri-t2").title
    'Figure 4: decay curves (mri-t2)'
    """
    words = CAPTIONS[name]
    title = f"{words.title} ({remark})" if remark else words.title
    return Picture(title, png, words.text, words.alt)
