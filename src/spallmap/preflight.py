"""A look at an acquisition's headers before any job starts."""

from __future__ import annotations

from spallmap.acquisitions import Acquisition
from spallmap.errors import InputError
from spallmap.readers import probe_image


def probe_acquisition(acquisition: Acquisition) -> None:
    """Check that an acquisition can be opened and has a pixel size.

    Parameters
    ----------
    acquisition : Acquisition
        A row of the table whose path exists.

    Raises
    ------
    InputError
        With the table's row and column, and the file, where it cannot be used.
    """
    try:
        info = probe_image(acquisition.path, acquisition.modality, acquisition.spacing_um)
    except InputError as error:
        raise InputError(
            f"{acquisition.column('path')}: {error.place}", error.found, error.allowed
        ) from error
    if info.spacing_um is None:
        raise InputError(
            acquisition.column("spacing_um"),
            f"no value, and no pixel size in {acquisition.path}",
            "the pixel size in micrometres, in array order, such as 4.66 or 23,46",
        )
