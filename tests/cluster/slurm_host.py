"""Runs on the cluster that tests/cluster/start has started, and what Slurm says of them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
SNAKEMAKE = [sys.executable, "-m", "snakemake"]
OPTIONS = [
    *("--executor", "spallmap-slurm", "--jobs", "20", "--cores", "2", "--retries", "2", "--keep-going"),
    *("--rerun-incomplete", "--latency-wait", "5", "--seconds-between-status-checks", "1"),
    *("--scheduler", "greedy", "--slurm-status-command", "squeue", "--slurm-jobname-prefix", "spallmap"),
    *("--slurm-keep-successful-logs", "--slurm-no-requeue"),
]


_OPEN = ("PENDING", "RUNNING", "REQUEUED")


@dataclass(frozen=True)
class Submission:
    """A job as the accounting has it."""

    number: str
    state: str
    node: str
    megabytes: int
    minutes: int
    seconds: int
    rule: str
    run: str


def slurm(*command: str) -> str:
    assert "SLURM_CONF" in os.environ, "make test-cluster starts a cluster and names it in SLURM_CONF"
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def accounted(folder: Path) -> list[Submission]:
    """Everything that was submitted from a folder, in order."""
    form = "JobIDRaw,State,NodeList,ReqMem,TimelimitRaw,ElapsedRaw,JobName,WorkDir,Comment"
    found = []
    for line in slurm("sacct", "-X", "-n", "-P", "-S", "now-1day", f"--format={form}").splitlines():
        number, state, node, memory, minutes, seconds, run, where, rule = line.split("|", 8)
        if Path(where) != folder:
            continue
        scale = {"M": 1, "G": 1024}[memory[-1]]
        found.append(
            Submission(
                number,
                state.split()[0],
                node,
                round(float(memory[:-1]) * scale),
                int(minutes),
                int(seconds),
                rule.removeprefix("rule_"),
                run,
            )
        )
    return sorted(found, key=lambda s: int(s.number))


def killed_for_memory() -> str:
    """Slurm's word for a job that exceeded its memory: only cgroups tell it from other failures."""
    return "OUT_OF_MEMORY" if "task/cgroup" in Path(os.environ["SLURM_CONF"]).read_text() else "FAILED"


def queue(named: str, states: str = "PENDING,RUNNING,COMPLETING") -> list[str]:
    """Numbers of a run's jobs that have not ended."""
    return slurm("squeue", "-h", f"--name={named}", f"--states={states}", "--format=%i").split()


def wait_for(holds: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds * float(os.environ.get("SPALLMAP_TEST_PATIENCE", "3"))
    while not holds():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.5)


@contextmanager
def node_state(node: str, state: str) -> Iterator[None]:
    """Set a node's state, and have it back in the end."""
    slurm("scontrol", "update", f"nodename={node}", f"state={state}", "reason=test")
    try:
        yield
    finally:
        # One that has come back by itself refuses.
        subprocess.run(["scontrol", "update", f"nodename={node}", "state=resume"], check=False, timeout=60)


class ToyRun:
    """Small jobs in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._said = folder / "said.txt"
        self._started: list[subprocess.Popen[str]] = []

    def _command(self, words: tuple[str, ...], partition: str, extra: tuple[str, ...]) -> list[str]:
        resources = ["--default-resources", "slurm_account=lab", f"slurm_partition={partition}"]
        command = [*SNAKEMAKE, "--snakefile", str(HERE / "Snakefile.toy"), *OPTIONS, *resources, *extra]
        # A flag ends the list of resources.
        return [*command, "--nocolor", *words]

    def run(
        self, *words: str, partition: str = "batch", extra: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        command = self._command(words, partition, extra)
        return subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, check=False, timeout=600
        )

    def start(self, *words: str, extra: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        stream = self._said.open("w")
        main = subprocess.Popen(
            self._command(words, "batch", extra), cwd=self.folder, stdout=stream, stderr=stream, text=True
        )
        self._started.append(main)
        return main

    def ended(self, seconds: float) -> str:
        """Wait for the run that was started last; return all that it said."""
        main = self._started[-1]
        wait_for(lambda: main.poll() is not None, seconds)
        return self.so_far()

    def so_far(self) -> str:
        return self._said.read_text() if self._said.exists() else ""

    def named(self) -> str:
        match = re.search(r"SLURM run ID: (\S+)", self.so_far())
        assert match is not None
        return match[1]

    def running(self) -> list[str]:
        return queue(self.named(), "RUNNING") if "SLURM run ID" in self.so_far() else []

    def submissions(self) -> list[Submission]:
        # The accounting hears of a job's end some moments later.
        wait_for(
            lambda: all(
                s.state not in ("PENDING", "RUNNING", "REQUEUED") or self._lives()
                for s in accounted(self.folder)
            ),
            10,
        )
        return accounted(self.folder)

    def _lives(self) -> bool:
        return any(main.poll() is None for main in self._started)

    def scancel(self, *numbers: str) -> None:
        slurm("scancel", *numbers)

    def clear(self) -> None:
        """End what a failed test has left."""
        for main in self._started:
            if main.poll() is None:
                main.send_signal(signal.SIGKILL)
                main.wait()
        left = [s.number for s in accounted(self.folder) if s.state in ("PENDING", "RUNNING")]
        if left:
            slurm("scancel", *left)
