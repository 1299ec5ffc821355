"""One run of the workflow that can be broken: its processes, and what is left of it."""

from __future__ import annotations

import csv
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from spallmap.twin import COARSE, write_cell

ROOT = Path(__file__).parents[1]
# An undisturbed run of the small cell takes four minutes on a busy core; what takes five times as long hangs.
LIMIT_S = 1200.0
# How often the list of processes is looked at: a job of the small cell lasts 3 s and more.
_LOOK_S = 0.05
_CAUSE = re.compile(r"^FAILED |error[: ]|locked|denied|no space|found .*; allowed", re.IGNORECASE)
_SCRIPT = re.compile(r"/\.snakemake/scripts/tmp[^/]*?\.(\w+)\.py$")


def _python_of_others() -> str:
    """Give an interpreter that every user may start: this one, or the system's of the same version."""
    found = Path(sys.executable).resolve()
    if all(folder.stat().st_mode & 0o001 for folder in found.parents):
        return str(found)
    return f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"


class HangError(Exception):
    """A step took longer than its limit."""


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it said."""

    status: int
    text: str

    @property
    def last_words(self) -> str:
        """The lines that name a cause."""
        said = [line.strip() for line in self.text.splitlines() if _CAUSE.search(line)]
        return " | ".join(said[-4:])


@dataclass
class Place:
    """A working directory with a small cell of all modalities."""

    folder: Path
    results: str = "results"
    cores: int = 2
    config: str = "config.yaml"
    user: str | None = None
    # where the output goes, if not to the working directory
    log_folder: Path | None = None

    @property
    def out(self) -> Path:
        """Where results go."""
        return self.folder / self.results

    def draw(self, cell: Path | None = None, name: str = "a") -> Place:
        """Write the cell, or link to one that was drawn before, with its table and configuration."""
        self.folder.mkdir(parents=True, exist_ok=True)
        drawn = cell or self.folder / "cell"
        if cell is None:
            # A crack that a coarse voxel still shows.
            write_cell(drawn, 3, cell=name, sizes=COARSE, aperture_um=9.0)
        (self.folder / self.config).write_text(
            f"acquisitions: {json.dumps(str(drawn / 'acquisitions.tsv'))}\n"
            f"results: {json.dumps(self.results)}\n"
            "links: {n_null: 199}\nxct: {slabs: 2}\n",
            encoding="utf-8",
        )
        return self

    def command(self, *words: str) -> list[str]:
        """Give the plain command of the README."""
        python = sys.executable if self.user is None else _python_of_others()
        run = [python, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
        run += ["--cores", str(self.cores), *words, "--configfile", self.config]
        # runuser gives the user's own home, which need not be there
        as_user = ["runuser", "-u", str(self.user), "--", "env", f"HOME={self.folder}"]
        return run if self.user is None else [*as_user, *run]

    def environment(self) -> dict[str, str]:
        """Give the variables of a run; packages are found by another interpreter too."""
        found = {"PYTHONPATH": str(ROOT / "src")}
        if self.user is not None:
            packages = [p for p in sys.path if p.endswith("site-packages")]
            found = {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), *packages])}
        return os.environ | found

    def start(self, *words: str) -> Session:
        """Start the workflow in a process group of its own."""
        log = (self.log_folder or self.folder) / "run.log"
        with log.open("w", encoding="utf-8") as stream:
            process = subprocess.Popen(
                self.command(*words),
                cwd=self.folder,
                stdout=stream,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
                env=self.environment(),
            )
        return Session(process, log)

    def run(self, *words: str) -> Ended:
        """Run to the end."""
        return self.start(*words).wait()

    def unlock(self) -> Ended:
        """Do what a stale lock's message says."""
        return self.run("--unlock")

    def rule_seconds(self) -> dict[str, float]:
        """Longest time of each rule's jobs in the run that was made here."""
        longest: dict[str, float] = {}
        for path in sorted((self.out / "benchmarks").rglob("*.tsv")):
            rule = path.relative_to(self.out / "benchmarks").parts[0].removesuffix(".tsv")
            with path.open(newline="", encoding="utf-8") as stream:
                for row in csv.DictReader(stream, delimiter="\t"):
                    longest[rule] = max(longest.get(rule, 0.0), float(row["s"]))
        return longest


@dataclass
class Session:
    """A run that is under way."""

    process: subprocess.Popen[str]
    log: Path

    def jobs(self) -> dict[str, psutil.Process]:
        """Jobs that are running now, by rule."""
        found = {}
        try:
            below = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return {}
        for child in below:
            try:
                words = child.cmdline()
            except (psutil.NoSuchProcess, psutil.AccessDenied):  # it ended while it was looked at
                continue
            # bash, which starts the script, becomes it or waits for it
            match = _SCRIPT.search(words[-1]) if len(words) == 2 else None
            if match:
                found[match[1]] = child
        return found

    def until(self, wanted: Callable[[dict[str, psutil.Process]], bool], limit_s: float = LIMIT_S) -> bool:
        """Wait until the running jobs are as wanted; False if the run ended before."""
        end = time.monotonic() + limit_s
        while self.process.poll() is None:
            if wanted(self.jobs()):
                return True
            if time.monotonic() > end:
                self.kill()
                raise HangError(f"{self.log} after {limit_s:.0f} s")
            time.sleep(_LOOK_S)
        return False

    def sleep(self, seconds: float) -> bool:
        """Let it go on for some time; False if the run ended meanwhile."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return True
        return False

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to the whole process group."""
        with suppress(ProcessLookupError):  # it has just ended
            os.killpg(self.process.pid, how)

    def wait(self, limit_s: float = LIMIT_S) -> Ended:
        """Wait for the end."""
        try:
            status = self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.kill()
            self.process.wait()
            raise HangError(f"{self.log} after {limit_s:.0f} s") from None
        return Ended(status, self.log.read_text(encoding="utf-8", errors="replace"))


def survivors(folder: Path) -> list[psutil.Process]:
    """Jobs that were started in a folder and are alive, whoever their parent is."""
    scripts = f"{folder}/.snakemake/scripts/"
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = process.info["cmdline"] or []
        if any(scripts in w for w in words) and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def wait_for_survivors(folder: Path, limit_s: float = 60.0) -> float:
    """Seconds until no job of a folder is alive; infinite if they do not end."""
    start = time.monotonic()
    while survivors(folder):
        if time.monotonic() - start > limit_s:
            return float("inf")
        time.sleep(_LOOK_S)
    return time.monotonic() - start


def moment(rng: random.Random, seconds: dict[str, float], rules: Sequence[str]) -> float:
    """Draw a time within a job of any of these rules; half a second more, for what follows its end."""
    return rng.uniform(0.0, 0.5 + max((seconds.get(rule, 3.0) for rule in rules), default=3.0))
