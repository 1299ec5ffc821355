"""A folder with one ParaVision scan for each echo time."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from spallmap.errors import InputError
from spallmap.readers.checks.file_access import check_readable
from spallmap.readers.info import ImageInfo, Loaded
from spallmap.readers.paravision import reconstruction
from spallmap.readers.paravision.parameters import Parameters

ALLOWED = (
    "a folder that holds ParaVision scan folders of one series alone, alike in everything but the echo time"
)
# One of these makes a folder a scan's.
MARKS = ("2dseq", "pdata", "acqp", "method")
# Lengths and settings count as the same when they differ by less than this fraction.
SAME_FRACTION = 1e-3
# Positions count as the same when they differ by less than this fraction of a pixel.
SAME_POSITION = 0.01
# What is measured changes with these, or they are no part of one series.
SETTINGS = {
    "VisuAcqRepetitionTime": "repetition times",
    "VisuAcqNumberOfAverages": "averages",
    "VisuAcqFlipAngle": "flip angles",
}


@dataclass(frozen=True)
class _Member:
    scan: Path
    info: ImageInfo
    settings: dict[str, tuple[float, ...]]
    acquired: str
    gain: float | None


def scans(path: Path) -> list[Path]:
    """List the scan folders in a folder, in order of their numbers.

    Parameters
    ----------
    path : Path
        The folder.

    Returns
    -------
    list of Path
        None for a file, or for the ``pdata`` folder of one scan.
    """
    if not path.is_dir() or path.name == "pdata":
        return []
    found = [p for p in path.iterdir() if p.is_dir() and any(os.path.lexists(p / mark) for mark in MARKS)]
    return _in_order(p for p in found if not is_topspin(p))


def _whole_series(path: Path) -> list[Path]:
    """List the scan folders, and refuse what looks like one and is none."""
    found = scans(path)
    for entry in _in_order(p for p in path.iterdir() if not p.name.startswith(".") and p not in found):
        check_readable(entry, ALLOWED)
        if entry.is_dir() and entry.name.isdigit():
            raise InputError(str(entry), "a folder without a ParaVision scan among scans", ALLOWED)
    return found


def _in_order(paths: Iterable[Path]) -> list[Path]:
    return sorted(
        paths, key=lambda p: [(not w.isdecimal(), int(w) if w.isdecimal() else 0, w) for w in _parts(p)]
    )


def is_topspin(path: Path) -> bool:
    """Whether a folder is a dataset of TopSpin, which looks much like a scan of ParaVision."""
    own = any((path / name).is_file() for name in ("acqus", "acqu"))
    return own and not any((path / name).is_file() for name in ("acqp", "method", "2dseq", "visu_pars"))


def files(path: Path) -> tuple[Path, ...]:
    """List the reconstructions and their parameter files."""
    members = _whole_series(path)
    gains = [scan / "acqp" for scan in members if os.path.lexists(scan / "acqp")]
    for gain in gains:
        check_readable(gain)
    return (*(f for scan in members for f in reconstruction.files(scan)), *gains)


def probe(path: Path) -> ImageInfo:
    """Read the parameters of all scans.

    Raises
    ------
    InputError
        If one is damaged, or they are no series.
    """
    return _described(path)[0]


def load(path: Path) -> Loaded:
    """Read all scans as one series, in order of echo time.

    ParaVision's scaled values contain the receiver's gain. Where scans were taken with different gains, each
    is brought to the gain of the first echo, so that signal and noise are comparable.

    Raises
    ------
    InputError
        If one is damaged, or they are no series.
    """
    info, members = _described(path)
    te_ms = [t for member in members for t in member.info.meta["te_ms"]]
    loaded = [reconstruction.load(member.scan) for member in members]
    by_time = np.argsort(te_ms, kind="stable")
    entries = np.concatenate([one.data for one in loaded])[by_time]
    clipped = None
    if any(one.clipped is not None for one in loaded):
        masks = [np.zeros(one.data.shape, bool) if one.clipped is None else one.clipped for one in loaded]
        clipped = np.concatenate(masks)[by_time]
    info = replace(info, warnings=tuple(warning for one in loaded for warning in one.info.warnings))
    gains = info.meta.get("receiver_gains")
    if gains is not None:
        for image, gain in zip(entries, gains, strict=True):
            image *= gains[0] / gain
    return Loaded(info, entries, clipped=clipped)


def _described(path: Path) -> tuple[ImageInfo, list[_Member]]:
    members = [_member(scan) for scan in _whole_series(path)]
    first = members[0]
    for i, member in enumerate(members[1:], start=1):
        difference = _difference(first, member)
        if difference:
            found = f"{difference}, unlike scan {first.scan.name}"
            raise InputError(str(member.scan), found, ALLOWED)
        twin = next((m for m in members[:i] if m.acquired and m.acquired == member.acquired), None)
        if twin is not None:
            raise InputError(str(member.scan), f"the acquisition of {twin.scan.name} again", ALLOWED)
    if len(members) == 1:
        return first.info, members
    te_ms = sorted(t for member in members for t in member.info.meta["te_ms"])
    gains = _gains(members)
    meta = {
        **first.info.meta,
        "te_ms": tuple(te_ms),
        "train": _train(members),
        "repetitions": len(te_ms) // len(set(te_ms)),
        "scans": tuple(member.scan.name for member in members),
        **({"receiver_gains": gains} if gains else {}),
    }
    return replace(first.info, shape=(len(te_ms), *first.info.shape[1:]), meta=meta), members


def _member(scan: Path) -> _Member:
    image = reconstruction.find(scan)
    visu = Parameters(image.parent / "visu_pars")
    settings = {name: tuple(visu.numbers(key)) for key, name in SETTINGS.items() if key in visu}
    gain = _gain(Parameters(scan / "acqp")) if os.path.lexists(scan / "acqp") else None
    return _Member(scan, reconstruction.probe(image), settings, visu.text("VisuAcqDate"), gain)


def _gain(acqp: Parameters) -> float | None:
    """Receiver gain that the image's values contain; None where the file does not say it."""
    if "NORMALIZE_divide_by_4rg" in str(acqp.structures("ACQ_ScanPipeJobSettings")[:1]):
        return 1.0
    return float(acqp.numbers("RG")[0]) if "RG" in acqp else None


def _gains(members: Sequence[_Member]) -> tuple[float, ...]:
    """Receiver gain of every echo in order of echo time; empty where all scans have the same."""
    known = {member.gain for member in members if member.gain is not None}
    if len(known) < 2:
        return ()
    for member in members:
        if member.gain is None or member.gain <= 0:
            found = f"no receiver gain (RG), while the other scans have {', '.join(f'{g:g}' for g in known)}"
            raise InputError(str(member.scan / "acqp"), found, "acqp with a positive RG in each scan folder")
    echoes = [(te, member.gain) for member in members for te in member.info.meta["te_ms"]]
    return tuple(float(gain or 1) for _, gain in sorted(echoes, key=lambda echo: echo[0]))


def _difference(one: _Member, other: _Member) -> str:
    """Say what keeps two scans from being one series; empty where nothing does."""
    a, b = one.info, other.info
    if a.shape[1:] != b.shape[1:]:
        return f"{' x '.join(map(str, b.shape[1:]))} pixels"
    if a.dtype != b.dtype or a.meta["magnitude"] != b.meta["magnitude"]:
        return "images of another kind (magnitude, real or complex)"
    if not np.allclose(a.spacing_um or (), b.spacing_um or (), rtol=SAME_FRACTION, atol=0):
        return f"a pixel size of {b.spacing_um} um"
    if not np.allclose(a.meta["orientation"], b.meta["orientation"], atol=SAME_FRACTION):
        return "another orientation"
    apart_um = np.linalg.norm(np.subtract(a.meta["position_mm"], b.meta["position_mm"])) * 1e3
    if apart_um > SAME_POSITION * min(a.spacing_um or (np.inf,)):
        return f"a position ({apart_um:.4g} um away)"
    if a.meta["nucleus"] != b.meta["nucleus"]:
        return f"nucleus {b.meta['nucleus']}"
    for name in one.settings.keys() & other.settings.keys():
        mine, its = one.settings[name], other.settings[name]
        if len(mine) != len(its) or not np.allclose(mine, its, rtol=SAME_FRACTION, atol=0):
            return f"{name} of {', '.join(f'{v:g}' for v in its)}"
    return ""


def _train(members: Sequence[_Member]) -> str:
    """Each scan its own echo: separate. Whole trains: what they are, if they agree."""
    times = [set(member.info.meta["te_ms"]) for member in members]
    if all(len(t) == 1 for t in times):
        return "separate" if len(set.union(*times)) > 1 else "unknown"
    trains = {member.info.meta["train"] for member in members}
    return trains.pop() if len(trains) == 1 else "unknown"


def _parts(path: Path) -> list[str]:
    return [part for part in re.split(r"(\d+)", path.name) if part]
