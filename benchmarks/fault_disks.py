"""Results that cannot be written: a full disk, no more inodes, a read-only disk, no rights, hard names."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from fault_checks import half_written
from fault_kills import Outcome, Undisturbed
from fault_run import Ended, Place

# Sizes between which the small cell's results, some 58 MB, fill a disk in every station.
_MEGABYTES = (0.3, 58.0)
# The small cell's results have some 550 files and folders.
_INODES = (40, 500)
_AMPLE = "size=2g,nr_inodes=200k"


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


@contextmanager
def small_disk(folder: Path, options: str) -> Iterator[Path]:
    """Give a file system in memory, of some size."""
    folder.mkdir(parents=True)
    _mount("-t", "tmpfs", "-o", options, "tmpfs", str(folder))
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def check_words(out: Outcome, ended: Ended, wanted: tuple[str, ...], what: str) -> None:
    """See that a run which cannot go on says so in words."""
    out.times += 1
    if ended.status == 0:
        out.unclear.append(f"{what}: status 0")
    if not any(word in ended.text for word in wanted):
        out.unclear.append(f"{what}: none of {wanted} is said: {ended.last_words}")
    if "Traceback" in ended.text:
        out.unclear.append(f"{what}: a traceback: {ended.last_words}")
    out.words.append(f"{what}: {ended.last_words}")


def _fill(folder: Path, whole: Undisturbed, out: Outcome, sizes: list[str], everything: bool) -> Outcome:
    """Let a disk get full at one size after the other, then give it room."""
    with small_disk(folder / "disk", sizes[0]) as disk:
        work = disk / "work" if everything else folder / "work"
        place = Place(work, log_folder=folder)
        if not everything:
            work.mkdir(parents=True)
            (disk / "results").mkdir()
            (work / "results").symlink_to(disk / "results")
        place.draw(whole.cell)
        for size in sizes:
            _mount("-o", f"remount,{size}", str(disk))
            ended = place.run()
            if ended.status == 0:
                break
            check_words(out, ended, ("No space left on device",), size)
            out.half += half_written(place.out)
        _mount("-o", f"remount,{_AMPLE}", str(disk))
        # a run that found no room to end in order may have left its lock
        if "locked" in (ended := place.run()).text and place.unlock().status == 0:
            out.words.append("the lock had to be removed")
            ended = place.run()
        out.check_end(place, whole, ended)
    return out


def disk_full(folder: Path, whole: Undisturbed, rng: random.Random, quota: int) -> Outcome:
    """Fill the disk of the results, and of the workflow's notes, at random sizes."""
    low, high = _MEGABYTES
    drawn = sorted(low * (high / low) ** rng.random() for _ in range(6 * quota))
    sizes = [f"size={int(1024 * megabytes)}k" for megabytes in drawn]
    out = Outcome("disk full (results)")
    _fill(folder / "results", whole, out, sizes[::2], everything=False)
    out.kind = "disk full"
    return _fill(folder / "all", whole, out, sizes[1::2], everything=True)


def no_inodes(folder: Path, whole: Undisturbed, rng: random.Random, quota: int) -> Outcome:
    """Let the table of inodes get full."""
    counts = sorted(rng.randint(*_INODES) for _ in range(3 * quota))
    return _fill(folder, whole, Outcome("no inodes"), [f"nr_inodes={n}" for n in counts], everything=False)


def read_only(folder: Path, whole: Undisturbed, rng: random.Random, quota: int) -> Outcome:
    """Make the disk of results read-only between two runs, and of everything."""
    out = Outcome("read-only disk")
    for everything in (False, True):
        with small_disk(folder / f"disk{int(everything)}", _AMPLE) as disk:
            work = disk / "work" if everything else folder / "work"
            place = Place(work, log_folder=folder)
            work.mkdir(parents=True)
            if not everything:
                (disk / "results").mkdir()
                (work / "results").symlink_to(disk / "results")
            place.draw(whole.cell)
            session = place.start()
            session.until(lambda jobs: "register_projection" in jobs)
            session.sleep(rng.uniform(0.0, 5.0))
            session.kill()
            session.wait()
            place.unlock()
            _mount("-o", "remount,ro", str(disk))
            ended = place.run()
            check_words(out, ended, ("Read-only file system", "may not write to"), f"all: {everything}")
            _mount("-o", "remount,rw", str(disk))
            out.check_end(place, whole, place.run())
    return out


@contextmanager
def other_user(name: str = "spallmap-faults") -> Iterator[str]:
    """Make a user, and remove it."""
    subprocess.run(["useradd", "--no-create-home", name], check=True)
    try:
        yield name
    finally:
        subprocess.run(["userdel", name], check=True)


def no_rights(folder: Path, whole: Undisturbed, rng: random.Random, quota: int) -> Outcome:
    """Run as a user who may not read an input, write to the results, to a part of them, or to the notes."""
    out = Outcome("no rights")
    cell = whole.cell
    folder.mkdir()
    with other_user() as user:
        place = Place(folder / "work", user=user, log_folder=folder).draw(cell)
        shutil.chown(place.folder, user)
        hidden = rng.choice([p for p in sorted(cell.iterdir()) if p.name[:3] in ("mri", "sem", "edx", "xct")])
        mode = hidden.stat().st_mode
        hidden.chmod(0)
        try:
            check_words(out, place.run(), (str(hidden),), f"unreadable {hidden.name}")
        finally:
            hidden.chmod(mode)
        place.out.mkdir()
        check_words(out, place.run(), ("may not write to",), "results of another user")
        shutil.chown(place.out, user)
        session = place.start()
        session.until(lambda jobs: "register_projection" in jobs)
        session.kill()
        session.wait()
        place.unlock()
        for name in ("results/a/shorted/mri-t2", ".snakemake", ".snakemake/metadata", "results/logs"):
            owned = place.folder / name
            os.chown(owned, 0, 0)
            owned.chmod(0o755)
            check_words(
                out, place.run(), ("Permission denied", "may not write to"), f"{name} of another user"
            )
            shutil.chown(owned, user)
        ended = place.run()
        if "locked" in ended.text and place.unlock().status == 0:
            out.words.append("the lock had to be removed")
            ended = place.run()
        # another interpreter may draw other pictures; the numbers are the same
        out.check_end(place, replace(whole, stable=set()), ended)
    return out


def hard_names(folder: Path, whole: Undisturbed, rng: random.Random, quota: int) -> Outcome:
    """Name results and folders in every way that is allowed, and in ways that cannot work."""
    out = Outcome("hard names")
    cell = whole.cell
    deep = "/".join(["d" * 250] * 17)
    for name, wanted in (("r" * 256, "File name too long"), (deep, "whole path of")):
        place = Place(folder / f"refused{len(name)}", results=name).draw(cell)
        check_words(out, place.run(), (wanted, wanted.lower()), f"a path of {len(name)} characters")
    for k, (work, name) in enumerate(
        [("w", "r" * 255), ('Käse\'s "50 %" 电池', "Ergebnisse 'a' \"b\" é; (c) & d")]
    ):
        place = Place(folder / f"{k} {work}", results=name).draw(cell)
        out.times += 1
        # the name of the results stands in provenance and on the pages
        alike = {file for file in whole.stable if not file.endswith(("provenance.json", ".html"))}
        out.check_end(place, replace(whole, stable=alike), place.run())
    return out
