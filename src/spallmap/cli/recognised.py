"""Folders that are one acquisition each: scans, series, echoes, slices, element maps, Zarr."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from spallmap.errors import InputError
from spallmap.readers import ImageInfo, paravision, probe_image, topspin
from spallmap.readers.dicom import claims as is_dicom
from spallmap.readers.volumes.ngff import ome_ngff

# Files of a folder that are looked at to see whether it holds DICOM: an export holds nothing else.
_SAMPLE = 8


@dataclass(frozen=True)
class Recognised:
    """An acquisition.

    Parameters
    ----------
    path : Path
        The file or folder that is given to the readers.
    modality : str
        What it is.
    info : ImageInfo or None
        Its headers; None where it is known by its form alone and cannot be opened.
    why : str
        What is wrong with it, in a reader's words; empty where it can be opened.
    is_guess : bool
        Whether the modality is a guess: the file could be something else.

    Examples
    --------
    >>> info = ImageInfo((2, 8, 8), ("echo", "y", "x"), None, "uint16", "TIFF folder", {"te_ms": (2.0, 6.0)})
    >>> Recognised(Path("echoes"), "mri", info).n_echoes
    2
    """

    path: Path
    modality: str
    info: ImageInfo | None
    why: str = ""
    is_guess: bool = False

    @property
    def n_echoes(self) -> int:
        """Number of different echo times; 0 where there are none."""
        return len(set(self.info.meta.get("te_ms", ()))) if self.info else 0

    @property
    def n_axes(self) -> int:
        """Number of axes in space; 2 where it cannot be opened."""
        return len(self.info.spatial_shape) if self.info else 2


def probed(path: Path, modality: str) -> ImageInfo | str:
    """Read the headers, or say in a line why they cannot be read.

    Parameters
    ----------
    path : Path
        A file or folder.
    modality : str
        What it is taken for.

    Returns
    -------
    ImageInfo or str
        The headers, or the reason.

    Examples
    --------
    >>> probed(Path("nowhere.tif"), "sem")  # doctest: +ELLIPSIS
    'found no such file or folder; allowed: for sem: ...'
    """
    try:
        return probe_image(path, modality)
    except InputError as error:
        # the reader's own label is the path, which is said beside it
        where = error.source_label.removeprefix(str(path)).lstrip(":, ")
        return f"{f'{where}: ' if where else ''}found {error.found}; allowed: {error.allowed}"


def recognised(path: Path, modality: str, is_guess: bool = False) -> Recognised | None:
    """Give the acquisition where its headers can be read.

    Parameters
    ----------
    path, modality, is_guess
        As for :class:`Recognised`.

    Returns
    -------
    Recognised or None
        None where they cannot.

    Examples
    --------
    >>> recognised(Path("nowhere.tif"), "sem") is None
    True
    """
    info = probed(path, modality)
    return None if isinstance(info, str) else Recognised(path, modality, info, "", is_guess)


def whole_folder(folder: Path) -> Recognised | None:
    """Recognise a folder that is known by its own form: Zarr, ParaVision, TopSpin, DICOM.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    Recognised or None
        None where files and folders in it are to be looked at one by one.

    Examples
    --------
    >>> whole_folder(Path("nowhere")) is None
    True
    """
    if ome_ngff.claims(folder):
        return _of_form(folder, "xct")
    if paravision.claims(folder):
        inside = [p for p in folder.iterdir() if p.is_dir() and paravision.claims(p)]
        # a study holds scans that are acquisitions of their own, and a series one scan for each echo
        if (folder / "pdata").is_dir() or not inside:
            return _of_form(folder, "mri")
        return whole_series(folder) if len(inside) > 1 else None
    if topspin.claims(folder):
        return _of_form(folder, "mri")
    if _holds_dicom(folder):
        return whole_series(folder)
    return None


def whole_series(folder: Path) -> Recognised | None:
    """Recognise a folder as one MRI acquisition, whose files or folders are its echoes.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    Recognised or None
        None where the readers do not take it for one.

    Examples
    --------
    >>> whole_series(Path("nowhere")) is None
    True
    """
    return recognised(folder, "mri")


def _of_form(folder: Path, modality: str) -> Recognised:
    info = probed(folder, modality)
    if isinstance(info, str):
        return Recognised(folder, modality, None, info)
    return Recognised(folder, modality, info)


def _holds_dicom(folder: Path) -> bool:
    """Whether a folder's own files are DICOM, as its first ones show; folders in it do not count."""
    try:
        with_names = sorted(p for p in folder.iterdir() if not p.name.startswith("."))
    except OSError:
        # the walk says that it may not be read
        return False
    files = [p for p in with_names[: 4 * _SAMPLE] if p.is_file()]
    return any(is_dicom(file) for file in files[:_SAMPLE])
