"""Whether an acquisition's files are still what they were."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from spallmap.errors import InputError
from spallmap.provenance import digests
from spallmap.readers.checks.file_access import reported

# Parameter files and sidecars are smaller: what they say counts, not when they were written. Slices and
# samples are larger: to read them all for a plan would take minutes.
_SMALL_BYTES = 1 << 16


def fingerprint(files: Iterable[Path]) -> str:
    """Give a short text that changes when one of the files does.

    Files up to 64 KiB count by their content, larger ones by their size and time of change, so that thousands
    of slices cost a look at the folder. A file that is copied over with the time of another one is noticed,
    be it an older one.

    Parameters
    ----------
    files : iterable of Path
        The files; one that is missing counts as missing.

    Returns
    -------
    str
        32 hexadecimal digits; the same for the same files in the same order.

    Raises
    ------
    InputError
        If a file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "echo_times_ms.txt")
    ...     _ = path.write_text("2, 6.5")
    ...     before = fingerprint([path])
    ...     _ = path.write_text("2, 6.6")
    ...     fingerprint([path]) == before, len(before)
    (False, 32)
    """
    digest = hashlib.blake2b(digest_size=16)
    for file in files:
        digest.update(f"{file}\0{_state(file)}\0".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _state(file: Path) -> str:
    with reported(file):
        try:
            status = file.stat()
            if status.st_size <= _SMALL_BYTES:
                return hashlib.blake2b(file.read_bytes()).hexdigest()
        except FileNotFoundError:
            return "missing"
    return f"{status.st_size} {status.st_mtime_ns}"


@contextmanager
def files_at_rest(listed: Callable[[], Sequence[Path]]) -> Iterator[dict[str, str]]:
    """Take the digests of files, and see afterwards that they are the same ones.

    Parameters
    ----------
    listed : callable
        Lists the files; asked before and after.

    Yields
    ------
    dict of str to str
        SHA-256 by path, sorted.

    Raises
    ------
    InputError
        If a file was changed, added or taken away while the block ran; its results are those of no state of
        the files.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "a.txt")
    ...     _ = path.write_text("abc")
    ...     with files_at_rest(lambda: [path]) as known:
    ...         [digest[:8] for digest in known.values()]
    ['ba7816bf']
    """
    before = _moments(listed())
    with reported(Path()):
        known = digests(map(Path, before))
    try:
        yield known
    except Exception as error:
        # what a reader says of half a file is not the cause
        if changed := _changed(before, listed):
            raise changed from error
        raise
    if changed := _changed(before, listed):
        raise changed


def _changed(
    before: dict[str, tuple[int, int, int, int]], listed: Callable[[], Sequence[Path]]
) -> InputError | None:
    """Name the first file that is not what it was."""
    # first of all, since the list of a folder that has a gap is refused for the gap
    gone = next((name for name in before if not os.path.exists(name)), None)  # noqa: PTH110 (Path is slow)
    if gone is not None:
        return _not_at_rest(gone, "taken away")
    try:
        after = _moments(listed())
    except InputError as error:
        return error
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            what = "added" if name not in before else "left out" if name not in after else "changed"
            return _not_at_rest(name, what)
    return None


def _not_at_rest(name: str, what: str) -> InputError:
    return InputError(
        name, f"a file that was {what} while it was read", "files at rest: run again once all are there"
    )


def _moments(files: Iterable[Path]) -> dict[str, tuple[int, int, int, int]]:
    """Say of each file what a change of it changes; the time of the last change cannot be set back."""
    moments = {}
    for file in files:
        with reported(file):
            status = os.stat(file)  # noqa: PTH116 (Path is slow for so many)
        moments[str(file)] = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    return moments
