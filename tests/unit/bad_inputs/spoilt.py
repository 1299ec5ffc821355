"""Ways to spoil a file, and bombs."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path

import numpy as np

BLOCK = 1 << 24


def _vanish(path: Path) -> None:
    path.unlink()


def _dangle(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.parent / "gone")


def _loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _noise(path: Path) -> None:
    path.write_bytes(np.random.default_rng(1).bytes(4000))


SPOIL = {
    "vanished": _vanish,
    "a dangling link": _dangle,
    "a link to itself": _loop,
    "a pipe": _pipe,
    "a folder": _folder,
    "empty": _empty,
    "random bytes": _noise,
}


def zeros_deflated(n_bytes: int) -> bytes:
    """Deflate very many zeros: one block that knows nothing of those before it, again and again."""
    pack = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = pack.compress(bytes(BLOCK)) + pack.flush(zlib.Z_FULL_FLUSH)
    return block * (n_bytes // BLOCK)


def zeros_gzipped(n_bytes: int) -> bytes:
    """Gzip very many zeros, as members that follow each other."""
    return gzip.compress(bytes(BLOCK), 9) * (n_bytes // BLOCK)
