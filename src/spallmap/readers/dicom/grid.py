"""Putting the frames of a DICOM series into the order of echoes and slices, and noticing what is missing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import DataWarning, InputError
from spallmap.readers.checks.direction_cosines import check_directions
from spallmap.readers.dicom.frame_headers import Frame
from spallmap.readers.dicom.frame_settings import difference
from spallmap.readers.echo_times import check_echo_times_ms

# Slices count as equally spaced when no gap differs from the mean by more than this fraction.
EVEN_SLICES = 0.01
# Positions along the normal that differ by less than this fraction of a pixel are of one slice: they come as
# decimal text of up to 16 characters.
SAME_SLICE = 0.01
# Slices lie behind each other when their first samples do, within this fraction of a pixel.
STRAIGHT_STACK = 0.1
# The echoes of a train lie at whole multiples of one time, within this fraction.
SAME_STEP = 0.01
# Direction cosines agree within the rounding of decimal text.
SAME_DIRECTION = 1e-3
# At most so many gaps are listed.
MOST_GAPS = 50
# At most so many missing images are named.
NAMED = 5


@dataclass(frozen=True)
class SliceGrid:
    """Frames in order.

    Parameters
    ----------
    frames : tuple of tuple of Frame
        One row for each echo, repetitions slowest; in a row, slices along own x cross own y.
    te_ms : tuple of float
        Echo time of each row, ms.
    spacing_um : tuple of float or None
        (z,) y, x; z only where there are several slices.
    position_mm : tuple of float or None
        Of the first sample of the first slice.
    directions : tuple of float or None
        Of own x, own y and own z, nine numbers.
    n_repetitions : int
        Largest number of samples at one echo time.
    warnings : tuple of DataWarning
        What is odd in the echoes.
    """

    frames: tuple[tuple[Frame, ...], ...]
    te_ms: tuple[float, ...]
    spacing_um: tuple[float, ...] | None
    position_mm: tuple[float, ...] | None
    directions: tuple[float, ...] | None
    n_repetitions: int
    warnings: tuple[DataWarning, ...] = ()


def arrange(source_label: str, frames: Sequence[Frame]) -> SliceGrid:
    """Put frames into order.

    Slices are sorted by their position along the normal, own x cross own y, so that the own frame is
    right-handed. Images of one slice and echo time are repetitions.

    Parameters
    ----------
    source_label : str
        Named in messages.
    frames : sequence of Frame
        Of one component; at least one.

    Returns
    -------
    SliceGrid
        Every echo of every slice.

    Raises
    ------
    InputError
        If the frames differ in size, direction or pixel size, the same image comes twice, slices are not
        equally spaced, or an echo of a slice is missing.
    """
    _check_alike(source_label, frames)
    slice_of, distances = _slices(source_label, frames)
    cells: defaultdict[tuple[float, int], list[Frame]] = defaultdict(list)
    for frame, number in zip(frames, slice_of, strict=True):
        cells[frame.origin.te_ms, number].append(frame)
    echo_times = sorted({te for te, _ in cells})
    n_slices = len(distances)
    _check_complete(source_label, frames, cells, echo_times, distances)
    rows: list[tuple[Frame, ...]] = []
    n_repetitions = max(len(found) for found in cells.values())
    for repetition in range(n_repetitions):
        for te in echo_times:
            stacks = [sorted(cells[te, z], key=lambda f: f.repetition) for z in range(n_slices)]
            if repetition < len(stacks[0]):
                rows.append(tuple(stack[repetition] for stack in stacks))
    first = rows[0][0]
    label = f"{source_label}, EchoTime (first in {first.path.name})"
    te_ms = check_echo_times_ms(label, [row[0].origin.te_ms for row in rows], len(rows))
    spacing_mm = first.spacing_mm
    if spacing_mm is not None and n_slices > 1:
        spacing_mm = (float(np.mean(np.diff(distances))), *spacing_mm)
    directions = first.directions
    if directions is not None:
        directions = (*directions, *(float(v) for v in _normal(directions)))
    return SliceGrid(
        frames=tuple(rows),
        te_ms=te_ms,
        spacing_um=None if spacing_mm is None else tuple(s * 1e3 for s in spacing_mm),
        position_mm=first.position_mm,
        directions=directions,
        n_repetitions=n_repetitions,
        warnings=missing_echoes(source_label, frames),
    )


def _normal(directions: tuple[float, ...]) -> NDArray[np.float64]:
    normal: NDArray[np.float64] = np.cross(directions[:3], directions[3:6])
    return normal


def _check_alike(source_label: str, frames: Sequence[Frame]) -> None:
    first = frames[0]
    if first.directions is not None:
        rows = np.reshape(first.directions, (2, 3))
        check_directions(str(first.path), rows, "ImageOrientationPatient")
    seen: dict[tuple[str, int], Frame] = {}
    for frame in frames:
        twin = seen.setdefault((frame.instance, frame.index), frame)
        if twin is not frame:
            raise InputError(
                source_label, f"the same image twice: {twin.path} and {frame.path}", "each image once"
            )
        if frame.shape != first.shape:
            found = f"{frame.path.name} of {frame.shape[0]}x{frame.shape[1]} pixels"
            raise InputError(
                source_label, found, f"{first.shape[0]}x{first.shape[1]} as in {first.path.name}"
            )
        other = difference(first.settings, frame.settings, frame.series == first.series)
        if other:
            found = f"{frame.path.name} with {other} in {first.path.name}"
            raise InputError(source_label, found, "images that are alike in all but their echo time")
        if frame.scaling != first.scaling:
            found = f"{frame.path.name} with {frame.scaling}"
            raise InputError(
                source_label, found, f"the same for all, as in {first.path.name} with {first.scaling}"
            )
        for what, own, its, tolerance in (
            ("pixel size", frame.spacing_mm, first.spacing_mm, 0.0),
            ("direction", frame.directions, first.directions, SAME_DIRECTION),
        ):
            same = own == its
            if own is not None and its is not None:
                same = bool(np.allclose(own, its, rtol=1e-4, atol=tolerance))
            if not same:
                raise InputError(
                    source_label, f"{what} {own} in {frame.path.name}", f"{its} as in {first.path.name}"
                )


def _slices(source_label: str, frames: Sequence[Frame]) -> tuple[list[int], NDArray[np.float64]]:
    """Slice number of each frame, and the slices' distances along the normal in mm."""
    first = frames[0]
    known = [f.position_mm for f in frames if f.position_mm is not None and f.directions is not None]
    if len(known) < len(frames) or first.directions is None:
        times = [f.origin.te_ms for f in frames]
        if len(set(times)) < len(times):
            found = "several images of one echo time without a position"
            raise InputError(
                source_label, found, "ImagePositionPatient and ImageOrientationPatient in every image"
            )
        return [0] * len(frames), np.zeros(1)
    normal = _normal(first.directions)
    along = np.asarray(known) @ normal
    pixel = min(first.spacing_mm) if first.spacing_mm is not None else 1.0
    across = np.asarray(known) - along[:, None] * normal
    shift = float(np.abs(across - across[0]).max())
    if shift > STRAIGHT_STACK * pixel:
        raise InputError(
            source_label, f"slices shifted in their plane by {shift:.3g} mm", "slices of one straight stack"
        )
    ordered = np.sort(along)
    starts = np.flatnonzero(np.diff(ordered, prepend=-np.inf) > SAME_SLICE * pixel)
    distances = ordered[starts]
    numbers = np.searchsorted(distances, along, side="right") - 1
    if distances.size > 1:
        _check_even(source_label, distances)
    return [int(n) for n in numbers], distances


def _check_even(source_label: str, distances: NDArray[np.float64]) -> None:
    gaps = np.diff(distances)
    step = float(gaps.min())
    if np.abs(gaps - gaps.mean()).max() <= EVEN_SLICES * gaps.mean():
        return
    counts = np.rint(gaps / step)
    found = f"slice gaps {np.round(gaps[:MOST_GAPS], 4).tolist()} mm"
    if np.abs(gaps / step - counts).max() <= EVEN_SLICES * counts.max():
        missing = (
            f"{low + step * k:.4g} mm"
            for low, n in zip(distances, counts, strict=False)
            for k in range(1, int(n))
        )
        found += f": no slice at {', '.join(islice(missing, NAMED))} along the normal"
    raise InputError(source_label, found, "equally spaced slices, none missing")


def _check_complete(
    source_label: str,
    frames: Sequence[Frame],
    cells: dict[tuple[float, int], list[Frame]],
    echo_times: list[float],
    distances: NDArray[np.float64],
) -> None:
    counts = {key: len(found) for key, found in cells.items()}
    several = len({frame.series for frame in frames}) > 1
    missing = []
    for te in echo_times:
        # separate acquisitions may be repeated one more than another, the echoes of one series may not
        wanted = max(n for (other, _), n in counts.items() if other == te or not several)
        for z, distance in enumerate(distances):
            found = counts.get((te, z), 0)
            if found < wanted:
                where = f", slice {z + 1} at {distance:.4g} mm" if distances.size > 1 else ""
                what = f" ({found} of {wanted} repetitions)" if wanted > 1 else ""
                missing.append(f"echo {te:g} ms{where}{what}")
    if missing:
        rest = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
        found_text = f"no image for {'; '.join(missing[:NAMED])}{rest}"
        raise InputError(source_label, found_text, "every echo of every slice")
    _check_numbers(source_label, cells)


def _check_numbers(source_label: str, cells: dict[tuple[float, int], list[Frame]]) -> None:
    """Refuse echoes of one time and several numbers: one of the two is wrong."""
    for (te, _), found in cells.items():
        numbers = sorted({n for frame in found if (n := frame.origin.echo_number) is not None})
        if len(numbers) > 1 and len({frame.series for frame in found}) == 1:
            listed = ", ".join(map(str, numbers[:NAMED])) + (" ..." if len(numbers) > NAMED else "")
            said = f"echo numbers {listed} with one echo time, {te:g} ms ({found[0].path.name})"
            raise InputError(source_label, said, "an echo time of its own for each echo")


def missing_echoes(source_label: str, frames: Sequence[Frame]) -> tuple[DataWarning, ...]:
    """Warn where numbers and times of the echoes agree that some are missing.

    A gap in the numbers alone proves nothing, since they may be any.

    Parameters
    ----------
    source_label : str
        Named in the warning.
    frames : sequence of Frame
        All images of the series.

    Returns
    -------
    tuple of DataWarning
        None, or one.
    """
    pairs = {(f.origin.echo_number, f.origin.te_ms) for f in frames}
    numbers = sorted({n for n, _ in pairs if n is not None and n > 0})
    if len(numbers) < len(pairs) or len(numbers) < 2 or len({te for _, te in pairs}) < len(pairs):
        return ()
    steps = [te / n for n, te in pairs if n]
    absent = list(islice((n for n in range(1, numbers[-1]) if n not in numbers), NAMED + 1))
    if not absent or max(steps) - min(steps) > SAME_STEP * min(steps):
        return ()
    listed = ", ".join(map(str, absent[:NAMED])) + (" ..." if len(absent) > NAMED else "")
    some = ", ".join(map(str, numbers[: 2 * NAMED]))
    said = f"echoes {some} of a train of {min(steps):.4g} ms, none of {listed}"
    return (DataWarning(source_label, said, "read without them: see whether files are missing"),)
