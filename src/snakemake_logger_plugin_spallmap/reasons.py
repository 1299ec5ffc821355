"""Why a job would run, in words: Snakemake's reason is a sentence for each cause, with all files in it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from snakemake_logger_plugin_spallmap.config_keys import ConfigKeys

NEVER_MADE = "never made"
# A job that runs because another one does: what is to be known is said of that one.
FOLLOWS = "follows from what is made anew"
# More names than this say no more than their number.
_MOST_NAMES = 3
_CAUSES = (
    "Missing output files: ",
    "Incomplete output files: ",
    "Updated input files: ",
    "Input files updated by another job: ",
    "Set of input files has changed since last execution",
    "Code has changed since last execution",
    "Params have changed since last execution: ",
    "Software environment definition has changed since last execution",
    "Forced execution",
)
_SPLIT = re.compile(r"; (?=" + "|".join(re.escape(cause) for cause in _CAUSES) + ")")
_PARAMS = re.compile(r"before: (?P<before>.*) now: (?P<now>.*)", re.DOTALL)
_NOTHING = "<nothing exclusive>"
# A fingerprint of an acquisition's files, among a job's parameters.
_FINGERPRINT = re.compile(r"[0-9a-f]{32}")
FILES = "input files changed"


def in_words(reason: str, keys: ConfigKeys, n_outputs: int = 1) -> list[str]:
    """Say in a few words each why a job would run.

    Parameters
    ----------
    reason : str
        Snakemake's reason.
    keys : ConfigKeys
        The configuration.
    n_outputs : int
        How many files the job makes.

    Returns
    -------
    list of str
        One for each cause; `FOLLOWS` alone where the job only follows another.

    Examples
    --------
    >>> keys = ConfigKeys({"t2.long_ms": "12"}, {"t2.long_ms": "14"})
    >>> in_words("Missing output files: a/t2.json; Updated input files: raw/5/pdata/1/2dseq", keys)
    ['never made']
    >>> in_words("Updated input files: raw/5/pdata/1/2dseq, raw/5/acqp", keys)
    ['2dseq, acqp changed']
    >>> changed = "before: {'long_ms': 12, 'sigma': None} now: {'long_ms': 14, 'sigma': None} "
    >>> in_words(f"Params have changed since last execution: Union of it {changed}", keys)
    ['t2.long_ms changed']
    """
    said: list[str] = []
    follows = names_files = False
    for cause in _SPLIT.split(reason):
        head, _, rest = cause.partition(": ")
        if cause.startswith("Missing output files"):
            n_missing = len(rest.split(", "))
            return [NEVER_MADE if n_missing >= n_outputs else "some results are missing"]
        if cause.startswith("Incomplete output files"):
            said.append("was cut short")
        elif cause.startswith("Updated input files"):
            said += _changed_files(rest)
            names_files = True
        elif cause.startswith("Input files updated by another job"):
            follows = True
        elif cause.startswith("Set of input files has changed"):
            said.append("files were added or left out")
        elif cause.startswith("Code has changed"):
            said.append("the program changed")
        elif cause.startswith("Params have changed"):
            said += _changed_params(rest, keys)
        elif cause.startswith("Software environment"):
            said.append("software changed")
        elif cause.startswith("Forced execution"):
            said.append("forced")
        elif head:
            said.append(head[:1].lower() + head[1:])
    if names_files and FILES in said:
        said.remove(FILES)
    return said or ([FOLLOWS] if follows else [])


def _changed_files(listed: str) -> list[str]:
    names = list(dict.fromkeys(Path(path.strip()).name for path in listed.split(", ") if path.strip()))
    if not names:
        return []
    if len(names) > _MOST_NAMES:
        return [f"{names[0]} and {len(names) - 1} more files changed"]
    return [f"{', '.join(names)} changed"]


def _changed_params(said: str, keys: ConfigKeys) -> list[str]:
    match = _PARAMS.search(said)
    sides = [_values(match.group(side).strip()) for side in ("before", "now")] if match else [None, None]
    if sides[0] is None or sides[1] is None:
        return ["parameters changed"]
    words: dict[str, None] = {}
    for old, new in _pairs(sides[0], sides[1]):
        if isinstance(old, dict) and isinstance(new, dict):
            changed = [key for key in {**old, **new} if old.get(key) != new.get(key)]
            words |= {f"{keys.whole(key)} changed": None for key in changed}
        elif all(_FINGERPRINT.fullmatch(str(side)) for side in (old, new)):
            words[FILES] = None
        elif isinstance(old, dict | list | tuple) or isinstance(new, dict | list | tuple):
            words["parameters changed"] = None
        else:
            name = keys.of_value(old, new) or f"a parameter ({_short(old)} to {_short(new)})"
            words[f"{name} changed"] = None
    return list(words) or ["parameters changed"]


def _values(listed: str) -> list[Any] | None:
    """Read the values that Snakemake lists; None where they are no plain ones."""
    if listed == _NOTHING:
        return []
    try:
        return list(ast.literal_eval(f"[{listed}]"))
    except (ValueError, SyntaxError):
        # an object of a library, or a list that was cut
        return None


def _pairs(before: list[Any], now: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Pair old and new values of the same kind."""
    left = list(now)
    for old in before:
        alike = [new for new in left if _kind(new) == _kind(old)]
        new = alike[0] if alike else None
        if alike:
            left.remove(new)
        yield old, new
    for new in left:
        yield None, new


def _kind(value: Any) -> Any:
    return tuple(sorted(map(str, value))) if isinstance(value, dict) else type(value).__name__


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 30 else f"{text[:27]}..."
