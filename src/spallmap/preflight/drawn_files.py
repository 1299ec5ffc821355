"""The folder that a simulated cell is drawn to: nothing of a user's is overwritten there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from spallmap.provenance import sha256

# Names the files that were drawn, with their sizes, times and digests: Snakemake sets the times anew.
MARKER = "drawn-by-spallmap.json"
# Where a drawing is made; what a killed one left behind is cleared by the next.
_UNFINISHED = ".unfinished-drawing"


def draw_into(folder: Path, outputs: Iterable[Path], draw: Callable[[Path], object]) -> None:
    """Draw a cell beside its folder, and move what is wanted into it.

    The marker is written before the first file is moved, so that a drawing that is killed anywhere can be
    told from a user's files.

    Parameters
    ----------
    folder : Path
        Made where it is missing.
    outputs : iterable of Path
        Files and folders below it; none of them may exist.
    draw : callable
        Draws the whole cell into the folder that it is given.

    Examples
    --------
    >>> import tempfile
    >>> def draw(cell):
    ...     cell.mkdir()
    ...     _ = (cell / "a.tif").write_text("drawn")
    >>> with tempfile.TemporaryDirectory() as made:
    ...     folder = Path(made, "cell")
    ...     draw_into(folder, [folder / "a.tif"], draw)
    ...     _ = (folder / "b.tif").write_text("another")
    ...     [path.name for path in foreign_files(folder)]
    ['b.tif']
    """
    unfinished = folder / _UNFINISHED
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir(parents=True)
    cell = unfinished / "cell"
    draw(cell)
    wanted = {output: cell / output.relative_to(folder) for output in outputs}
    drawn: dict[str, tuple[int, int, str]] = {}
    for source in wanted.values():
        for file in sorted(source.rglob("*")) if source.is_dir() else [source]:
            drawn |= (
                {} if file.is_dir() else {file.relative_to(cell).as_posix(): (*_moment(file), sha256(file))}
            )
    part = unfinished / MARKER
    part.write_text(json.dumps(drawn, indent=1), encoding="utf-8")
    part.replace(folder / MARKER)
    for output, source in wanted.items():
        output.parent.mkdir(parents=True, exist_ok=True)
        source.rename(output)
    shutil.rmtree(unfinished)


def foreign_files(folder: Path) -> list[Path]:
    """List the files of a folder that were not drawn into it, or were changed since.

    Parameters
    ----------
    folder : Path
        May be missing.

    Returns
    -------
    list of Path
        Sorted; empty for a folder that may be drawn to.
    """
    if not folder.exists():
        return []
    marker = folder / MARKER
    drawn = json.loads(marker.read_text(encoding="utf-8")) if marker.exists() else {}
    foreign = []
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder)
        own = file == marker or name.parts[0] == _UNFINISHED or name.suffix == ".log"
        # Snakemake's mark of the time in a folder that a rule makes
        if own or file.is_dir() or name.name == ".snakemake_timestamp":
            continue
        size, *known = drawn.get(name.as_posix(), (-1,))
        same_time = (size, *known[:1]) == _moment(file)
        if not same_time and (size != file.stat().st_size or known[1:] != [sha256(file)]):
            foreign.append(file)
    return foreign


def _moment(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_size, status.st_mtime_ns
