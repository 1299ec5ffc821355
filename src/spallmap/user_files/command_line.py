"""Files of configuration that a command line names, looked at before Snakemake loads them.

Snakemake opens them before it reads the Snakefile: a pipe there hangs it, an alias that stands for itself
fills the memory, another encoding ends in a traceback. The profiles call this: they are read first of all.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from spallmap.errors import ErrorList, InputError
from spallmap.user_files.config_file import check_config_file
from spallmap.user_files.dotted_keys import KEY_OPTIONS
from spallmap.user_files.plain_text import shown

_FILES = ("--configfile", "--configfiles")


def named_files(arguments: Sequence[str]) -> Iterator[Path]:
    """Find the files of configuration on a command line.

    Parameters
    ----------
    arguments : sequence of str
        The command line without the program's name.

    Returns
    -------
    iterator of Path
        What stands after ``--configfile``, of which one may take several.

    Examples
    --------
    >>> line = ["--cores", "4", "--configfile", "a.yaml", "b.yaml", "-n", "--configfiles=c.yaml", "all"]
    >>> [file.name for file in named_files(line)]
    ['a.yaml', 'b.yaml', 'c.yaml']
    """
    return map(Path, _values_after(arguments, _FILES))


def _values_after(arguments: Sequence[str], options: Sequence[str]) -> Iterator[str]:
    """Give what stands after an option, as ``--option value value`` or ``--option=value``."""
    taking = False
    for argument in arguments:
        option, equals, value = argument.partition("=")
        if option in options and equals:
            yield value
        elif argument.startswith("-"):
            taking = argument in options
        elif taking:
            yield argument


def _check_key(entry: str) -> None:
    """Say how to write a nested key, for which Snakemake has no dots."""
    key, equals, value = entry.partition("=")
    if equals and "." in key:
        outer, inner = key.split(".", 1)
        allowed = f"nested keys as --config '{outer}={{{inner}: {value}}}'"
        raise InputError("command line, --config", shown(entry), allowed)


def check_command_line(arguments: Sequence[str] | None = None) -> None:
    """Look at the keys and the files of configuration that the command line names.

    Parameters
    ----------
    arguments : sequence of str, optional
        The command line without the program's name; by default this program's.

    Raises
    ------
    SystemExit
        With status 1, after the errors were written to the standard error.

    Examples
    --------
    >>> check_command_line(["--cores", "4"])
    """
    given = sys.argv[1:] if arguments is None else arguments
    errors = ErrorList()
    try:
        for entry in _values_after(given, KEY_OPTIONS):
            with errors.collected():
                _check_key(entry)
        for file in named_files(given):
            with errors.collected():
                check_config_file(file)
        errors.raise_all()
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(1) from error
