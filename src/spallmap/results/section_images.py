"""Images of a section out of our own files: grey values with their mask, and counts of elements."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from spallmap.image import Image
from spallmap.results.ome_tiff import channel, element_names, read_stack


def read_grey_image(path: Path | str) -> Image:
    """Read an SEM image of the results.

    Parameters
    ----------
    path : Path or str
        An ``image.ome.tif`` with the channels ``grey`` and ``mask``.

    Returns
    -------
    Image
        Axes (y, x); its mask is False in the data bar.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from spallmap.results.ome_tiff import write_ome_tiff
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "image.ome.tif"
    ...     write_ome_tiff(path, np.array([[[7.0, 8.0]], [[1.0, 0.0]]], "f4"), ("grey", "mask"), (0.5, 0.5))
    ...     image = read_grey_image(path)
    >>> image.data
    array([[7., 8.]], dtype=float32)
    >>> image.mask
    array([[ True, False]])
    """
    stack = read_stack(path)
    return Image(channel(stack, "grey"), ("y", "x"), stack.spacing_um, channel(stack, "mask") > 0)


def read_counts(path: Path | str) -> Image:
    """Read element maps of the results.

    Parameters
    ----------
    path : Path or str
        An ``elements.ome.tif``; its standard deviations are left out.

    Returns
    -------
    Image
        Axes (channel, y, x); meta ``channels`` holds the elements' names.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from spallmap.results.ome_tiff import SD_SUFFIX, write_ome_tiff
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "elements.ome.tif"
    ...     write_ome_tiff(path, np.ones((2, 3, 4), "f4"), ("Na", f"Na{SD_SUFFIX}"), (2.0, 2.0))
    ...     counts = read_counts(path)
    >>> counts.data.shape, counts.meta["channels"]
    ((1, 3, 4), ('Na',))
    """
    stack = read_stack(path)
    names = element_names(stack)
    counts = np.stack([channel(stack, name) for name in names])
    return Image(counts, ("channel", "y", "x"), stack.spacing_um, meta={"channels": names})
