"""``spallmap view``: the results' first page in a browser."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path

from spallmap.cli.run_settings import read_settings


def view(config: Path) -> int:
    """Open the index of a configuration's results in a browser.

    Parameters
    ----------
    config : Path
        The configuration.

    Returns
    -------
    int
        Exit status: 1 where there is no index yet.

    Raises
    ------
    InputError
        If the configuration cannot be used.
    """
    index = Path(read_settings(config)["results"], "index.html")
    if not index.is_file():
        sys.stderr.write(f"There is no {index} yet. Make it with:\n  spallmap run {config}\n")
        return 1
    sys.stdout.write(f"{index.resolve()}\n")
    if not _opened(index):
        sys.stdout.write("No browser is to be had here: open this file in one.\n")
    return 0


def _opened(index: Path) -> bool:
    """Open it, but not in a text browser: that would take the terminal, and shows no pictures."""
    with_screen = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
    if not with_screen and sys.platform.startswith("linux"):
        return False
    try:
        return webbrowser.open(index.resolve().as_uri())
    except webbrowser.Error:
        return False
