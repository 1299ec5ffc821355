"""What one job of a crack search hands to the next: thresholds, and the ridge voxels of a slab."""

from __future__ import annotations

import zipfile
from dataclasses import asdict
from pathlib import Path

import numpy as np

from spallmap.errors import InputError
from spallmap.results.atomic import atomic_path
from spallmap.results.tables import read_json, write_json
from spallmap.tomography import TOO_LITTLE, Candidates, Thresholds


def write_thresholds(path: Path | str, thresholds: Thresholds) -> None:
    """Write thresholds as JSON.

    Parameters
    ----------
    path : Path or str
        The file.
    thresholds : Thresholds
        Infinite ones are written as null.

    Examples
    --------
    >>> import tempfile
    >>> found = Thresholds((0.25, 0.5), 2.6, 4.1, 150, "pristine scan")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_thresholds(Path(folder, "thresholds.json"), found)
    ...     read_thresholds(Path(folder, "thresholds.json")) == found
    True
    """
    write_json(path, asdict(thresholds))


def read_thresholds(path: Path | str) -> Thresholds:
    """Read thresholds.

    Parameters
    ----------
    path : Path or str
        The file.

    Returns
    -------
    Thresholds
        As they were written.

    Raises
    ------
    InputError
        If the file holds something else.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:  # a tomogram in which too little could be searched
    ...     write_thresholds(Path(folder, "thresholds.json"), TOO_LITTLE)
    ...     read_thresholds(Path(folder, "thresholds.json")) is TOO_LITTLE
    True
    """
    content = read_json(path)
    try:
        weights = tuple(float(w) for w in content["weights"])
        if not weights:
            return TOO_LITTLE
        return Thresholds(
            weights,
            float(content["low"]),
            float(content["high"]),
            int(content["min_area_voxels"]),
            str(content["null"]),
            float("inf") if content["bright"] is None else float(content["bright"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(str(path), f"no thresholds ({error!r})", "thresholds of a crack search") from error


def write_candidates(path: Path | str, candidates: Candidates) -> None:
    """Write ridge voxels and pore cores as a compressed NumPy archive.

    Parameters
    ----------
    path : Path or str
        The file.
    candidates : Candidates
        Of a slab.

    Examples
    --------
    >>> import tempfile
    >>> at = np.array([[10, 20, 30]], np.int32)
    >>> one = np.ones(1, np.float32)
    >>> found = Candidates(at, np.array([[0, 0, 1]], np.float32), one, one, np.array([False]), at)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_candidates(Path(folder, "0.npz"), found)
    ...     read_candidates(Path(folder, "0.npz")).index.tolist()
    [[10, 20, 30]]
    """
    with atomic_path(path) as part, part.open("wb") as file:
        np.savez_compressed(
            file,
            index=candidates.index,
            normal=candidates.normal,
            response=candidates.response,
            distance=candidates.distance,
            skims=candidates.skims,
            cores=candidates.cores,
        )


def read_candidates(path: Path | str) -> Candidates:
    """Read ridge voxels and pore cores.

    Parameters
    ----------
    path : Path or str
        The file.

    Returns
    -------
    Candidates
        As they were written.

    Raises
    ------
    InputError
        If the file holds something else.

    Examples
    --------
    >>> read_candidates("nowhere.npz")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    spallmap.errors.InputError: nowhere.npz: found no ridge voxels (...); allowed: a slab's ridge voxels
    """
    try:
        with np.load(path) as held:
            return Candidates(
                held["index"],
                held["normal"],
                held["response"],
                held["distance"],
                held["skims"],
                held["cores"],
            )
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(str(path), f"no ridge voxels ({error!r})", "a slab's ridge voxels") from error
