"""Which files of a folder are the echoes of one series: by their names, as BIDS and dcm2niix give them.

A folder holds other images of the same grid: a second run, another contrast, phase images, maps that were
computed. Whatever fits an echo by its size alone would be fitted as one.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spallmap.errors import DataWarning, InputError
from spallmap.readers.dicom.frame_headers import component_of_words
from spallmap.readers.te_sidecar import SIDECAR, bids_file, is_there, read_list

# What BIDS (part-<label>) and dcm2niix (suffix) add to the names of images other than magnitude.
_NAMED_COMPONENTS = {
    "part-phase": "phase",
    "part-real": "real",
    "part-imag": "imaginary",
    "_ph": "phase",
    "_phase": "phase",
    "_real": "real",
    "_imaginary": "imaginary",
}
# BIDS' entities; a name made of others, such as te-2_scan, is no BIDS name.
_ENTITIES = frozenset(
    [
        "sub",
        "ses",
        "sample",
        "task",
        "tracksys",
        "acq",
        "nuc",
        "voi",
        "ce",
        "trc",
        "stain",
        "rec",
        "dir",
        "run",
        "mod",
        "echo",
        "flip",
        "inv",
        "mt",
        "part",
        "proc",
        "hemi",
        "space",
        "split",
        "recording",
        "chunk",
        "seg",
        "res",
        "den",
        "label",
        "desc",
    ]
)
# Entities of images that were computed from others.
_COMPUTED_ENTITIES = frozenset({"space", "res", "den", "label", "desc", "seg"})
# Words in names of images that were computed: T2map, mask, dseg, labels.
_COMPUTED = re.compile(r".*(map|mask|seg|segmentation|labels?|rois?|residuals?)|chi2|unit1")
# BIDS' suffixes of gradient echoes, of images by flip angle or inversion, and of other methods.
_NO_SPIN_ECHOES = frozenset(
    [
        "megre",
        "t2starw",
        "vfa",
        "irt1",
        "mp2rage",
        "mpm",
        "mts",
        "mtr",
        "t1w",
        "flair",
        "bold",
        "sbref",
        "asl",
        "dwi",
        "angio",
        "phasediff",
        "magnitude1",
        "magnitude2",
    ]
)
# Those that stand for nothing else where a name is none of BIDS.
_GRADIENT_ECHOES = frozenset({"megre", "t2starw"})
# What counts echoes in names of other programs: e2 (dcm2niix), echo_2, te6.5, TE-11ms. Letters before it
# belong to another word (plate2).
_ECHO_MARK = re.compile(r"(?<![a-z])(echo|te|e)[-_ ]?(\d+(?:[.p]\d+)?)(?:ms)?(?![a-z0-9])")
# At most so many names stand in a message.
_NAMED = 6


@dataclass(frozen=True)
class EchoFiles:
    """The files of one series.

    Parameters
    ----------
    images : tuple of Path
        In the order of their echoes, as far as names say it.
    left_out : mapping
        How many images were left out as phase, real or imaginary parts.
    warnings : tuple of DataWarning
        Other images beside the series, and echoes that seem to be missing.
    """

    images: tuple[Path, ...]
    left_out: Mapping[str, int]
    warnings: tuple[DataWarning, ...] = ()


@dataclass(frozen=True)
class _Name:
    """What a file's name says: the series that it belongs to, and the echo in it."""

    path: Path
    series: tuple[tuple[str, str], ...]
    echo: str | None
    is_number: bool
    words: frozenset[str]
    is_bids: bool

    @property
    def is_processed(self) -> bool:
        return any(key in _COMPUTED_ENTITIES for key, _ in self.series)

    @property
    def is_map(self) -> bool:
        return any(_COMPUTED.fullmatch(word) for word in self.words)

    @property
    def is_spin_echo(self) -> bool:
        return not self.words & (_NO_SPIN_ECHOES if self.is_bids else _GRADIENT_ECHOES)


def choose_echo_files(
    path: Path,
    found: Sequence[Path],
    bids: Sequence[Mapping[str, Any]],
    n_echoes: Callable[[Path], int],
    accepts: str,
) -> EchoFiles:
    """Choose the images of one echo series among those that a path means.

    Phase, real and imaginary parts and computed maps are no echoes. Of the rest, images whose names differ in
    the echo alone (``echo-2``, ``_e2``, ``te6.5``) are a series. What lies beside the only series is left out
    and named; of two series none is chosen. Names that say nothing are all taken.

    Parameters
    ----------
    path : Path
        What the user asked for: a file, which is taken, or a folder.
    found : sequence of Path
        The images that it means, in natural order.
    bids : sequence of mapping
        What the BIDS file of each says.
    n_echoes : callable
        Opens an image and counts the echoes in it.
    accepts : str
        What is read, in words for messages.

    Returns
    -------
    EchoFiles
        At least one image.

    Raises
    ------
    InputError
        If there are no magnitudes, images of gradient echoes alone, or two series between which nothing
        decides; it names them.
    """
    kinds = [_component(image, said) for image, said in zip(found, bids, strict=True)]
    left_out = dict(Counter(kind for kind in kinds if kind != "magnitude"))
    magnitudes = [image for image, kind in zip(found, kinds, strict=True) if kind == "magnitude"]
    if not magnitudes:
        listed = ", ".join(f"{n} {kind}" for kind, n in left_out.items())
        raise InputError(str(path), f"{listed} images alone", f"magnitude images; {accepts}")
    names = [_name_of(image) for image in magnitudes]
    usable = [name for name in names if name.is_spin_echo and not (name.is_map and name.is_bids)]
    if not usable:
        listed = _listed([name.path.name for name in names])
        raise InputError(str(path), f"no spin echoes by their names: {listed}", f"spin echoes; {accepts}")
    if path.is_file():
        return EchoFiles((path,), left_out)
    chosen = _one_series(path, [name for name in usable if not name.is_map] or usable, n_echoes)
    _check_each_once(path, chosen)
    kept = {name.path for name in chosen}
    others = [name.path.name for name in names if name.path not in kept]
    warnings = _missing_echoes(path, chosen)
    if others:
        series = _listed([name.path.name for name in chosen])
        found_beside = f"{len(others)} other image(s) beside the echoes: {_listed(others)}"
        warnings.append(DataWarning(str(path), found_beside, f"left out: the series is {series}"))
    return EchoFiles(tuple(name.path for name in chosen), left_out, tuple(warnings))


def _one_series(path: Path, names: Sequence[_Name], n_echoes: Callable[[Path], int]) -> Sequence[_Name]:
    groups: defaultdict[tuple[tuple[str, str], ...], list[_Name]] = defaultdict(list)
    for name in names:
        groups[name.series].append(name)
    if len(groups) == 1:
        return names
    if not any(name.is_bids for name in names) and _is_listed(path, len(names)):
        return names  # one echo time for each image, in the user's own words
    series = [group for group in groups.values() if len({name.echo for name in group} - {None}) > 1]
    if not series:
        series = [group for group in groups.values() if any(n_echoes(name.path) > 1 for name in group)]
    if not series and _is_numbered(path, names):
        return names
    raw = [group for group in series if not group[0].is_processed]
    if len(raw) == 1 or len(series) == 1:
        return (raw if len(raw) == 1 else series)[0]
    listed = _listed([group[0].path.name for group in series or groups.values()])
    what = f"{len(series)} series" if series else "images that may belong to different series"
    allowed = "the path of one file, or a folder with the images of one series alone"
    if not any(name.is_bids for name in names):
        allowed += f", or {path / SIDECAR} with one echo time for each of the {len(names)} images"
    raise InputError(str(path), f"{what} side by side: {listed}", allowed)


def _is_numbered(path: Path, names: Sequence[_Name]) -> bool:
    """Whether names that count no echoes are one series all the same."""
    if any(name.is_bids for name in names):
        # separate spin echoes of one time each differ in acq-te2, acq-te6p5; a run is a repetition
        plain = {
            tuple((k, _without_numbers(v) if k == "acq" else v) for k, v in name.series) for name in names
        }
        return len(plain) == 1 and all("#" in _without_numbers(dict(n.series).get("acq", "")) for n in names)
    if any(name.path.parent != path for name in names):
        return True  # a folder for each echo
    # a, b, c or scan1, scan2, scan3; of scan1, scan2, other nobody knows
    patterns = {_without_numbers(dict(name.series)["name"]) for name in names}
    return len(patterns) in (1, len(names))


def _without_numbers(word: str) -> str:
    return re.sub(r"\d+(?:[.p]\d+)?", "#", word)


def _check_each_once(path: Path, chosen: Sequence[_Name]) -> None:
    """Refuse two files for the same echo: a packed copy, or one with and one without part-mag."""
    first: dict[tuple[Path, str], _Name] = {}
    for name in chosen:
        stem = bids_file(name.path)
        same = first.setdefault((stem.parent, f"echo {name.echo}" if name.echo else stem.name), name)
        if same is not name:
            found = f"two files for one echo: {same.path.name}, {name.path.name}"
            raise InputError(str(path), found, "one file for each echo: remove the other one")


def _is_listed(path: Path, n_images: int) -> bool:
    listed = path / SIDECAR
    return is_there(listed) and len(read_list(listed)) == n_images


def _component(image: Path, bids: Mapping[str, Any]) -> str:
    """Magnitude or another component, by BIDS' ImageType, else by the name."""
    words = bids.get("ImageType")
    if isinstance(words, list):
        return component_of_words([str(word).upper() for word in words])
    stem = bids_file(image).stem.lower()
    entities = stem.split("_")
    named = (
        kind
        for mark, kind in _NAMED_COMPONENTS.items()
        if mark in entities or (mark[0] == "_" and stem.endswith(mark))
    )
    return next(named, "magnitude")


def _name_of(image: Path) -> _Name:
    stem = bids_file(image).name[: -len(".json")].lower()
    *pairs, suffix = stem.split("_")
    entities = dict(pair.split("-", 1) for pair in pairs if "-" in pair)
    if pairs and len(entities) == len(pairs) and entities.keys() <= _ENTITIES and "-" not in suffix:
        series = tuple(sorted((k, v) for k, v in entities.items() if k not in ("echo", "part")))
        echo = _plain(entities.get("echo"))
        return _Name(image, (*series, ("suffix", suffix)), echo, True, frozenset({suffix}), True)
    mark = _ECHO_MARK.search(stem)
    rest = stem if mark is None else f"{stem[: mark.start()]}#{stem[mark.end() :]}"
    words = frozenset(re.split(r"[^a-z0-9]+", stem))
    echo, is_number = (None, False) if mark is None else (_plain(mark[2]), mark[1] != "te")
    return _Name(image, (("name", rest),), echo, is_number, words, False)


def _plain(number: str | None) -> str | None:
    """Write echo 02 as echo 2."""
    return None if number is None else re.sub(r"^0+(?=\d)", "", number)


def _missing_echoes(path: Path, chosen: Sequence[_Name]) -> list[DataWarning]:
    """Say which numbers are missing between echoes; echo times or numbers far apart prove nothing."""
    counted = [name.echo for name in chosen if name.is_number and name.echo is not None]
    if len(counted) < len(chosen) or not all(echo.isdigit() and len(echo) < 4 for echo in counted):
        return []
    numbers = {int(echo) for echo in counted}
    missing = sorted(set(range(min(1, min(numbers)), max(numbers) + 1)) - numbers)
    if not missing or len(missing) >= len(numbers):
        return []
    found = f"no image of echo {', '.join(map(str, missing))} among {len(numbers)}"
    return [DataWarning(str(path), found, "the others are used: see whether the folder is complete")]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
