"""Echo times that stand in a small file beside images that cannot carry them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spallmap.errors import InputError
from spallmap.readers.echo_times import check_echo_times_ms

SIDECAR = "echo_times_ms.txt"
# BIDS gives echo times in seconds. No spin echo of a whole second is worth reading, so that a larger number
# is of milliseconds.
BIDS_LONGEST_S = 1.0
# Endings that are taken off a name to find its BIDS file.
_ENDINGS = (".nii.gz", ".nii", ".ome.tiff", ".ome.tif", ".tiff", ".tif", ".btf", ".tf8")


@dataclass(frozen=True)
class EchoTimes:
    """Echo times and where they were found.

    Parameters
    ----------
    te_ms : tuple of float
        In the order of the echoes, ms.
    sidecars : tuple of Path
        The files that said them.
    bids : tuple of mapping
        What the BIDS file of each image says; empty for an image without one.
    """

    te_ms: tuple[float, ...]
    sidecars: tuple[Path, ...]
    bids: tuple[dict[str, Any], ...] = field(default=())


def natural_order(path: Path) -> tuple[Any, ...]:
    """Key that sorts ``echo10`` after ``echo9``.

    Examples
    --------
    >>> [p.name for p in sorted([Path("echo10.tif"), Path("echo9.tif")], key=natural_order)]
    ['echo9.tif', 'echo10.tif']
    """
    parts = re.split(r"(\d+)", str(path))
    return tuple((int(p), "") if i % 2 else (0, p.lower()) for i, p in enumerate(parts)), str(path)


def bids_file(image: Path) -> Path:
    """Where BIDS puts what it knows of an image: the same name, ending in ``.json``.

    Examples
    --------
    >>> bids_file(Path("sub-1_echo-1_MESE.nii.gz")).name
    'sub-1_echo-1_MESE.json'
    """
    name = image.name.lower()
    ending = next((e for e in _ENDINGS if name.endswith(e)), image.suffix)
    return image.with_name(image.name[: len(image.name) - len(ending)] + ".json")


def find_echo_times(
    path: Path, images: Sequence[Path], n_echoes: Sequence[int], folder: Path | None
) -> EchoTimes:
    """Find the echo times of images that do not carry their own.

    For all images together, ``echo_times_ms.txt`` in the folder is taken; without it, for each image its own
    ``<file name>.echo_times_ms.txt``, then ``echo_times_ms.txt`` in a sub-folder that holds the image alone,
    then its BIDS file.

    Parameters
    ----------
    path : Path
        What the user asked for; named in messages.
    images : sequence of Path
        The images, in the order of their echoes.
    n_echoes : sequence of int
        Number of echoes in each.
    folder : Path, optional
        The folder that stands for the whole series; None where the user named a file.

    Returns
    -------
    EchoTimes
        As many as there are echoes.

    Raises
    ------
    InputError
        If there is no sidecar (the message says which file to write), it is damaged, its values do not fit
        the number of echoes, or one is implausible.
    """
    bids = tuple(read_bids(bids_file(image)) for image in images)
    if folder is not None and (folder / SIDECAR).is_file():
        listed = read_list(folder / SIDECAR)
        te_ms = check_echo_times_ms(str(folder / SIDECAR), listed, sum(n_echoes))
        return EchoTimes(te_ms, (folder / SIDECAR,), bids)
    times: list[float] = []
    sidecars: list[Path] = []
    for image, said, count in zip(images, bids, n_echoes, strict=True):
        own = [image.with_name(f"{image.name}.{SIDECAR}")]
        if folder is not None and image.parent != folder:
            own.append(image.parent / SIDECAR)
        text = next((p for p in own if p.is_file()), None)
        source = text or bids_file(image)
        if text is None and "EchoTime" not in said:
            to_write = own[0] if folder is None else folder / SIDECAR
            found = f"no echo times for {image.name}"
            raise InputError(str(path), found, _what_to_write(to_write, sum(n_echoes), bids_file(image)))
        values = read_list(text) if text else _bids_ms(source, said["EchoTime"])
        times += check_echo_times_ms(str(source), values, count)
        sidecars.append(source)
    return EchoTimes(tuple(times), tuple(sidecars), bids)


def _what_to_write(sidecar: Path, n_echoes: int, bids: Path) -> str:
    return (
        f"a text file {sidecar} with {n_echoes} echo time(s) in ms, in the order of the echoes; "
        f"or {bids.name} beside the image with the BIDS key EchoTime in seconds"
    )


def read_list(path: Path) -> tuple[float, ...]:
    r"""Read echo times in ms from a text file.

    Parameters
    ----------
    path : Path
        Numbers separated by white space, commas or semicolons; what follows a ``#`` is a comment.

    Returns
    -------
    tuple of float
        The numbers as they stand.

    Raises
    ------
    InputError
        If the file is no text, or something in it is no number.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "echo_times_ms.txt")
    ...     _ = path.write_text("# ms\n2, 6.5\n20")
    ...     read_list(path)
    (2.0, 6.5, 20.0)
    """
    allowed = "numbers in ms, separated by white space, commas or semicolons; # begins a comment"
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(str(path), "no text", allowed) from error
    values = []
    for number, line in enumerate(lines, start=1):
        for word in re.split(r"[\s,;]+", line.split("#")[0].strip()):
            if not word:
                continue
            try:
                values.append(float(word))
            except ValueError as error:
                raise InputError(f"{path}, line {number}", repr(word), allowed) from error
    return tuple(values)


def read_bids(path: Path) -> dict[str, Any]:
    """Read the BIDS file of an image.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict
        Its keys; empty where there is no such file.

    Raises
    ------
    InputError
        If the file is no JSON object.
    """
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(str(path), f"no readable JSON ({error})", "a BIDS file, a JSON object") from error
    if not isinstance(content, dict):
        raise InputError(str(path), f"a JSON {type(content).__name__}", "a BIDS file, a JSON object")
    return content


def _bids_ms(path: Path, value: Any) -> tuple[float, ...]:
    listed = value if isinstance(value, list) else [value]
    source_label, allowed = (
        f"{path}, EchoTime",
        f"a number of seconds below {BIDS_LONGEST_S:g}, or a list of them",
    )
    if not all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in listed):
        raise InputError(source_label, repr(value), allowed)
    if any(v >= BIDS_LONGEST_S for v in listed):
        raise InputError(source_label, f"{value}, which as seconds is too long and may be ms", allowed)
    # seconds in decimal notation become the ms that were meant: 0.0065 s is 6.5 ms, not 6.500000000000001
    return tuple(round(v * 1e3, 9) for v in listed)
