"""Cell, state and name of an acquisition, guessed from the names of folders and files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from spallmap.cli.recognised import Recognised

PRISTINE, SHORTED, UNKNOWN = "pristine", "shorted", "unknown"
_STATES = {
    PRISTINE: ("pristine", "before", "initial", "fresh", "uncycled", "virgin", "asmade", "assembled"),
    SHORTED: ("shorted", "short", "shortcircuit", "shortcircuited", "after", "failed", "failure", "dead"),
}
_STATE_OF = {word: state for state, words in _STATES.items() for word in words}
# States that people name by a number.
_NUMBERED_STATE = re.compile(r"(cycle|cyc|day|charged|discharged|charge|discharge|soc)\d*")
# Words of a path that say what was measured or how, and not of what.
_MODALITY_WORDS = {
    "mri": ("mri", "mr", "nmr", "msme", "t2", "t2map", "echo", "echoes", "dicom", "bruker", "paravision"),
    "xct": ("xct", "ct", "uct", "microct", "xray", "tomo", "tomogram", "tomography", "recon", "slices"),
    "sem": ("sem", "bse", "image", "images", "micrograph"),
    "edx": ("edx", "eds", "edxs", "elements", "element", "maps", "map"),
}
_ALL_MODALITY_WORDS = frozenset(word for words in _MODALITY_WORDS.values() for word in words)
_PLAIN = """raw data rawdata files scan scans measurement measurements cell cells sample samples pdata export
exports my the new ome tif tiff of and"""
_PLAIN_WORDS = frozenset(_PLAIN.split())
# A cell as people number them: c07, cell-a, cell_12, S3, pellet4, sample-2b.
_CELL = re.compile(
    r"(?<![A-Za-z0-9])((?:cell|sample|pellet|specimen)[-_ ]?(?:\d{1,4}[a-z]?|[a-z])|[cs][-_]?\d{1,4}[a-z]?)"
    r"(?![A-Za-z0-9])",
    re.IGNORECASE,
)
_DETAIL = frozenset(["detail", "zoom", "inset", "hires", "close", "closeup"])
_DEFAULT_NAMES = {"xct": "scan", "mri": "t2", "sem": "image", "edx": "elements"}
# Names of the results' own folders.
_RESERVED = ("figures", "logs", "benchmarks")
# A name may have 64 signs; a longer one hides in tables.
_LONGEST_NAME = 40
# An image whose field is smaller than this fraction of the largest one's is a detail of it.
_DETAIL_FIELD = 0.5
_SPLIT = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z])(?=[A-Z][a-z])")


@dataclass(frozen=True)
class GuessedRow:
    """A row of the table to start from.

    Parameters
    ----------
    found : Recognised
        What was found.
    cell, state, name : str
        Guessed.
    within : str
        Name of the image that it probably lies in; empty for none.
    axes : str
        Where the default does not fit; empty for the default.
    guesses : tuple of str
        What of this is a guess, in words.
    """

    found: Recognised
    cell: str
    state: str
    name: str
    within: str = ""
    axes: str = ""
    guesses: tuple[str, ...] = ()


def guessed_rows(found: Sequence[Recognised], top: Path) -> list[GuessedRow]:
    """Guess the rows of a table.

    Parameters
    ----------
    found : sequence of Recognised
        Acquisitions.
    top : Path
        The folder that was looked through.

    Returns
    -------
    list of GuessedRow
        By cell and state: pristine first, then others, then shorted.

    Examples
    --------
    >>> scan = Recognised(Path("raw/c07/before/xct"), "xct", None)
    >>> (row,) = guessed_rows([scan], Path("raw"))
    >>> row.cell, row.state, row.name
    ('c07', 'pristine', 'scan')
    """
    fallback = _own_words(top.resolve().name) or "cell1"
    rows = []
    for own in found:
        parts = _parts(own.path, top)
        inside = _said_inside(own)
        cell, cell_said = _cell(parts, inside, top)
        state = _state(parts) or _state(inside) or _state([top.resolve().name])
        rows.append(
            GuessedRow(
                own,
                _word(cell or fallback),
                state or UNKNOWN,
                _name(parts, own.modality, cell_said),
                axes="z,y,x" if own.modality == "mri" and own.n_axes == 3 else "",
                guesses=() if state else ("state",),
            )
        )
    rows = _states_of_sections(rows)
    rows = _unique_names(sorted(rows, key=lambda row: (row.cell, _order(row.state), _order_of(row))))
    return _inside(rows)


def _parts(path: Path, top: Path) -> list[str]:
    """Names of the folders below the top and of the file, the file's without its ending."""
    parts = list(path.relative_to(top).parts)
    if parts and not path.is_dir():
        parts[-1] = parts[-1].split(".")[0] or parts[-1]
    return parts


def _said_inside(own: Recognised) -> list[str]:
    """Name of a slice, which may say what its folder's does not; nothing for other acquisitions."""
    if own.modality != "xct" or not own.path.is_dir():
        return []
    first = min((p.name for p in own.path.iterdir() if p.is_file()), default="")
    return [first.split(".")[0]] if first else []


def _words(text: str) -> list[str]:
    return [word for word in _SPLIT.split(text) if word]


def _state_word(word: str) -> str:
    lower = word.lower()
    return _STATE_OF.get(lower) or (lower if _NUMBERED_STATE.fullmatch(lower) else "")


def _state(parts: Iterable[str]) -> str:
    """State that the innermost name says that says one."""
    for part in reversed(list(parts)):
        for word in _words(part):
            if state := _state_word(word):
                return state
    return ""


def _is_own(word: str) -> bool:
    """Whether a word is none of those that name what and when."""
    lower = word.lower()
    return not (
        lower in _ALL_MODALITY_WORDS or lower in _PLAIN_WORDS or _state_word(lower) or lower.isdigit()
    )


def _own_words(text: str) -> str:
    """Give a name that says more than a modality or a state; nothing where it does not."""
    if match := _CELL.search(text):
        return match.group(1)
    words = _words(text)
    return "-".join(words) if any(map(_is_own, words)) else ""


def _cell(parts: Sequence[str], inside: Sequence[str], top: Path) -> tuple[str, str]:
    """Cell that a path names, and the words that name it: a numbered one, else the outermost folder's."""
    for part in (*parts, *inside, top.resolve().name):
        if match := _CELL.search(part):
            return match.group(1), match.group(1)
    for part in parts[:-1]:
        words = _words(part)
        own = [word for word in words if _is_own(word)]
        if own:
            kept = [w for w in words if not (w.lower() in _ALL_MODALITY_WORDS or _state_word(w))]
            return "-".join(kept), part
    return "", ""


def _name(parts: Sequence[str], modality: str, cell_said: str) -> str:
    """Give what is left of the innermost names without cell, state and modality."""
    known = {word.lower() for word in _words(cell_said)} | _PLAIN_WORDS | set(_MODALITY_WORDS[modality])
    for part in reversed(parts[-2:]):
        plain = re.sub(rf"(?<![A-Za-z0-9]){re.escape(cell_said)}(?![A-Za-z0-9])", " ", part)
        words = [w for w in _words(plain) if w.lower() not in known and not _state_word(w)]
        if words:
            name = "-".join(words)
            return _word(f"scan{name}" if name.isdigit() else name)
    return _DEFAULT_NAMES[modality]


def _word(text: str) -> str:
    """Bring a name into letters, digits and dashes."""
    word = re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-_")[:_LONGEST_NAME].strip("-_") or "cell1"
    return f"{word}-1" if word in _RESERVED else word


def _order(state: str) -> int:
    return {PRISTINE: 0, SHORTED: 2}.get(state, 1)


def _order_of(row: GuessedRow) -> tuple[int, float]:
    order = list(_DEFAULT_NAMES).index(row.found.modality)
    return order, -_field(row)


def _field(row: GuessedRow) -> float:
    """Width of an image in um; 0 where it is not known."""
    info = row.found.info
    if info is None or info.spacing_um is None:
        return 0.0
    return float(info.spatial_shape[-1] * info.spacing_um[-1])


def _states_of_sections(rows: Sequence[GuessedRow]) -> list[GuessedRow]:
    """Give sections without a state that of the cell when it was cut: the shorted one, else the last."""
    states: dict[str, Counter[str]] = {}
    for row in rows:
        states.setdefault(row.cell, Counter())[row.state] += 1
    found = []
    for row in rows:
        known = set(states[row.cell]) - {UNKNOWN, PRISTINE}
        if (
            row.state == UNKNOWN
            and row.found.modality in ("sem", "edx")
            and set(states[row.cell]) != {UNKNOWN}
        ):
            row = replace(row, state=SHORTED if SHORTED in known or not known else sorted(known)[-1])
        found.append(row)
    return found


def _unique_names(rows: Sequence[GuessedRow]) -> list[GuessedRow]:
    seen: Counter[tuple[str, str, str, str]] = Counter()
    found = []
    for row in rows:
        key = (row.cell, row.state, row.found.modality, row.name)
        seen[key] += 1
        if seen[key] > 1:
            row = replace(row, name=f"{row.name}-{seen[key]}")
            seen[row.cell, row.state, row.found.modality, row.name] += 1
        found.append(row)
    return found


def _inside(rows: Sequence[GuessedRow]) -> list[GuessedRow]:
    """Say which images probably lie in which overview: details, and element maps."""
    overviews: dict[tuple[str, str], list[GuessedRow]] = {}
    for row in rows:
        if row.found.modality == "sem":
            overviews.setdefault((row.cell, row.state), []).append(row)
    found = []
    for row in rows:
        images = overviews.get((row.cell, row.state), [])
        if row.found.modality in ("sem", "edx") and images:
            outer = _overview(images)
            if outer is not None and outer is not row and _lies_inside(row, outer):
                row = replace(row, within=outer.name, guesses=(*row.guesses, "within"))
        found.append(row)
    return found


def _overview(images: Sequence[GuessedRow]) -> GuessedRow | None:
    """Give the image that the others are details of: the largest; None where no size is known."""
    if len(images) == 1:
        return images[0]
    plain = [row for row in images if not _is_detail(row)]
    largest = max(images, key=_field)
    if _field(largest) > 0 and not _is_detail(largest):
        return largest
    return plain[0] if len(plain) == 1 else None


def _is_detail(row: GuessedRow) -> bool:
    return bool(_DETAIL & {word.lower() for word in _words(row.name)})


def _lies_inside(row: GuessedRow, outer: GuessedRow) -> bool:
    """Whether an image is a detail by its name or its size; element maps are, unless they show more."""
    own, whole = _field(row), _field(outer)
    if row.found.modality == "edx":
        return not (own and whole) or own <= whole
    return _is_detail(row) or (0 < own < _DETAIL_FIELD * whole)
