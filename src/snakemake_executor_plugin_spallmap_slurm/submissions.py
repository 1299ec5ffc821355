"""Which Slurm jobs a run has submitted, and what they make: a later run looks before it submits the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

_SUFFIX = ".jsonl"


@dataclass(frozen=True)
class LeftJob:
    """A job of an earlier run that is still in the queue and makes what this run is to make."""

    run: str
    number: str
    state: str


class Submissions:
    """The record of one run beside those of others.

    Parameters
    ----------
    folder : Path
        Where every run has its file.
    run : str
        The run's name, which is its jobs' name.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Submissions(Path(folder), "spallmap_1").add("12", ["out/t2.json"])
    ...     later = Submissions(Path(folder), "spallmap_2")
    ...     later.left_jobs(["out/t2.json"], lambda run: {"12": "RUNNING"})
    [LeftJob(run='spallmap_1', number='12', state='RUNNING')]
    """

    def __init__(self, folder: Path, run: str) -> None:
        self._folder = folder
        self._file = folder / f"{run}{_SUFFIX}"

    def add(self, number: str, outputs: Iterable[str]) -> None:
        """Note a submission: before it, without its number, and after it with it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"job": number, "outputs": sorted(outputs)}) + "\n")

    def close(self) -> None:
        """Forget the run: it has no job left."""
        self._file.unlink(missing_ok=True)

    def left_jobs(self, outputs: Iterable[str], alive: Callable[[str], Mapping[str, str]]) -> list[LeftJob]:
        """Find jobs of earlier runs that make the same files.

        Parameters
        ----------
        outputs : iterable of str
            What this run is to make.
        alive : callable
            Numbers and states of a run's jobs that have not ended.

        Returns
        -------
        list of LeftJob
            Records of runs without any job in the queue are removed.
        """
        wanted = set(outputs)
        found = []
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            if path == self._file:
                continue
            run = path.name.removesuffix(_SUFFIX)
            states = alive(run)
            if not states:
                path.unlink(missing_ok=True)
                continue
            # A line may be half-written where the run was killed.
            lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.endswith("}")]
            records = [json.loads(line) for line in lines]
            same = {r["job"] for r in records if not wanted.isdisjoint(r["outputs"])}
            # Submitted, and killed before its number was noted: it may be any that was to be submitted.
            unknown = set(states) - {r["job"] for r in records} if "" in same else set()
            found += [LeftJob(run, n, state) for n, state in states.items() if n in same | unknown]
        return found


def left_jobs_message(jobs: Iterable[LeftJob]) -> str:
    """Say what to do about jobs of earlier runs.

    Examples
    --------
    >>> print(left_jobs_message([LeftJob("spallmap_1", "12", "RUNNING")]))
    Jobs of an earlier run are still in the queue, and make files that this run is to make: 12 (RUNNING).
    Nothing was submitted. Wait until they have ended (squeue --name=spallmap_1), or cancel them:
        scancel --name=spallmap_1
    Then run again.
    """
    jobs = list(jobs)
    names = ",".join(dict.fromkeys(job.run for job in jobs))
    listed = ", ".join(f"{job.number} ({job.state})" for job in jobs)
    return (
        f"Jobs of an earlier run are still in the queue, and make files that this run is to make: {listed}.\n"
        f"Nothing was submitted. Wait until they have ended (squeue --name={names}), or cancel them:\n"
        f"    scancel --name={names}\nThen run again."
    )
