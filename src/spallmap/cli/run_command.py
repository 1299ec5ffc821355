"""``spallmap run``: Snakemake with the workflow's Snakefile and a calm terminal."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any, TextIO

from spallmap.cli.checkout import workflow_folder
from spallmap.user_files.config_file import check_config_file
from spallmap.user_files.dotted_keys import nested_keys

_CONFIGFILES = ("--configfile", "--configfiles")
_PROFILE_LINE = re.compile(r"Using .* for setting default command line arguments\.$")
_PROFILES = ("--profile", "--workflow-profile")


def run(config: Path, words: Sequence[str]) -> int:
    """Run the workflow.

    Parameters
    ----------
    config : Path
        The configuration.
    words : sequence of str
        What else goes to Snakemake.

    Returns
    -------
    int
        Snakemake's exit status.

    Raises
    ------
    InputError
        If the configuration cannot be read, or there is no workflow.
    """
    check_config_file(config)
    arguments = snakemake_arguments(config, words, workflow_folder())
    # the profiles look here, and who says what to type: it is Snakemake's command, beside this one
    sys.argv = [str(Path(sys.executable).with_name("snakemake")), *arguments]
    return _snakemake(arguments)


def snakemake_arguments(config: Path, words: Sequence[str], folder: Path) -> list[str]:
    """Put together Snakemake's command line.

    Parameters
    ----------
    config : Path
        The configuration.
    words : sequence of str
        What the user wrote behind it.
    folder : Path
        The workflow's folder.

    Returns
    -------
    list of str
        Defaults stand first, since Snakemake takes the last of what is said twice, and a flag stands last
        of them, since an option with several values would take the words that follow.

    Examples
    --------
    >>> line = snakemake_arguments(Path("my.yaml"), ["figures", "-c", "4"], Path("/opt/spallmap"))
    >>> " ".join(line)
    '--snakefile /opt/spallmap/Snakefile --configfile my.yaml --logger spallmap --keep-going figures -c 4'
    >>> snakemake_arguments(Path("my.yaml"), ["-n"], Path("/opt/spallmap"))[-4:]
    ['--cores', 'all', '--keep-going', '-n']
    """
    given = _profiles_of_the_checkout(nested_keys(words), folder)
    configs = [str(config)]
    defaults: list[str] = []
    if not _given(given, ("--snakefile", "-s")):
        defaults += ["--snakefile", str(folder / "Snakefile")]
    if _given(given, _CONFIGFILES):
        # a later option would replace this one: the user's further files override the first, key by key
        at = next(n for n, word in enumerate(given) if word.partition("=")[0] in _CONFIGFILES)
        option, _, value = given[at].partition("=")
        given[at : at + 1] = [option, *configs, *([value] if value else [])]
    else:
        defaults += ["--configfile", *configs]
    if not _given(given, ("--logger",)):
        defaults += ["--logger", "spallmap"]
    by_profile = _given(given, _PROFILES) or "SNAKEMAKE_PROFILE" in os.environ
    if not (by_profile or _given(given, ("--cores", "-c", "--jobs", "-j"))):
        defaults += ["--cores", "all"]
    return [*defaults, "--keep-going", *given]


def _given(words: Sequence[str], options: Sequence[str]) -> bool:
    """Whether one of the options is there, as ``--cores 4``, ``--cores=4``, ``-c 4`` or ``-c4``."""
    before_targets = words[: words.index("--")] if "--" in words else words
    long = {option for option in options if option.startswith("--")}
    short = tuple(option for option in options if not option.startswith("--"))
    return any(
        word.partition("=")[0] in long or (short and not word.startswith("--") and word.startswith(short))
        for word in before_targets
    )


def _profiles_of_the_checkout(words: Sequence[str], folder: Path) -> list[str]:
    """Find a profile that is named relative to the workflow's folder and is not in the working directory."""
    found: list[str] = []
    taking = False
    for word in words:
        option, equals, value = word.partition("=")
        profile = value if option in _PROFILES and equals else word if taking else ""
        if profile and not Path(profile).exists() and (folder / profile).exists():
            path = str(folder / profile)
            word = f"{option}={path}" if equals and not taking else path
        found.append(word)
        taking = word in _PROFILES
    return found


class _Unbothered:
    """The standard error without Snakemake's line about the profile, which it says before it has a logger."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._left_out = False

    def write(self, text: str) -> int:
        if _PROFILE_LINE.match(text):
            self._left_out = True
            return len(text)
        ending, self._left_out = self._left_out and text == "\n", False
        return len(text) if ending else self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _snakemake(arguments: Sequence[str]) -> int:
    from snakemake.cli import main

    try:
        with redirect_stderr(_Unbothered(sys.stderr)):
            main(list(arguments))
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    except KeyboardInterrupt:
        # outside the running of jobs, which Snakemake ends by itself
        return 1
    return 0
