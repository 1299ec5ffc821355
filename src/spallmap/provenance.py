"""How results were made: the inputs' digests, the versions and the machine."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

# The packages whose version may change a number in the results.
PACKAGES = (
    "spallmap",
    "h5py",
    "imagecodecs",
    "matplotlib",
    "nibabel",
    "numba",
    "numcodecs",
    "numpy",
    "olefile",
    "pandas",
    "pydicom",
    "pyvista",
    "scikit-image",
    "scipy",
    "simpleitk",
    "snakemake",
    "tifffile",
    "zarr",
)
_CHUNK = 1 << 20


def sha256(path: Path) -> str:
    """Digest of one file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    str
        64 hexadecimal digits.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "a.txt")
    ...     _ = path.write_text("abc")
    ...     sha256(path)[:8]
    'ba7816bf'
    """
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def digests(paths: Iterable[Path]) -> dict[str, str]:
    """Digests of files.

    Parameters
    ----------
    paths : iterable of Path
        Files; one that is named twice counts once.

    Returns
    -------
    dict of str to str
        SHA-256 by path, sorted.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "a.txt")
    ...     _ = path.write_text("abc")
    ...     [(Path(name).name, digest[:8]) for name, digest in digests([path, path]).items()]
    [('a.txt', 'ba7816bf')]
    """
    return {str(file): sha256(file) for file in sorted(set(paths))}


def own_version() -> str:
    """Version of spallmap.

    Returns
    -------
    str
        As installed.

    Examples
    --------
    >>> own_version() == versions()["spallmap"]
    True
    """
    return importlib.metadata.version("spallmap")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that results depend on.

    Returns
    -------
    dict of str to str
        By name.

    Examples
    --------
    >>> {"python", "spallmap", "numpy"} <= set(versions())
    True
    """
    return {"python": platform.python_version()} | {p: importlib.metadata.version(p) for p in PACKAGES}


def machine() -> dict[str, Any]:
    """Describe the machine.

    Returns
    -------
    dict
        System, processor type and number of processors.

    Examples
    --------
    >>> sorted(machine())
    ['cpus', 'processor', 'system']
    """
    return {"system": platform.platform(), "processor": platform.machine(), "cpus": os.cpu_count()}


def run_record(
    rows: Sequence[Mapping[str, Any]], parameters: Mapping[str, Any], inputs: Mapping[str, str]
) -> dict[str, Any]:
    """Say how results were made, as provenance.json and the pages hold it.

    Parameters
    ----------
    rows : sequence of mapping
        The acquisitions: id, modality, path and what else the table says of each.
    parameters : mapping
        The whole configuration.
    inputs : mapping of str to str
        SHA-256 by path of what was read.

    Returns
    -------
    dict
        Keys inputs, acquisitions, parameters, random_seed, versions and machine.

    Examples
    --------
    >>> record = run_record([], {"random_seed": 1}, {"b.tif": "03ac", "a.tif": "ba78"})
    >>> record["random_seed"], list(record["inputs"])
    (1, ['a.tif', 'b.tif'])
    """
    return {
        "inputs": dict(sorted(inputs.items())),
        "acquisitions": [dict(row) for row in rows],
        "parameters": dict(parameters),
        "random_seed": parameters["random_seed"],
        "versions": versions(),
        "machine": machine(),
    }
