"""Which run holds a folder of results, and what to do about a lock that is left."""

from __future__ import annotations

import getpass
import os
import shlex
import socket
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from spallmap.results.tables import read_json, write_json

# A lock is taken just before the record is written; a file server's clock may differ from this machine's.
_CLOCKS_S = 300.0
_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class RunRecord:
    """The run that works in a folder of results.

    Parameters
    ----------
    host, user : str
        Where it runs and who started it.
    pid : int
        Its process.
    process : str
        The machine's start and that process's: another process may get the same number later.
    started_s : float
        When the run began, seconds since 1970.
    command : str
        As it was typed.
    jobs_named : str
        What its jobs are called on a cluster; empty for a run on one machine.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "run.json")
    ...     RunRecord.of_this_process(["snakemake", "--cores", "4"]).write(path)
    ...     record = RunRecord.read(path)
    >>> record.command, record.is_alive()
    ('snakemake --cores 4', True)
    """

    host: str
    user: str
    pid: int
    process: str
    started_s: float
    command: str
    jobs_named: str = ""

    @classmethod
    def of_this_process(cls, command: Sequence[str], jobs_named: str = "") -> RunRecord:
        """Describe the process that this is called in.

        Parameters
        ----------
        command : sequence of str
            As it was typed.
        jobs_named : str
            What its jobs are called on a cluster.

        Returns
        -------
        RunRecord
            To be written.
        """
        return cls(
            host=socket.gethostname(),
            user=_user(),
            pid=os.getpid(),
            process=_identity(os.getpid()),
            started_s=time.time(),
            command=shlex.join(command),
            jobs_named=jobs_named,
        )

    @classmethod
    def read(cls, path: Path) -> RunRecord | None:
        """Read a record.

        Parameters
        ----------
        path : Path
            Its file.

        Returns
        -------
        RunRecord or None
            None where there is none, or one of another version of spallmap.

        Raises
        ------
        InputError
            If the file is no JSON.
        """
        content = read_json(path) if path.is_file() else {}
        names = {f.name for f in fields(cls)}
        return cls(**content) if set(content) == names else None

    def write(self, path: Path) -> None:
        """Write the record.

        Parameters
        ----------
        path : Path
            Its file.
        """
        write_json(path, asdict(self))

    def is_alive(self) -> bool | None:
        """Whether the process is at work; None where it is on another machine, which cannot be asked."""
        if self.host != socket.gethostname():
            return None
        identity = _identity(self.pid)
        if identity:
            return identity == self.process
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            # Of another user, on a machine that hides what others run.
            return None
        return None


def command_typed(argv: Sequence[str]) -> list[str]:
    """Give the command as a person types it.

    Parameters
    ----------
    argv : sequence of str
        As in ``sys.argv``.

    Returns
    -------
    list of str
        With the program's short path where it was started as a module.

    Examples
    --------
    >>> command_typed(["/usr/lib/python3/site-packages/snakemake/__main__.py", "--cores", "4"])
    ['snakemake', '--cores', '4']
    >>> command_typed([".venv/bin/snakemake", "-n"])
    ['.venv/bin/snakemake', '-n']
    """
    program, *words = argv
    path = Path(program)
    if path.name == "__main__.py":
        return [path.parent.name, *words]
    return [os.path.relpath(path) if path.is_relative_to(Path.cwd()) else program, *words]


def lock_message(record: RunRecord | None, locked_since: float, argv: Sequence[str]) -> str:
    """Say who holds the lock, how to be sure, and what to type.

    Parameters
    ----------
    record : RunRecord or None
        The run that last worked on these results; None where none is known.
    locked_since : float
        When the lock was taken, seconds since 1970.
    argv : sequence of str
        The command that met the lock, as in ``sys.argv``.

    Returns
    -------
    str
        A few lines.

    Examples
    --------
    >>> record = RunRecord("node7", "ada", 12, "", 1767261600.0, "snakemake", "c07_1b2c")
    >>> message = lock_message(record, record.started_s, ["snakemake", "--cores", "4"])
    >>> print(message.replace(_time(record.started_s), "on Thursday"))
    Another run holds the lock of these results; this one has done nothing.
    The lock was taken by process 12 of ada on node7, started on Thursday: snakemake
    That is another machine. Be sure that the run has ended: log in to node7 and look with: ps -p 12
    Its jobs on the cluster may still run. Find them with: squeue --name=c07_1b2c
    If any is listed, wait for it, or cancel it with: scancel --name=c07_1b2c
    If the run has ended, remove its lock and go on where it stopped:
        snakemake --cores 4 --unlock
        snakemake --cores 4
    """
    words = command_typed(argv)
    lines = ["Another run holds the lock of these results; this one has done nothing."]
    if record is not None and record.started_s < locked_since - _CLOCKS_S:
        record = None
    alive = record.is_alive() if record is not None else None
    if record is None:
        lines += [
            "Which run it is, is not known. Be sure that none is at work here, on any machine that shares "
            "this folder: pgrep -af snakemake",
            "If a run used a cluster, look for its jobs too, and wait for them or cancel them: squeue --me",
        ]
    else:
        who = f"process {record.pid} of {record.user} on {record.host}, started {_time(record.started_s)}"
        lines.append(f"The lock was taken by {who}: {record.command}")
        lines += _advice(record, alive)
    if alive:
        return "\n".join(lines)
    typed = shlex.join(words)
    return "\n".join(
        [
            *lines,
            "If the run has ended, remove its lock and go on where it stopped:",
            f"    {typed} --unlock",
            f"    {typed}",
        ]
    )


def _advice(record: RunRecord, alive: bool | None) -> list[str]:
    """Say how to be sure that the run of a record has ended."""
    if alive:
        return [
            "That run is at work on this machine: wait for it. To stop it, press Ctrl-C in its terminal, or "
            f"type: kill -INT {record.pid}"
        ]
    lines = [f"That process is no longer at work on this machine ({record.host}): it was killed."]
    if alive is None:
        lines = [
            "That is another machine. Be sure that the run has ended: log in to "
            f"{record.host} and look with: ps -p {record.pid}"
        ]
    if record.jobs_named:
        name = shlex.quote(record.jobs_named)
        lines += [
            f"Its jobs on the cluster may still run. Find them with: squeue --name={name}",
            f"If any is listed, wait for it, or cancel it with: scancel --name={name}",
        ]
    elif alive is False:
        lines.append(
            "A job that it had started may go on for a while: wait until none is listed by: "
            "pgrep -af snakemake/scripts"
        )
    return lines


def _identity(pid: int) -> str:
    """Give the machine's start and a process's, which no other process has; nothing where unseen."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        # The third field is the state, the 22nd the start, both counted after the name, which may hold blanks
        # and brackets. A zombie has ended, and only its parent has not looked yet.
        words = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return f"{_BOOT.read_text(encoding='utf-8').strip()} {'ended' if words[0] == 'Z' else words[19]}"
    except OSError:
        return ""


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).astimezone().isoformat(" ", "seconds")


def _user() -> str:
    """Name of the user; the number where the machine knows no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
