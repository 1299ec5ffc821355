"""Sizes and times that an instrument can have, by modality; docs/formats.md holds the same table."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from spallmap.errors import DataWarning, InputError

# What a row of the table may declare to be unusual and right.
UNUSUAL = ("pixel_size", "field_of_view", "echo_times", "grey_scale")
# Table and files may differ by this fraction (rounding, a recalibrated stage) before it is told.
SIZE_TOLERANCE = 0.03


# Where the shortest and the longest echo time of a spin-echo series can lie, ms. No gradient of an image fits
# into 0.1 ms, no relaxation calls for a first echo after 0.2 s or a last one after 5 s, and a series that
# ends before 1 ms sees no decay. So the same numbers as seconds or microseconds fall outside.
SHORTEST_TE_MS = (0.1, 200.0)
LONGEST_TE_MS = (1.0, 5_000.0)
# Echo times of one series follow each other within this factor (0.5 and 20 ms: 40). A larger gap is between
# numbers of two units.
LARGEST_TE_STEP = 100.0
# Units that formats and people use for echo times, as milliseconds a unit; the likeliest comes first.
_TE_UNITS_MS = (
    ("seconds", 1e3, "multiply by 1000"),
    ("microseconds", 1e-3, "divide by 1000"),
    ("nanoseconds", 1e-6, "divide by 1000000"),
)
# The same for files that hold seconds, by their standard.
_TE_UNITS_S = (("milliseconds", 1e-3, "divide by 1000"), ("microseconds", 1e-6, "divide by 1000000"))


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


def check_echo_times(
    source_label: str, te_ms: Sequence[float], unusual: Collection[str] = (), *, stored_as: str = "ms"
) -> None:
    """Refuse echo times that no spin-echo series has: most likely numbers of another unit.

    Parameters
    ----------
    source_label : str
        Who says the echo times, for the message.
    te_ms : sequence of float
        Echo times, ms, in any order; they may repeat.
    unusual : collection of str
        What the table declares to be right all the same: ``echo_times``.
    stored_as : {"ms", "s"}
        The unit that the source has by its standard: its numbers are named so.

    Raises
    ------
    InputError
        If the shortest, the longest, or a step from one to the next is out of bounds; naming the unit that
        was probably meant, the bounds, and how to insist.

    Examples
    --------
    >>> check_echo_times("a/echo_times_ms.txt", (2.0, 6.5, 20.0))
    >>> check_echo_times("a/echo_times_ms.txt", (0.01, 0.02, 0.03))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    spallmap.errors.InputError: a/echo_times_ms.txt: found echo times 0.01, 0.02, 0.03 ms, probably ...
    """
    if "echo_times" in unusual or _is_te_series(te_ms):
        return
    in_seconds = stored_as == "s"
    stored = [round(te / 1e3, 12) for te in te_ms] if in_seconds else list(te_ms)
    raise InputError(
        source_label,
        f"echo times {_listed(stored)} {stored_as}{_guessed_unit(te_ms, in_seconds)}",
        f"the shortest {SHORTEST_TE_MS[0]:g} to {SHORTEST_TE_MS[1]:g} ms, the longest "
        f"{LONGEST_TE_MS[0]:g} to {LONGEST_TE_MS[1]:g} ms, no step above a factor of "
        f"{LARGEST_TE_STEP:g}: correct them there, or, if they are right, write echo_times into the table's "
        "column unusual",
    )


def _guessed_unit(te_ms: Sequence[float], in_seconds: bool) -> str:
    """Say which other unit would make all of them, or those beyond a gap, echo times of a series."""
    units = _TE_UNITS_S if in_seconds else _TE_UNITS_MS
    for unit, factor, remedy in units:
        meant = [te * factor for te in te_ms]
        if _is_te_series(meant):
            return f", probably {unit} ({_listed(meant)} ms): {remedy}"
    order = sorted(te_ms)
    gap = max(range(1, len(order)), key=lambda n: order[n] / order[n - 1], default=0)
    for unit, factor, remedy in units:
        for odd, others in ((order[:gap], order[gap:]), (order[gap:], order[:gap])):
            if odd and others and _is_te_series([*others, *(te * factor for te in odd)]):
                named = [te / 1e3 for te in odd] if in_seconds else odd
                return f", of which {_listed(named)} probably {unit}: {remedy}"
    return ""


def _is_te_series(te_ms: Sequence[float]) -> bool:
    order = sorted(te_ms)
    return (
        SHORTEST_TE_MS[0] <= order[0] <= SHORTEST_TE_MS[1]
        and LONGEST_TE_MS[0] <= order[-1] <= LONGEST_TE_MS[1]
        and all(after <= LARGEST_TE_STEP * before for before, after in pairwise(order))
    )


def _listed(times: Sequence[float], most: int = 8) -> str:
    more = f", ... {len(times) - most} more" if len(times) > most else ""
    return ", ".join(f"{t:.6g}" for t in times[:most]) + more


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
