"""One acquisition as the table names it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spallmap.axes import AxesPrior
from spallmap.readers.dataset_path import split_dataset

# Axes of a row that names none; see AxesPrior.
DEFAULT_AXES = {"xct": "z,y,x", "mri": "z,y", "sem": "-z,r", "edx": "-z,r"}


@dataclass(frozen=True)
class Acquisition:
    """One row of the table.

    Parameters
    ----------
    cell, state, modality, name : str
        What was measured; together they are unique.
    path : Path
        What the readers open: a file or folder, absolute or relative to the working directory, with the
        dataset after a colon where an HDF5 file holds several.
    spacing_um : tuple of float or None
        Pixel size in array order; None where the file's metadata must say.
    axes : AxesPrior
        Which directions of the reference tomogram the array's axes run along.
    within : str or None
        Name of the SEM image in the same state that it lies in.
    landmarks : Path or None
        CSV of matched points.
    source_label : str
        Table and row, for messages.
    unusual : tuple of str
        What no such instrument has and is right all the same, of :data:`spallmap.readers.UNUSUAL`.
    sigma : float or None
        Noise per channel of this MRI acquisition; None: as the configuration has it.
    skip_echoes : int or None
        How many of its shortest echo times are left out; None: as the configuration has it.
    spacing_text : str
        The pixel size as it stands in the table.

    Examples
    --------
    >>> axes, path = AxesPrior.parse("z,y,x"), Path("raw/scan.nxs:/entry/data")
    >>> row = Acquisition("a", "shorted", "xct", "ct", path, None, axes, None, None, "table.tsv, row 1")
    >>> row.id, row.label, row.file.name
    ('a/shorted/xct-ct', 'xct-ct', 'scan.nxs')
    >>> row.column("axes")
    "table.tsv, row 1, column 'axes'"
    """

    cell: str
    state: str
    modality: str
    name: str
    path: Path
    spacing_um: tuple[float, ...] | None
    axes: AxesPrior
    within: str | None
    landmarks: Path | None
    source_label: str
    unusual: tuple[str, ...] = ()
    sigma: float | None = None
    skip_echoes: int | None = None
    spacing_text: str = ""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Cell, state, modality and name."""
        return (self.cell, self.state, self.modality, self.name)

    @property
    def file(self) -> Path:
        """What has to be on the disk: the path without a dataset named after it."""
        return split_dataset(self.path)[0]

    @property
    def id(self) -> str:
        """Its folder below the results: cell, state, and modality with name."""
        return f"{self.cell}/{self.state}/{self.label}"

    @property
    def label(self) -> str:
        """Name of its results folder: modality and name."""
        return f"{self.modality}-{self.name}"

    def t2_settings(self, t2: Mapping[str, Any]) -> dict[str, Any]:
        """Give the settings of the T2 fit for this acquisition.

        Parameters
        ----------
        t2 : mapping
            The configuration's keys below ``t2``.

        Returns
        -------
        dict
            The same with the row's own sigma and skip_echoes where it has them.
        """
        own = {"sigma": self.sigma, "skip_echoes": self.skip_echoes}
        return {**t2, **{key: value for key, value in own.items() if value is not None}}

    def column(self, name: str) -> str:
        """Name one of its values for a message.

        Parameters
        ----------
        name : str
            The column.

        Returns
        -------
        str
            Table, row and column.
        """
        return f"{self.source_label}, column {name!r}"
