"""Channel stacks on one grid, for the overlay files that open in Fiji, napari or QuPath."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spallmap.figures.linked import cracks_on_section, regions_on_section
from spallmap.figures.overlays.element_overlays import elements_on_section
from spallmap.figures.planes import image_grid_in, mean_per_pixel, project
from spallmap.frames import sample_volume
from spallmap.results.records import ElementsRecord, MriRecord, SectionRecord, XctRecord
from spallmap.tomography.labels import SODIUM

Stack = tuple[NDArray[np.float32], tuple[str, ...]]


def mri_stack(mri: MriRecord, reference: XctRecord | None = None) -> Stack:
    """Collect on the MRI's grid what is known of each pixel.

    Parameters
    ----------
    mri : MriRecord
        The MRI; of several slices the one that the figures show.
    reference : XctRecord, optional
        The reference tomogram; used where the MRI's registration was accepted.

    Returns
    -------
    stack : ndarray of float32, shape (n_channels, ny, nx)
        The channels.
    names : tuple of str
        first_echo, t2_ms, p_long, regions; crack_um and sodium_um, the mean thickness along a pixel's line of
        sight.
        Those that are not known are absent.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.results.records import MriRecord
    >>> maps = {"t2_ms": np.full((4, 5), 7.0)}
    >>> mri = MriRecord("shorted", "t2", np.ones((2, 4, 5)), (2.0, 6.0), (20.0, 20.0), maps)
    >>> channels, names = mri_stack(mri)
    >>> channels.shape, names
    ((2, 4, 5), ('first_echo', 't2_ms'))
    """
    plane = mri.plane()
    channels: dict[str, NDArray[np.generic]] = {"first_echo": plane.echoes[0]}
    channels |= {name: plane.t2[name] for name in ("t2_ms", "p_long") if name in plane.t2}
    if plane.regions is not None:
        channels["regions"] = plane.regions
    if reference is not None and plane.registration is not None and plane.registration.accepted:
        masks = {}
        if reference.cracks is not None:
            masks["crack_um"] = np.asarray(reference.cracks) > 0
        if reference.phases is not None:
            masks["sodium_um"] = np.asarray(reference.phases) == SODIUM
        shape = plane.echoes.shape[-2:]
        for name, mask in masks.items():
            fine = project(mask, reference.spacing_um, plane.registration.map, shape, plane.spacing_um)
            channels[name] = mean_per_pixel(fine, shape, plane.spacing_um)
    return _stacked(channels)


def section_stack(
    section: SectionRecord,
    reference: XctRecord | None = None,
    mri: MriRecord | None = None,
    elements: ElementsRecord | None = None,
) -> Stack:
    """Collect on an SEM image's grid what the other modalities say of each pixel.

    Parameters
    ----------
    section : SectionRecord
        The SEM image.
    reference : XctRecord, optional
        The reference tomogram; used where the section's registration was accepted.
    mri : MriRecord, optional
        An MRI; used where its own and the section's registration were accepted.
    elements : ElementsRecord, optional
        Element maps; used where they were registered to this image.

    Returns
    -------
    stack : ndarray of float32, shape (n_channels, ny, nx)
        The channels.
    names : tuple of str
        sem_grey; xct_grey, phases, cracks (0 outside the tomogram); long_t2_regions (whose lines of sight
        pass here); one ``counts_<element>`` each (NaN outside the maps). Those that are not known are absent.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.frames import AffineMap
    >>> from spallmap.registration.result import Registration
    >>> from spallmap.results.records import SectionRecord, XctRecord
    >>> known = Registration(AffineMap.identity(), "known", "accepted", (), 1.0)
    >>> section = SectionRecord("shorted", "overview", np.ones((8, 10)), (10.0, 10.0), registration=known)
    >>> tomogram = XctRecord("shorted", "scan", np.full((2, 8, 10), 5.0), (10.0, 10.0, 10.0))
    >>> channels, names = section_stack(section, tomogram)
    >>> names, channels.mean(axis=(1, 2)).tolist()
    (('sem_grey', 'xct_grey'), [1.0, 5.0])
    """
    channels: dict[str, NDArray[np.generic]] = {"sem_grey": section.grey}
    if reference is not None and section.registration is not None and section.registration.accepted:
        points = image_grid_in(section.registration.map, section.grey.shape, section.spacing_um)
        channels["xct_grey"] = sample_volume(reference.grey, reference.spacing_um, points)
        if reference.phases is not None:
            channels["phases"] = sample_volume(reference.phases, reference.spacing_um, points, order=0)
        if reference.cracks is not None:
            channels["cracks"] = cracks_on_section(section, reference)
        if mri is not None and mri.regions is not None:
            plane = mri.plane()
            if plane.registration is not None and plane.registration.accepted:
                channels["long_t2_regions"] = regions_on_section(section, plane)
    if elements is not None and elements.registration is not None and elements.registration.accepted:
        counts = elements_on_section(elements, section)
        channels |= {f"counts_{name}": layer for name, layer in zip(elements.elements, counts, strict=True)}
    return _stacked(channels)


def _stacked(channels: dict[str, NDArray[np.generic]]) -> Stack:
    return np.stack([np.asarray(c, dtype=np.float32) for c in channels.values()]), tuple(channels)
