"""Acquisitions with what was read of each, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from spallmap.acquisitions import Acquisition
from spallmap.cli.plain_columns import WIDTH, aligned_columns, shortened
from spallmap.errors import InputError
from spallmap.readers import ImageInfo, input_files

_HEADINGS = ("acquisition", "format", "samples", "pixel um", "from", "field um", "files")
_N_FILES = _HEADINGS.index("files")
# With these the table fits 100 columns for volumes of four digits along each axis.
_LONGEST_NAME, _LONGEST_FORMAT = 22, 18
# A train of 32 echoes is known by its ends and its number.
_MOST_ECHOES = 10


def acquisition_rows(
    acquisitions: Sequence[Acquisition],
    headers: Mapping[tuple[str, str, str, str], ImageInfo],
    errors: Sequence[InputError],
) -> list[str]:
    """Lay out what was read of each acquisition.

    Parameters
    ----------
    acquisitions : sequence of Acquisition
        The table.
    headers : mapping of tuple to ImageInfo
        What was read, by the acquisitions' keys.
    errors : sequence of InputError
        What cannot be used.

    Returns
    -------
    list of str
        Lines: cells and states as headings, below each acquisition its path and echo times.
    """
    rows: list[tuple[str, ...]] = [_HEADINGS]
    heading = ""
    for acquisition in acquisitions:
        group = f"{acquisition.cell}/{acquisition.state}"
        if group != heading:
            rows.append((group,))
            heading = group
        info = headers.get(acquisition.key)
        label = shortened(acquisition.label, _LONGEST_NAME - 2)
        if info is None:
            wrong = any(error.source_label.startswith(acquisition.source_label) for error in errors)
            state = "cannot be used: see below" if wrong else "not there yet: the workflow draws it"
            rows.append((f"  {label}", state))
        else:
            rows.append((f"  {label}", *_values(acquisition, info)))
        rows.append((_second_line(acquisition, info),))
    return aligned_columns(rows, right=[_N_FILES])


def _values(acquisition: Acquisition, info: ImageInfo) -> tuple[str, ...]:
    spacing = info.spacing_um or ()
    field = [n * s for n, s in zip(info.spatial_shape, spacing, strict=False)]
    return (
        shortened(info.format, _LONGEST_FORMAT),
        "x".join(map(str, info.spatial_shape)),
        _numbers(spacing[:1] if len(set(spacing)) == 1 else spacing),
        "table" if acquisition.spacing_um else "metadata",
        _numbers(field),
        str(len(input_files(acquisition.path, acquisition.modality))),
    )


def _numbers(values: Sequence[float]) -> str:
    return "x".join(f"{value:.4g}" if value < 10000 else f"{value:.0f}" for value in values)


def _second_line(acquisition: Acquisition, info: ImageInfo | None) -> str:
    te_ms = info.meta.get("te_ms") if info else None
    channels = info.meta.get("channels") if info else None
    beside = ""
    if te_ms is not None:
        beside = f"echoes {echo_words(te_ms)}"
    elif channels:
        beside = f"elements {', '.join(map(str, channels))}"
    path = shortened(str(acquisition.path), WIDTH - 4 - (len(beside) + 2 if beside else 0))
    return f"    {path}{f'; {beside}' if beside else ''}"


def echo_words(te_ms: Sequence[float]) -> str:
    """Say which echo times there are.

    Parameters
    ----------
    te_ms : sequence of float
        Echo times, ms.

    Returns
    -------
    str
        All of them, or first, last and number.

    Examples
    --------
    >>> echo_words([2.0, 6.0, 10.0]), echo_words([8.0 * n for n in range(1, 33)])
    ('2, 6, 10 ms', '8, 16, ..., 256 ms (32 times)')
    """
    times = [f"{te:g}" for te in dict.fromkeys(round(float(te), 4) for te in te_ms)]
    repeated = f", {len(te_ms)} samples" if len(te_ms) != len(times) else ""
    if len(times) > _MOST_ECHOES:
        return f"{times[0]}, {times[1]}, ..., {times[-1]} ms ({len(times)} times{repeated})"
    return f"{', '.join(times)} ms{repeated}"
