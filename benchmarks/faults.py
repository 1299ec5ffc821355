"""Break runs of a small cell in every way that happens, let them go on, and compare with an undisturbed run.

    python benchmarks/faults.py FOLDER [KIND ...] [--seed N] [--quota N]

Without a KIND all are tried, which takes some hours; full disks, read-only folders and other users need root.
Prints for each kind how often it was done, which rules were hit, what was lost, and whatever differs, is
half-written, left over or hangs. The exit status is 1 where anything does.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from fault_checks import same_bytes
from fault_disks import disk_full, hard_names, no_inodes, no_rights, read_only
from fault_kills import Outcome, Undisturbed, killed_again_and_again, killed_jobs
from fault_races import inputs_change, two_runs
from fault_run import HangError, Place

Fault = Callable[[Path, Undisturbed, random.Random, int], Outcome]


def undisturbed(folder: Path) -> Undisturbed:
    """Run twice, or take the runs that are there: what is the same in both must be so after every fault."""
    places = [Place(folder / name) for name in ("first", "second")]
    cell = folder / "cell"
    if not cell.exists():
        Place(folder).draw()
    for place in places:
        if (place.out / "index.html").exists():
            continue
        ended = place.draw(cell).run()
        if ended.status != 0:
            raise SystemExit(f"the undisturbed run failed: {ended.last_words}")
    first, second = places
    return Undisturbed(first, cell, first.rule_seconds(), same_bytes(first.out, second.out))


def killed(how: signal.Signals, main_only: bool = False) -> Fault:
    """Kill again and again with a signal."""

    def fault(folder: Path, whole: Undisturbed, rng: random.Random, quota: int) -> Outcome:
        place = Place(folder).draw(whole.cell)
        return killed_again_and_again(place, whole, rng, quota, how, main_only)

    return fault


def job_killed(folder: Path, whole: Undisturbed, rng: random.Random, quota: int) -> Outcome:
    """Kill each rule's job once."""
    return killed_jobs(Place(folder).draw(whole.cell), whole, rng)


KINDS: dict[str, Fault] = {
    "kill": killed(signal.SIGKILL),
    "kill-main": killed(signal.SIGKILL, main_only=True),
    "terminate": killed(signal.SIGTERM),
    "interrupt": killed(signal.SIGINT),
    "kill-job": job_killed,
    "disk-full": disk_full,
    "no-inodes": no_inodes,
    "read-only": read_only,
    "no-rights": no_rights,
    "hard-names": hard_names,
    "inputs": inputs_change,
    "two-runs": two_runs,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="for the runs; undisturbed ones are used again")
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("--seed", type=int, default=int(time.time()), help="by default another one each time")
    parser.add_argument("--quota", type=int, default=2, help="kills of each rule")
    given = parser.parse_args()
    # a shell that starts this in the background has jobs ignore Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
    print(f"seed {given.seed}", flush=True)
    folder = given.folder.absolute()
    whole = undisturbed(folder)
    print(f"{len(whole.stable)} files are the same in two undisturbed runs", flush=True)
    well = True
    for kind in given.kinds or KINDS:
        shutil.rmtree(folder / kind, ignore_errors=True)
        start = time.monotonic()
        try:
            outcome = KINDS[kind](folder / kind, whole, random.Random(f"{given.seed} {kind}"), given.quota)
        except HangError as error:
            outcome = Outcome(kind, hangs=[str(error)])
        well = well and outcome.is_well
        print("\n".join(outcome.lines()), f"\n  took {time.monotonic() - start:.0f} s", flush=True)
    return int(not well)


if __name__ == "__main__":
    sys.exit(main())
