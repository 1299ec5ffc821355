"""Nested keys of the configuration as a person writes them on the command line: ``t2.long_ms=14``."""

from __future__ import annotations

import json
from collections.abc import Sequence

KEY_OPTIONS = ("--config", "-C")


def nested_keys(words: Sequence[str]) -> list[str]:
    """Write dotted keys as Snakemake reads them.

    Parameters
    ----------
    words : sequence of str
        A command line of Snakemake.

    Returns
    -------
    list of str
        The same with ``t2.long_ms=14`` as a mapping wherever ``--config`` takes it.

    Examples
    --------
    >>> nested_keys(["--config", "t2.long_ms=14", "results=out/a.b", "-n", "t2.x=1"])
    ['--config', 't2={"long_ms": "14"}', 'results=out/a.b', '-n', 't2.x=1']
    >>> nested_keys(["--config=t2.sigma=null"])
    ['--config=t2={"sigma": "null"}']
    """
    written: list[str] = []
    taking = False
    for word in words:
        option, equals, entry = word.partition("=")
        if option in KEY_OPTIONS and equals:
            written.append(f"{option}={nested_key(entry)}")
            taking = True
        elif word.startswith("-"):
            written.append(word)
            taking = word in KEY_OPTIONS
        else:
            written.append(nested_key(word) if taking else word)
    return written


def nested_key(entry: str) -> str:
    """Write one key with its value as Snakemake reads it.

    Parameters
    ----------
    entry : str
        ``key=value``, the key with dots where it is nested.

    Returns
    -------
    str
        The same where there is no dot.

    Examples
    --------
    >>> nested_key("figures.cell=c12")
    'figures={"cell": "c12"}'
    """
    key, equals, value = entry.partition("=")
    outer, *inner = key.split(".")
    if not equals or not inner or not all((outer, *inner)):
        return entry
    text = json.dumps(value, ensure_ascii=False)
    for name in reversed(inner):
        text = f"{{{json.dumps(name, ensure_ascii=False)}: {text}}}"
    return f"{outer}={text}"
