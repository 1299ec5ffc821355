"""What was read of an acquisition's files, kept beside its results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from spallmap.provenance import own_version
from spallmap.readers import input_files
from spallmap.readers.file_states import files_at_rest
from spallmap.results.tables import read_json, write_json

INPUTS = "inputs.json"


@contextmanager
def recorded_inputs(record: Path | str, path: Path | str, modality: str) -> Iterator[None]:
    """Write down the digests of the files that the block reads, once it has ended well.

    Parameters
    ----------
    record : Path or str
        The JSON file; written whole or not at all.
    path : Path or str
        The acquisition's file or folder.
    modality : {"mri", "xct", "sem", "edx"}
        What it is.

    Raises
    ------
    InputError
        If no reader knows the files, or one of them changed meanwhile.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import tifffile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     image = Path(folder, "a.tif")
    ...     tifffile.imwrite(image, np.eye(30))
    ...     with recorded_inputs(Path(folder, "inputs.json"), image, "sem"):
    ...         pass
    ...     [Path(name).name for name in read_inputs([folder])]
    ['a.tif']
    """
    with files_at_rest(lambda: input_files(path, modality)) as known:
        yield
    write_json(record, {"files": known, "spallmap": own_version()})


def read_inputs(folders: Iterable[Path | str]) -> dict[str, str]:
    """Gather the digests of what was read for acquisitions, landmarks included.

    Parameters
    ----------
    folders : iterable of Path or str
        The acquisitions' folders of results; one that nothing was made for yet has none.

    Returns
    -------
    dict of str to str
        SHA-256 by path.

    Raises
    ------
    InputError
        If a file of results is no such JSON.

    Examples
    --------
    >>> read_inputs(["nowhere"])
    {}
    """
    found: dict[str, str] = {}
    for folder in map(Path, folders):
        record, registration = folder / INPUTS, folder / "to_reference.json"
        if record.exists():
            found |= read_json(record)["files"]
        if registration.exists():
            found |= read_json(registration).get("landmarks") or {}
    return found
