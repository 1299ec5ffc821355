"""Why a registration cannot be tried: what the table or the cell lacks for it."""

from __future__ import annotations

from spallmap.axes import AxesPrior

NO_TOMOGRAM = "the cell has no tomogram to place it in"
NO_OUTER_IMAGE = (
    "element maps are placed in an SEM image: name the image that they lie in, in the column 'within'"
)


def why_not_projection(tomogram: bool, prior: AxesPrior, n_axes: int) -> str | None:
    """Say what stands against registering an image of the metal.

    Parameters
    ----------
    tomogram : bool
        Whether there is a tomogram of its state, or of the cell.
    prior : AxesPrior
        What the table says of its axes.
    n_axes : int
        Number of the image's spatial axes.

    Returns
    -------
    str or None
        The reason, in words that a person understands; None where it can be tried.

    Examples
    --------
    >>> from spallmap.axes import AxesPrior
    >>> why_not_projection(True, AxesPrior.parse("-z,y"), 3)
    'the table names 2 axes, and the image has 3'
    """
    if not tomogram:
        return NO_TOMOGRAM
    if len(prior.names) != n_axes:
        return f"the table names {len(prior.names)} axes, and the image has {n_axes}"
    return None


def why_not_section(tomogram: bool, modality: str) -> str | None:
    """Say what stands against registering an image of a section to a tomogram.

    Parameters
    ----------
    tomogram : bool
        Whether there is a tomogram of its state, or of the cell.
    modality : str
        Of the acquisition, as in the table: only SEM images are registered to a tomogram.

    Returns
    -------
    str or None
        The reason, in words that a person understands; None where it can be tried.

    Examples
    --------
    >>> why_not_section(False, "sem")
    'the cell has no tomogram to place it in'
    >>> why_not_section(True, "sem") is None
    True
    """
    if not tomogram:
        return NO_TOMOGRAM
    return NO_OUTER_IMAGE if modality == "edx" else None
