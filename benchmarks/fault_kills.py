"""Runs that are killed: the whole group, the main process alone, one job alone, by each signal."""

from __future__ import annotations

import random
import signal
import statistics
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from fault_checks import compare, half_written, orphans
from fault_run import Ended, Place, Session, moment, survivors, wait_for_survivors

# Every rule of the small cell's run.
RULES = (
    "phases",
    "interfaces",
    "crack_thresholds",
    "crack_slab",
    "cracks",
    "crack_changes",
    "t2",
    "sem_image",
    "edx_net",
    "register_volume",
    "register_projection",
    "register_section",
    "register_inset",
    "link",
    "overlays",
    "cell_figures",
    "paper_figures",
    "report_page",
    "index",
    "provenance",
)
# Starting, reading the table and planning; a random kill within it hits no job.
_PLANNING_S = 6.0
# A job looks for its run twice a second once its libraries are loaded, which takes seconds on a busy machine.
_LONGEST_LIFE_S = 120.0
# What is wrong is wrong often; the first lines say what it is.
_SHOWN = 20


@dataclass
class Undisturbed:
    """What every other run is compared with."""

    place: Place
    cell: Path
    seconds: dict[str, float]
    stable: set[str]


@dataclass
class Outcome:
    """What came out of one kind of fault."""

    kind: str
    times: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    # processor and waiting time of jobs that was lost with each fault
    lost_s: list[float] = field(default_factory=list)
    # how long jobs lived on after the fault
    lived_on_s: list[float] = field(default_factory=list)
    differ: list[str] = field(default_factory=list)
    half: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    hangs: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    unclear: list[str] = field(default_factory=list)

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.differ or self.half or self.orphans or self.hangs or self.unclear)

    def lines(self) -> list[str]:
        """Say what was found."""
        said = [f"{self.kind}: {self.times} times; {'well' if self.is_well else 'WRONG'}"]
        if self.hits:
            said.append("  hit: " + ", ".join(f"{r} {n}" for r, n in sorted(self.hits.items())))
        for name, values in (("lost", self.lost_s), ("jobs lived on", self.lived_on_s)):
            if values:
                said.append(f"  {name}: median {statistics.median(values):.1f} s, worst {max(values):.1f} s")
        for name in ("differ", "half", "orphans", "hangs", "unclear"):
            found = getattr(self, name)
            said += [f"  {name}: {line}" for line in found[:_SHOWN]]
            said += [f"  {name}: and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
        return said + [f"  words: {line}" for line in self.words]

    def check_end(self, place: Place, whole: Undisturbed, ended: Ended) -> None:
        """Look at the results of a run that was to end well."""
        if ended.status != 0:
            self.unclear.append(f"did not go on: status {ended.status}: {ended.last_words}")
            return
        self.half += half_written(place.out)
        self.orphans += orphans(place.out)
        self.differ += compare(whole.place.out, place.out, whole.stable)


def age_s(jobs: dict[str, psutil.Process]) -> float:
    """Longest time that any of these has run."""
    ages = [0.0]
    for process in jobs.values():
        try:
            ages.append(time.time() - process.create_time())
        except psutil.NoSuchProcess:  # it ended just now
            continue
    return max(ages)


def _wait_for_moment(
    session: Session, rng: random.Random, whole: Undisturbed, hits: Counter[str], quota: int, aimed: bool
) -> bool:
    """Wait for a random moment in a job of a rule that was not hit often enough, or in any."""
    if not aimed and rng.random() < 0.2:
        return session.sleep(rng.uniform(0.0, _PLANNING_S + 20.0))
    wanted: list[str] = []

    def is_wanted(jobs: dict[str, psutil.Process]) -> bool:
        wanted[:] = [rule for rule in jobs if hits[rule] < quota]
        return bool(wanted)

    if not session.until(is_wanted):
        return False
    delay = moment(rng, whole.seconds, wanted)
    return session.sleep(0.6 * delay if aimed else delay)


def rules_run(place: Place) -> list[str]:
    """List the rules that a run had, in the order of the workflow."""
    logs = {path.name.removesuffix(".log") for path in (place.out / "logs").iterdir()}
    return [rule for rule in RULES if rule in logs]


def killed_again_and_again(
    place: Place,
    whole: Undisturbed,
    rng: random.Random,
    quota: int,
    how: signal.Signals,
    main_only: bool = False,
) -> Outcome:
    """Kill a run at random moments until every rule was hit often enough, then let it end.

    Parameters
    ----------
    place : Place
        With the cell that the undisturbed run had.
    whole : Undisturbed
        The other run.
    rng : random.Random
        Draws the moments.
    quota : int
        Kills of each rule.
    how : signal.Signals
        The signal.
    main_only : bool
        Whether the main process alone gets it.
    """
    out = Outcome(f"{how.name} of {'the main process' if main_only else 'the group'}")
    watchers: list[threading.Thread] = []
    words: tuple[str, ...] = ()
    tries: Counter[str] = Counter()
    while True:
        session = place.start(*words)
        if not _wait_for_moment(session, rng, whole, out.hits, quota, aimed=bool(words)):
            ended = session.wait()
            missed = [r for r in rules_run(whole.place) if out.hits[r] < quota and tries[r] < 2 * quota]
            if ended.status != 0 or not missed:
                break
            # a job that was too quick is made again, to be hit
            tries[missed[0]] += 1
            words = ("--forcerun", missed[0])
            continue
        words = ()
        jobs = session.jobs()
        lost = age_s(jobs)
        if main_only:
            session.process.send_signal(how)
        else:
            session.kill(how)
        ended = session.wait()
        if ended.status == 0:
            continue  # the signal came when all was done
        out.times += 1
        out.lost_s.append(lost)
        out.hits.update(list(jobs) or ["no job"])
        print(f"  {out.kind} {out.times}: {', '.join(jobs) or 'no job'} after {lost:.1f} s", flush=True)
        if how != signal.SIGKILL and "Traceback" in ended.text:
            # Python's own, of a job that still loads its libraries; `spallmap run` keeps Ctrl-C from jobs
            out.words.append(f"a traceback after {how.name} in {', '.join(jobs) or 'no job'}")
        if main_only:
            # the next run starts at once, as it may when a script starts it
            watchers.append(threading.Thread(target=_watch, args=(out, list(jobs.values()))))
            watchers[-1].start()
        elif alive := survivors(place.folder):
            out.unclear.append(f"{len(alive)} jobs alive after {how.name} of the group")
            wait_for_survivors(place.folder)
        out.half += half_written(place.out)
        if how == signal.SIGKILL and (unlocked := place.unlock()).status != 0:
            out.unclear.append(f"unlocking: {unlocked.last_words}")
    for watcher in watchers:
        watcher.join()
    out.check_end(place, whole, ended)
    return out


def _watch(out: Outcome, jobs: list[psutil.Process]) -> None:
    """Note how long jobs live on without their run."""
    start = time.monotonic()
    _, alive = psutil.wait_procs(jobs, timeout=_LONGEST_LIFE_S)
    out.lived_on_s.append(time.monotonic() - start)
    out.unclear += [f"{process} lives on without its run" for process in alive]


def killed_jobs(place: Place, whole: Undisturbed, rng: random.Random) -> Outcome:
    """Kill the script of one job, as the system does when memory runs out; then go on."""
    out = Outcome("SIGKILL of one job")
    left = set(RULES)
    while left:
        session = place.start()
        hit: list[str] = []
        while session.until(lambda jobs: bool(left & set(jobs))):
            rule = sorted(left & set(session.jobs()) or left)[0]
            session.sleep(rng.uniform(0.0, min(2.0, whole.seconds.get(rule, 1.0))))
            process = session.jobs().get(rule)
            if process is None:
                continue
            process.kill()
            left.discard(rule)
            hit.append(rule)
            out.times += 1
            out.hits[rule] += 1
        ended = session.wait()
        if not hit:
            break
        if ended.status == 0:
            out.unclear.append(f"status 0 though {', '.join(hit)} was killed")
        tail = ended.text[-4000:]
        last = [line for line in tail.splitlines() if line.startswith("FAILED ") and "killed" in line]
        out.unclear += [f"{r} is not named in the last lines" for r in hit if r not in " ".join(last)]
        out.words.append(ended.last_words)
        out.half += half_written(place.out)
    out.check_end(place, whole, place.run())
    return out
