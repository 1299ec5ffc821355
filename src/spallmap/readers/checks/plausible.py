"""Sizes and times that an instrument can have, by modality; docs/formats.md holds the same table."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from spallmap.errors import DataWarning, InputError

# What a row of the table may declare to be unusual and right.
UNUSUAL = ("pixel_size", "field_of_view", "echo_times", "grey_scale")
# Table and files may differ by this fraction (rounding, a recalibrated stage) before it is told.
SIZE_TOLERANCE = 0.03


@dataclass(frozen=True)
class Bounds:
    """What a size may be, smallest and largest included.

    Parameters
    ----------
    pixel_um : tuple of float
        Pixel size, um.
    field_um : tuple of float
        Field of view along any axis in the plane, um.
    """

    pixel_um: tuple[float, float]
    field_um: tuple[float, float]


# Wide enough for every instrument that we know of (NMR microscopy to a human head, nano-CT to a medical
# scanner, atomic resolution to a macro photograph), narrow enough that a unit that is wrong by a thousand
# shows.
BOUNDS = {
    "mri": Bounds((1.0, 12_000.0), (20.0, 1_000_000.0)),
    "xct": Bounds((0.005, 1_000.0), (1.0, 700_000.0)),
    "sem": Bounds((0.00002, 100.0), (0.02, 200_000.0)),
    "edx": Bounds((0.00005, 200.0), (0.02, 200_000.0)),
}


def check_plausible(
    source_label: str,
    modality: str,
    spatial_shape: Sequence[int],
    spacing_um: Sequence[float],
    unusual: Collection[str] = (),
) -> None:
    """Refuse a pixel size or a field of view that no such instrument has.

    Parameters
    ----------
    source_label : str
        Who says the pixel size, for the message.
    modality : {"mri", "xct", "sem", "edx"}
        What was measured.
    spatial_shape : sequence of int
        Number of samples along (z,) y and x.
    spacing_um : sequence of float
        Pixel size along the same axes, um.
    unusual : collection of str
        What the table declares to be right all the same: ``pixel_size``, ``field_of_view``.

    Raises
    ------
    InputError
        Naming the bounds, and how to insist.

    Examples
    --------
    >>> check_plausible("scan.nrrd", "xct", (256, 256, 256), (4.66, 4.66, 4.66))
    >>> check_plausible("scan.nrrd", "xct", (256, 256), (4660.0, 4660.0))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    spallmap.errors.InputError: scan.nrrd: found a pixel size of 4660, 4660 um; allowed: 0.005 to 1000 um ...
    """
    bounds = BOUNDS[modality]
    low, high = bounds.pixel_um
    if "pixel_size" not in unusual and not all(low <= s <= high for s in spacing_um):
        found = f"a pixel size of {', '.join(f'{s:g}' for s in spacing_um)} um"
        raise InputError(source_label, found, _allowed(bounds.pixel_um, modality, "pixel_size"))
    low, high = bounds.field_um
    # a line, a single slice or a thin stack may be as thin as it likes
    fields = [n * s for n, s in zip(spatial_shape[-2:], spacing_um[-2:], strict=True)]
    if "field_of_view" not in unusual and (max(fields) < low or max(fields) > high):
        found = (
            f"a field of view of {' x '.join(f'{f:g}' for f in fields)} um "
            f"(pixels of {', '.join(f'{s:g}' for s in spacing_um)} um)"
        )
        raise InputError(source_label, found, _allowed(bounds.field_um, modality, "field_of_view"))


def _allowed(bounds: tuple[float, float], modality: str, word: str) -> str:
    return (
        f"{bounds[0]:g} to {bounds[1]:g} um for {modality}: write the right size in um into the table's "
        f"column spacing_um, or, if it is right, {word} into its column unusual"
    )


def size_conflict(
    source_label: str, given_um: Sequence[float], own_um: Sequence[float] | None
) -> DataWarning | None:
    """Compare the pixel size in the table with that in the files.

    Parameters
    ----------
    source_label : str
        The acquisition's file, for the message.
    given_um : sequence of float
        The table's pixel size in array order, um.
    own_um : sequence of float or None
        The files' own; None where they have none.

    Returns
    -------
    DataWarning or None
        A warning where they differ by more than ``SIZE_TOLERANCE``.

    Examples
    --------
    >>> size_conflict("a.tif", (4.66, 4.66), (4.661, 4.661)) is None
    True
    >>> print(size_conflict("a.tif", (9.32, 9.32), (4.66, 4.66)))  # doctest: +ELLIPSIS
    a.tif: found a pixel size of 4.66, 4.66 um in the files and of 9.32, 9.32 um in the table; the table's ...
    """
    if own_um is None or all(
        abs(given - own) <= SIZE_TOLERANCE * own for given, own in zip(given_um, own_um, strict=True)
    ):
        return None
    given, own = (", ".join(f"{s:g}" for s in sizes) for sizes in (given_um, own_um))
    return DataWarning(
        source_label,
        f"a pixel size of {own} um in the files and of {given} um in the table",
        "the table's is used: empty its column spacing_um if the files are right",
    )
