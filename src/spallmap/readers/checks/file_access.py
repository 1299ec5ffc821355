"""Files and folders that can be opened: no broken link, no pipe, nothing unreadable, nothing without end."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from spallmap.errors import InputError

READABLE = "a file that exists and that you may read"
# No parameter file, sidecar or header of the formats that are read comes near this size.
LARGEST_TEXT_BYTES = 1 << 26


def check_readable(path: Path, allowed: str = READABLE) -> None:
    """Check that a path is a regular file or a folder, and that it may be read.

    Parameters
    ----------
    path : Path
        The file or folder.
    allowed : str
        What should be there, in words for the message.

    Raises
    ------
    InputError
        For a missing file, a link to nothing or to itself, a pipe, socket or device, a name that the system
        does not take, or missing rights.

    Examples
    --------
    >>> check_readable(Path("/dev/null"))
    Traceback (most recent call last):
    spallmap.errors.InputError: /dev/null: found a device; allowed: a file that exists and that you may read
    """
    with reported(path, allowed):
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:
            if path.is_symlink():
                found = f"a link to {path.readlink()}, which does not exist"
                raise InputError(str(path), found, allowed) from None
            raise InputError(str(path), "no such file or folder", allowed) from None
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        kind = "a pipe" if stat.S_ISFIFO(mode) else "a socket" if stat.S_ISSOCK(mode) else "a device"
        raise InputError(str(path), kind, allowed)
    if not os.access(path, os.R_OK | (os.X_OK if stat.S_ISDIR(mode) else 0)):
        kind = "folder" if stat.S_ISDIR(mode) else "file"
        raise InputError(str(path), f"a {kind} that may not be read", f"{allowed}; see its rights")


@contextmanager
def reported(path: Path, allowed: str = READABLE) -> Iterator[None]:
    """Turn what the system says of a file into an error that names it.

    Parameters
    ----------
    path : Path
        Named where the system names no file.
    allowed : str
        What should be there, in words for the message.

    Raises
    ------
    InputError
        For any error of the system inside the block: missing rights, a loop of links, a name too long or
        with a null byte, a file that vanished, a disk that does not answer.

    Examples
    --------
    >>> with reported(Path("here")):
    ...     _ = Path("nowhere.txt").read_bytes()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    spallmap.errors.InputError: nowhere.txt: found no such file or directory; allowed: a file that exists ...
    """
    try:
        yield
    except OSError as error:
        name = error.filename if isinstance(error.filename, str) else str(path)
        reason = error.strerror or str(error) or type(error).__name__
        raise InputError(name, reason[:1].lower() + reason[1:], allowed) from error
    except ValueError as error:
        if "null" not in str(error):
            raise
        raise InputError(repr(str(path)), "a null byte in the name", allowed) from error


def entries(folder: Path, wanted: Callable[[Path], bool], allowed: str = READABLE) -> tuple[Path, ...]:
    """List a folder's files whose names are wanted, none of them dropped in silence.

    Parameters
    ----------
    folder : Path
        The folder.
    wanted : callable
        Whether a name is one of those looked for. It must go by the name alone.
    allowed : str
        What should be there, in words for the message.

    Returns
    -------
    tuple of Path
        Regular files, sorted by name; folders are left out.

    Raises
    ------
    InputError
        If the folder cannot be listed, or an entry with a wanted name is a broken link, a pipe, a device or
        may not be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     _ = Path(name, "echo1.tif").write_bytes(b"")
    ...     Path(name, "notes").mkdir()
    ...     [path.name for path in entries(Path(name), lambda path: True)]
    ['echo1.tif']
    """
    with reported(folder):
        found = sorted(path for path in folder.iterdir() if wanted(path))
    for path in found:
        check_readable(path, allowed)
    with reported(folder):
        return tuple(path for path in found if path.is_file())


def read_text_bytes(path: Path, allowed: str = READABLE, largest: int = LARGEST_TEXT_BYTES) -> bytes:
    """Read a small file as a whole: a sidecar, a header, a table.

    Parameters
    ----------
    path : Path
        The file.
    allowed : str
        What should be there, in words for the message.
    largest : int
        Bytes above which it is refused unread.

    Returns
    -------
    bytes
        Its content.

    Raises
    ------
    InputError
        If it cannot be read, or is larger than `largest`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     path = Path(name, "echo_times_ms.txt")
    ...     _ = path.write_text("2 6.5 11")
    ...     read_text_bytes(path)
    b'2 6.5 11'
    """
    check_readable(path, allowed)
    with reported(path, allowed):
        if path.is_dir():
            raise InputError(str(path), "a folder", allowed)
        size = path.stat().st_size
        if size > largest:
            raise InputError(str(path), f"{size} bytes of text", f"{allowed}, of at most {largest} bytes")
        with path.open("rb") as stream:
            return stream.read(size)
