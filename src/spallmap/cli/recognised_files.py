"""Files of a folder that is no acquisition as a whole."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from spallmap.cli.recognised import Recognised, probed, recognised, whole_series
from spallmap.errors import InputError
from spallmap.readers import READERS, input_files
from spallmap.readers.tiff_files import is_tiff_name

# Fewer slices are no tomogram: a T2 series has 4 to 32 echoes, a tomogram 100 and more.
_FEWEST_SLICES = 8
# More element maps are no ordinary export.
_MOST_ELEMENTS = 60
_LAST_NUMBER = re.compile(r"\d+(?=\D*$)")
# Text beside images that may hold echo times; what else lies beside images is not looked at.
_ECHO_TEXTS = (".json", ".txt")
_NOT_READ = {
    ".bcf": "element maps of Bruker: export each element as a TIFF with its symbol as the name",
    ".emd": "element maps of Velox: export each element as a TIFF with its symbol as the name",
    ".pts": "a spectrum image of JEOL: export each element as a TIFF with its symbol as the name",
    ".map": "an element map of JEOL: export it as a TIFF with its symbol as the name",
    ".mpt": "a curve of BioLogic: this table takes images",
    ".xrm": "projections of Zeiss: a reconstruction (.txm) is read",
    ".fid": "raw data: name the fid itself in the table to read it",
}
NO_INSTRUMENT = "no file of an instrument"
_COMPANIONS = frozenset({".txt", ".json", ".xml", ".hdr", ".raw", ".img", ".log"})


def single_files(folder: Path, files: Sequence[Path]) -> tuple[list[Recognised], list[tuple[Path, str]]]:
    """Recognise the files of a folder, those that belong together as one.

    Parameters
    ----------
    folder : Path
        The folder.
    files : sequence of Path
        Its files.

    Returns
    -------
    found : list of Recognised
        Acquisitions.
    unknown : list of (Path, str)
        The others, each with the reason.
    """
    found: list[Recognised] = []
    unknown: list[tuple[Path, str]] = []
    left = list(files)
    group = _group(folder, files)
    if group is not None:
        found.append(group)
        left = [file for file in files if not (is_tiff_name(file) or _is_nifti(file))]
    for file in left:
        own = _one_file(file, files)
        if isinstance(own, Recognised):
            found.append(own)
        else:
            unknown.append((file, own))
    used = {used for own in found if own.info is not None for used in _files_of(own)}
    return found, [(file, why) for file, why in unknown if file not in used]


def _group(folder: Path, files: Sequence[Path]) -> Recognised | None:
    """Take images in one folder for one acquisition: echoes, element maps or slices."""
    nifti = [file for file in files if _is_nifti(file)]
    tiffs = [file for file in files if is_tiff_name(file)]
    texts = [file for file in files if file.suffix.lower() in _ECHO_TEXTS]
    if len(nifti) > 1 and texts and (series := whole_series(folder)):
        return series
    if len(tiffs) < 2:
        return None
    if texts and (series := whole_series(folder)):
        return series
    if len(tiffs) <= _MOST_ELEMENTS and (maps := recognised(folder, "edx")):
        return maps
    if len(_longest_numbered(tiffs)) >= max(_FEWEST_SLICES, len(tiffs) // 2):
        info = probed(folder, "xct")
        if not isinstance(info, str):
            return Recognised(folder, "xct", info)
        # slices all the same, of which one is missing or odd: a thousand rows would not help
        if len(tiffs) > _MOST_ELEMENTS:
            return Recognised(folder, "xct", None, info)
    return None


def _longest_numbered(files: Sequence[Path]) -> list[Path]:
    """Files whose names differ in their last number alone; the longest such row."""
    rows: defaultdict[str, list[Path]] = defaultdict(list)
    for file in files:
        if _LAST_NUMBER.search(file.stem):
            rows[_LAST_NUMBER.sub("#", file.stem)].append(file)
    return max(rows.values(), key=len, default=[])


def _one_file(file: Path, beside: Sequence[Path]) -> Recognised | str:
    name = file.name.lower()
    if file.suffix.lower() in _NOT_READ:
        return _NOT_READ[file.suffix.lower()]
    if is_tiff_name(file):
        return _one_tiff(file, beside)
    if _is_nifti(file):
        echoes, volume = probed(file, "mri"), probed(file, "xct")
        for modality, info in (("mri", echoes), ("xct", volume)):
            if not isinstance(info, str):
                return Recognised(file, modality, info, "", is_guess=modality == "xct")
        return str(echoes)
    if file.suffix.lower() in _COMPANIONS:
        return NO_INSTRUMENT
    for reader in READERS:
        try:
            claimed = reader.claims(file)
        except (OSError, InputError):
            # what cannot be looked at is nobody's
            claimed = False
        if claimed and name not in ("fid", "ser"):
            modality = reader.modalities[0]
            info = probed(file, modality)
            return info if isinstance(info, str) else Recognised(file, modality, info)
    return NO_INSTRUMENT


def _one_tiff(file: Path, beside: Sequence[Path]) -> Recognised | str:
    stem = file.name.split(".")[0]
    if any(p.suffix.lower() in _ECHO_TEXTS and p.name.startswith(stem) for p in beside) and (
        series := recognised(file, "mri")
    ):
        return series
    image = probed(file, "sem")
    if not isinstance(image, str):
        return Recognised(file, "sem", image, "", is_guess=image.format == "TIFF")
    volume = probed(file, "xct")
    if isinstance(volume, str):
        return image
    if volume.shape[0] >= _FEWEST_SLICES:
        return Recognised(file, "xct", volume, "", is_guess=volume.spacing_um is None)
    return (
        f"{volume.shape[0]} images without echo times: for an MRI write them into "
        f"{file.name}.echo_times_ms.txt beside it; for a tomogram there are too few slices"
    )


def _is_nifti(file: Path) -> bool:
    return file.name.lower().endswith((".nii", ".nii.gz"))


def _files_of(own: Recognised) -> Sequence[Path]:
    try:
        return input_files(own.path, own.modality)
    except InputError:
        # headers that could be read a moment ago: the files are changing, and the check will say so
        return ()
