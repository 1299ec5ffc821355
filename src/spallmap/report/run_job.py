"""What a job of a finished run was, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

# As the jobs' logs write it, in the machine's own time zone.
_LOG_TIME = "%Y-%m-%d %H:%M:%S,%f"


@dataclass(frozen=True)
class RunJob:
    """One job of a run.

    Parameters
    ----------
    rule : str
        Its rule.
    script : str
        Path of the rule's script below the crate's root.
    inputs, outputs : sequence of str
        Paths as the workflow names them.
    log : str
        Its log file; the first and the last line say when it started and ended.
    """

    rule: str
    script: str
    inputs: Sequence[str] = ()
    outputs: Sequence[str] = ()
    log: str = ""

    @property
    def what(self) -> str:
        """Rule and what it was run for, from the log's name."""
        return f"{self.rule} {self.log.removesuffix('.log').partition(f'/{self.rule}/')[2]}".strip()

    def times(self) -> dict[str, str]:
        """Start and end with the time zone; nothing where there is no log that says so."""
        if not Path(self.log).is_file():
            return {}
        lines = Path(self.log).read_text(encoding="utf-8", errors="replace").splitlines()
        stamps = [stamp for line in lines if (stamp := _stamp(line)) is not None]
        if not stamps:
            return {}
        return {"startTime": min(stamps).isoformat(), "endTime": max(stamps).isoformat()}


def _stamp(line: str) -> datetime | None:
    """Time at the start of a log's line; lines of a traceback have none."""
    try:
        return datetime.strptime(" ".join(line.split(" ")[:2]), _LOG_TIME).astimezone()
    except ValueError:
        return None
