"""How to read each of the project's pictures."""

from __future__ import annotations

from dataclasses import dataclass

from spallmap.report.context import Picture


@dataclass(frozen=True)
class Caption:
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
    "figure1": Caption(
        "Figure 1: the cell in the tomograms",
        "Sections of every state through the same point, in the middle of the largest crack. The outlines "
        "are what the program took for sodium (orange), ceramic (green) and crack (vermillion): they should "
        "follow what the eye sees. Below, the cracks seen along z within the outlines of the electrodes, "
        "coloured by their depth below the interface and by their aperture; apertures below the dotted line "
        "are thinner than a voxel.",
        "Grey sections of the tomograms with outlined phases, maps of crack depth and aperture, histogram of "
        "apertures.",
    ),
    "figure2": Caption(
        "Figure 2: the sodium images",
        "Magnitude of every echo on one scale for all states; the square root keeps late echoes visible. The "
        "orange outlines are the electrodes of the tomogram, projected along the MRI's rays: the signal "
        "should lie along their edges, since radio waves enter sodium by its skin only.",
        "Rows of magnitude images at rising echo times, one row per state, with outlined electrodes.",
    ),
    "figure3": Caption(
        "Figure 3: T2 maps and histograms",
        "Left, T2 of every pixel that stands above the noise; grey pixels do not. The line in the colour bar "
        "is the threshold. Outlined: regions of neighbouring pixels that are long together; a lone bright "
        "pixel is noise. Right, how many pixels have which T2, with the electrode's median and its full "
        "width at half maximum.",
        "Maps of T2 with outlined long-T2 regions beside histograms of T2, one row per state.",
    ),
    "figure4": Caption(
        "Figure 4: decay curves",
        "Mean magnitude against echo time on a logarithmic scale. Bars are one standard error from the "
        "noise; lines are the model at the T2 that is written beside them. A long T2 falls more slowly; near "
        "the dotted noise floor every magnitude levels off.",
        "Decay curves of electrode pixels and long-T2 regions above the noise floor.",
    ),
    "figure5": Caption(
        "Figure 5: long-T2 regions on the cracks",
        "(a) How much crack each ray of the MRI passes through, darker for more, with the regions in blue. "
        "(b) The tomogram cut along the rays: wherever the blue band meets a crack, the region's sodium may "
        "lie there, since the MRI does not tell the depth along its rays. (c) The polished section with the "
        "tomogram's cracks and the pixels whose rays pass through a region. (d) The probability that a "
        "region lies on a crack.",
        "Cracks projected into the MRI plane, a tomogram section and an SEM section with long-T2 regions, "
        "and a bar chart of link probabilities.",
    ),
    "mri_overlay": Caption(
        "MRI and tomogram",
        "(a) T2 with the tomogram's electrodes and cracks projected onto it. (b) Length of each ray inside a "
        "crack. (c) The tomogram cut parallel to the MRI's plane at the depth of the link.",
        "T2 map, projected cracks and a tomogram section in the MRI's plane with outlined long-T2 regions.",
    ),
    "section_overlay": Caption(
        "SEM section, tomogram and MRI",
        "The section as it was imaged, and with the cracks of the tomogram (vermillion) and the rays of "
        "long-T2 regions (blue). The vermillion outline should lie on the crack that the SEM shows.",
        "SEM image beside the same image with outlined cracks and long-T2 bands.",
    ),
    "elements_overlay": Caption(
        "Elements on the section",
        "(a) The elements mixed in the colours of the legend on the SEM image; where several lie together "
        "their colours add. The others show each element's counts.",
        "Colour mixture of element maps on an SEM image, and one grey map per element.",
    ),
}


def figure_picture(name: str, png: bytes, remark: str = "") -> Picture:
    """Wrap one of the project's own pictures with its words.

    Parameters
    ----------
    name : str
        ``figure1`` to ``figure5``, ``mri_overlay``, ``section_overlay`` or ``elements_overlay``.
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
    """
    words = CAPTIONS[name]
    title = f"{words.title} ({remark})" if remark else words.title
    return Picture(title, png, words.text, words.alt)
