"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path


def _sibling(path: Path, role: str) -> Path:
    """Name a hidden sibling that keeps the suffix, by which libraries choose their format."""
    return path.with_name(f".{role}-{os.getpid()}-{path.name}")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _remove_orphans(path: Path) -> None:
    """Remove what killed processes left beside a path; one that lives on then fails to move its own."""
    orphan = re.compile(rf"\.(part|old)-\d+-{re.escape(path.name)}")
    for sibling in list(path.parent.iterdir()):
        if orphan.fullmatch(sibling.name):
            _remove(sibling)


@contextlib.contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """Give a temporary path; what was made there is moved to the wanted path when the block ends well.

    A file or folder that was there before is replaced. When the block raises, it stays as it was and the
    temporary one is removed. A killed process cannot do that: what it left is removed by the next one that
    writes to the same path. There must be one such process at a time.

    Parameters
    ----------
    path : Path or str
        The wanted file or folder; its parents are made.

    Yields
    ------
    Path
        Where to write: a sibling of the same suffix that does not exist yet.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     wanted = Path(folder, "a", "b.txt")
    ...     with atomic_path(wanted) as part:
    ...         _ = part.write_text("whole")
    ...         wanted.exists()
    ...     wanted.read_text()
    False
    'whole'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_orphans(path)
    part = _sibling(path, "part")
    try:
        yield part
        replace(part, path)
    finally:
        _remove(part)


def replace(new: Path, path: Path) -> None:
    """Put `new` at `path`; a folder that was there is moved aside first, since folders cannot be overwritten.

    Parameters
    ----------
    new : Path
        A file or folder on the same file system.
    path : Path
        Where it is to be.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("old", "new"):
    ...         Path(folder, name).mkdir()
    ...         _ = Path(folder, name, name).write_text("")
    ...     replace(Path(folder, "new"), Path(folder, "old"))
    ...     [str(p.relative_to(folder)) for p in Path(folder).rglob("*")]
    ['old', 'old/new']
    """
    if path.is_dir() and not path.is_symlink():
        old = _sibling(path, "old")
        _remove(old)
        path.rename(old)
        new.rename(path)
        _remove(old)
    else:
        new.replace(path)
