"""A look at an acquisition's headers before any job starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from spallmap.acquisitions import Acquisition
from spallmap.errors import DataWarning, InputError
from spallmap.readers import ImageInfo, probe_image


def probe_acquisition(acquisition: Acquisition, t2: Mapping[str, Any]) -> tuple[DataWarning, ...]:
    """Check that an acquisition can be opened, has a plausible pixel size, and fits the T2 model.

    Parameters
    ----------
    acquisition : Acquisition
        A row of the table whose path exists.
    t2 : mapping
        The configuration's keys below ``t2``.

    Returns
    -------
    tuple of DataWarning
        What is odd in its headers, each with the table's row.

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
    ...     odd = probe_acquisition(sized, {})
    ...     bare = Acquisition("a", "shorted", "sem", "b", image, None, axes, None, None, "row 1")
    ...     probe_acquisition(bare, {})  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    spallmap.errors.InputError: row 1, column 'spacing_um': found no value, and no pixel size in ...
    """
    try:
        info = probe_image(
            acquisition.path, acquisition.modality, acquisition.spacing_um, unusual=acquisition.unusual
        )
    except InputError as error:
        raise InputError(
            f"{acquisition.column('path')}: {error.source_label}", error.found, error.allowed
        ) from error
    if info.spacing_um is None:
        raise InputError(
            acquisition.column("spacing_um"),
            f"no value, and no pixel size in {acquisition.path}",
            "the pixel size in micrometres, in array order, such as 4.66 or 23,46",
        )
    if acquisition.modality == "mri":
        _check_model(acquisition, info, acquisition.t2_settings(t2))
    return tuple(
        replace(w, source_label=f"{acquisition.source_label}: {w.source_label}") for w in info.warnings
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
