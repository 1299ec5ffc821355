"""Paths that name a dataset inside a file, such as ``scan.nxs:/entry/data/data``."""

from __future__ import annotations

import os
import re
from pathlib import Path

# Endings of HDF5 files.
SUFFIXES = (".h5", ".hdf5", ".hdf", ".he5", ".nxs", ".nx5", ".nexus")
_INSIDE = re.compile(
    rf"(?P<file>.+?({'|'.join(re.escape(s) for s in SUFFIXES)})):(?P<dataset>/.*)", re.IGNORECASE | re.DOTALL
)


def split_dataset(path: Path | str) -> tuple[Path, str | None]:
    """Separate a path into the file and the dataset named after it.

    Parameters
    ----------
    path : Path or str
        A file or folder; after the name of an HDF5 or NeXus file, a colon and the dataset's path in it,
        which begins with a slash.

    Returns
    -------
    file : Path
        What has to be on the disk.
    dataset : str or None
        The dataset's path inside the file; None where the path names none.

    Examples
    --------
    >>> file, dataset = split_dataset("scan.nxs:/entry/data/data")
    >>> file.name, dataset
    ('scan.nxs', '/entry/data/data')
    >>> split_dataset("scan.tif")[1] is None
    True
    """
    path = Path(path)
    match = _INSIDE.fullmatch(str(path))
    if match is None or os.path.lexists(path):
        return path, None
    return Path(match["file"]), match["dataset"]
