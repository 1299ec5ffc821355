"""A look at an acquisition's headers before any job starts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from spallmap.acquisitions import Acquisition, check_decimal_comma
from spallmap.errors import InputError
from spallmap.readers import UNUSUAL, ImageInfo, probe_image


def probe_acquisition(acquisition: Acquisition, t2: Mapping[str, Any]) -> ImageInfo:
    """Check that an acquisition can be opened, has a plausible pixel size, and fits its axes and T2 model.

    Parameters
    ----------
    acquisition : Acquisition
        A row of the table whose path exists.
    t2 : mapping
        The configuration's keys below ``t2``.

    Returns
    -------
    ImageInfo
        Its headers, with the pixel size; each of its warnings names the table's row.

    Raises
    ------
    InputError
        With the table's row and column, and the file, where it cannot be used.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import tifffile
    >>> from spallmap.axes import AxesPrior
    >>> axes = AxesPrior.parse("-z,r")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     image = Path(folder, "a.tif")
    ...     tifffile.imwrite(image, np.eye(30))
    ...     sized = Acquisition("a", "shorted", "sem", "b", image, (0.5, 0.5), axes, None, None, "row 1")
    ...     known = probe_acquisition(sized, {}).spacing_um
    ...     bare = Acquisition("a", "shorted", "sem", "b", image, None, axes, None, None, "row 1")
    ...     probe_acquisition(bare, {})  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    spallmap.errors.InputError: row 1, column 'spacing_um': found no value, and no pixel size in ...
    """
    with _in_row(acquisition):
        check_decimal_comma(
            acquisition.column("spacing_um"),
            acquisition.spacing_text,
            acquisition.modality,
            lambda: _files_say(acquisition),
        )
        info = probe_image(
            acquisition.path, acquisition.modality, acquisition.spacing_um, unusual=acquisition.unusual
        )
    if info.spacing_um is None:
        raise InputError(
            acquisition.column("spacing_um"),
            f"no value, and no pixel size in {acquisition.path}",
            "the pixel size in micrometres, in array order, such as 4.66 or 23,46",
        )
    if acquisition.modality == "mri":
        _check_axes(acquisition, info)
        _check_model(acquisition, info, acquisition.t2_settings(t2))
    warnings = tuple(
        replace(w, source_label=f"{acquisition.source_label}: {w.source_label}") for w in info.warnings
    )
    return replace(info, warnings=warnings)


@contextmanager
def _in_row(acquisition: Acquisition) -> Iterator[None]:
    """Name the table's row in what a reader says of a file."""
    try:
        yield
    except InputError as error:
        if error.source_label.startswith(acquisition.source_label):
            raise
        label = f"{acquisition.column('path')}: {error.source_label}"
        raise InputError(label, error.found, error.allowed) from error


def _files_say(acquisition: Acquisition) -> tuple[int, tuple[float, ...] | None]:
    info = probe_image(acquisition.path, acquisition.modality, unusual=UNUSUAL)
    return len(info.spatial_shape), info.spacing_um


def _check_axes(acquisition: Acquisition, info: ImageInfo) -> None:
    """Compare the number of axes with the image's."""
    named, n_axes = acquisition.axes.names, len(info.spatial_shape)
    if len(named) != n_axes:
        size = " x ".join(map(str, info.spatial_shape))
        raise InputError(
            acquisition.column("axes"),
            f"{len(named)} axes ({','.join(named)}) for an image with {n_axes} ({size} samples)",
            "one direction for each axis of the image, such as " + ("z,y,x" if n_axes == 3 else "z,y"),
        )


def _check_model(acquisition: Acquisition, info: ImageInfo, t2: Mapping[str, Any]) -> None:
    source_label = f"{acquisition.column('path')}: {acquisition.path}"
    model = t2["model"]
    is_complex = info.dtype.startswith("complex")
    if (model == "complex" and not is_complex) or (model != "complex" and not info.meta["magnitude"]):
        found = (
            "complex data"
            if is_complex
            else "magnitudes"
            if info.meta["magnitude"]
            else "a real channel alone"
        )
        allowed = "complex data" if model == "complex" else "magnitudes"
        raise InputError(source_label, found, f"{allowed} for t2.model {model}")
    if t2["n_coils"] > 1 and model != "chi":
        raise InputError(
            "configuration, key 't2.n_coils'", f"{t2['n_coils']} with t2.model {model}", "1, or model chi"
        )
    # an amplitude and a time, and for free_offset a constant
    needed = (3 if model == "free_offset" else 2) + t2["skip_echoes"]
    n_times = len(set(info.meta["te_ms"]))
    if n_times < needed:
        skipped = f" with t2.skip_echoes {t2['skip_echoes']}" if t2["skip_echoes"] else ""
        raise InputError(
            source_label, f"{n_times} different echo times", f"{needed} or more for {model}{skipped}"
        )
