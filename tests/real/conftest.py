from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def shared() -> Callable[[str], Path]:
    """Finds a file or folder of the shared data; skips the test where it is absent."""
    folder = Path(os.environ.get("SPALLMAP_SHARED", str(ROOT.parent / "shared")))

    def find(relative: str) -> Path:
        path = folder / relative
        if not path.exists():
            pytest.skip(f"{path} is absent; SPALLMAP_SHARED names the folder of shared data")
        return path

    return find
