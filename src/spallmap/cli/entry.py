"""The command ``spallmap``: its words, and who answers them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from spallmap import __version__
from spallmap.errors import SpallmapError

# What a shell reports of a program that Ctrl-C ended.
_STOPPED = 130
_DESCRIPTION = """\
spallmap links long-T2 regions of 23Na MRI to cracks in X-ray tomograms of sodium cells.

  spallmap init FOLDER       looks through a folder of instruments' files and writes a table
                             and a configuration to start from
  spallmap check CONFIG      reads the table and the headers of all files; runs no job
  spallmap run CONFIG [...]  runs the workflow; every further word goes to snakemake
  spallmap view CONFIG       opens the results in a browser
"""
_AFTER = """\
A first run:
  spallmap init my/cell      then edit my/cell/acquisitions.tsv where it says so
  spallmap check my/cell/config.yaml
  spallmap run my/cell/config.yaml --dry-run
  spallmap run my/cell/config.yaml

config/README.md explains every key of a configuration and every column of the table.
"""
_CONFIG = "the configuration, a YAML file; config/config.yaml has every key with its default"
_INIT = """\
Looks through FOLDER, folders in it included, for files of instruments: ParaVision and DICOM scans,
echoes as NIfTI or TIFF, tomograms (slices, OME-TIFF, OME-Zarr, HDF5, .txm and more), SEM images and
element maps. Writes FOLDER/acquisitions.tsv with a row for each, and FOLDER/config.yaml; into the
working directory where FOLDER may not be written to. Cell, state and name are guessed from the
names of folders and files: it says what is a guess, what is left open, and which files it did not
recognise. Files that exist are never overwritten.
"""
_CHECK = """\
Looks at the configuration, the table and the headers of all files as the workflow does before its
first job, and shows what was read of each acquisition: format, samples, pixel size and where it
came from, field of view, echo times, number of files. What is odd follows as warnings, what cannot
be used as errors. Runs no job and writes nothing. Exit status: 0, or 1 where there are errors.
"""
_RUN = """\
Runs the workflow with CONFIG. Every further word goes to snakemake; some that are useful:

  --dry-run                        what would be made, and why
  --cores 4                        how many processors to use (default: all)
  figures                          the paper's figures alone
  --config t2.long_ms=14           a key of the configuration for this run
  --workflow-profile workflow/profiles/slurm
                                   on a Slurm cluster
  --unlock                         after a crash of the machine; see README.md

A run that was stopped (Ctrl-C) goes on where it was when the same command is given again.
Exit status: 0, or that of snakemake, or 130 where it was stopped.
"""
_VIEW = """\
Opens index.html of the configuration's results in a browser, or says its path where there is no
browser.
"""


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="spallmap",
        description=_DESCRIPTION,
        epilog=_AFTER,
        formatter_class=raw,
        usage="spallmap [-h] [--version] {init,check,run,view} ...",
    )
    parser.add_argument("--version", action="version", version=f"spallmap {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", help=argparse.SUPPRESS)
    words = {
        "init": ("FOLDER", _INIT, "a folder with instruments' files"),
        "check": ("CONFIG", _CHECK, _CONFIG),
        "run": ("CONFIG", _RUN, _CONFIG),
        "view": ("CONFIG", _VIEW, _CONFIG),
    }
    for name, (path, description, meaning) in words.items():
        further = " [...]" if name == "run" else ""
        usage = f"spallmap {name} [-h] {path}{further}"
        command = commands.add_parser(name, description=description, formatter_class=raw, usage=usage)
        command.add_argument("path", metavar=path, type=Path, help=meaning)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the commands.

    Parameters
    ----------
    arguments : sequence of str, optional
        The command line without the program's name; by default this program's.

    Returns
    -------
    int
        Exit status: 0 where all went well, 130 where it was stopped, else not zero.

    Raises
    ------
    SystemExit
        With status 2 for words that are none of the commands', and with status 0 after a help text.

    Examples
    --------
    >>> main(["check", "nowhere.yaml"])
    ERROR nowhere.yaml: found no such file; allowed: a configuration: keys and values as YAML, in text
        saved as UTF-8; see config/README.md
    <BLANKLINE>
    no table was read: 1 error, no warnings
    1
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = _parser()
    # all behind CONFIG is Snakemake's, "--help" included
    further = words[2:] if words[:1] == ["run"] and len(words) > 1 and not words[1].startswith("-") else []
    given = parser.parse_args(words[: len(words) - len(further)])
    if given.command is None:
        parser.print_help()
        return 0
    try:
        return _answer(given, further)
    except SpallmapError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return _stopped(given.command)
    except BrokenPipeError:
        # who reads the output has gone, as "head" does
        sys.stderr.close()
        return 1


def _stopped(command: str) -> int:
    """Say so in a line, over the sign that a terminal shows for Ctrl-C."""
    sys.stderr.write("\r\x1b[K" if sys.stderr.isatty() else "")
    sys.stderr.write("stopped; run the same command to go on\n" if command == "run" else "stopped\n")
    return _STOPPED


def _answer(given: argparse.Namespace, further: Sequence[str]) -> int:
    """Run a command; it is imported when it is asked for, since Snakemake and the readers take a second."""
    if given.command == "init":
        from spallmap.cli.init_command import init

        return init(given.path)
    if given.command == "check":
        from spallmap.cli.check_command import check

        return check(given.path)
    if given.command == "run":
        from spallmap.cli.interrupts import Interrupts

        with Interrupts() as interrupts:
            # libraries start threads when they are imported
            from spallmap.cli.run_command import run

            status = run(given.path, further)
        if interrupts.stopped:
            return _stopped(given.command)
        return status
    from spallmap.cli.view_command import view

    return view(given.path)
