"""What the partitions of a cluster give at most."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_UNLIMITED = frozenset({"infinite", "UNLIMITED", "n/a", ""})


@dataclass(frozen=True)
class PartitionLimits:
    """The most that one job may have in a partition.

    Parameters
    ----------
    name : str
        The partition.
    minutes, megabytes, processors : int or None
        Of its largest node; None without a limit.
    is_default : bool
        Whether it is the one that a job without a partition goes to.
    """

    name: str
    minutes: int | None
    megabytes: int | None
    processors: int | None
    is_default: bool = False

    def __str__(self) -> str:
        """Say it in words."""
        words = [
            f"{number} {unit}"
            for number, unit in (
                (self.minutes, "min"),
                (self.megabytes, "MB"),
                (self.processors, "processors"),
            )
            if number is not None
        ]
        return f"{self.name}: {', '.join(words) or 'no limit'}"

    def exceeded_by(self, minutes: int, megabytes: int, processors: int) -> list[str]:
        """Say what of a job's request the partition does not give.

        Examples
        --------
        >>> PartitionLimits("short", 10, 8000, 4).exceeded_by(minutes=60, megabytes=2000, processors=8)
        ['runtime=60 (at most 10)', 'threads=8 (at most 4)']
        """
        asked = (
            ("runtime", minutes, self.minutes),
            ("mem_mb", megabytes, self.megabytes),
            ("threads", processors, self.processors),
        )
        return [
            f"{name}={number} (at most {most})"
            for name, number, most in asked
            if most is not None and number > most
        ]


def read_minutes(text: str) -> int | None:
    """Read Slurm's times: ``days-hours:minutes:seconds`` and its shorter forms.

    Examples
    --------
    >>> [read_minutes(t) for t in ("1-12:00:00", "1:00:00", "30:00", "2-0", "infinite")]
    [2160, 60, 30, 2880, None]
    """
    if text in _UNLIMITED:
        return None
    days, dash, rest = text.rpartition("-")
    numbers = [int(word) for word in rest.split(":")]
    if dash:
        hours, minutes = [*numbers, 0][:2]
    elif len(numbers) == 3:
        hours, minutes = numbers[:2]
    else:
        hours, minutes = 0, numbers[0]
    return int(days or 0) * 24 * 60 + hours * 60 + minutes


def read_partitions(nodes: str, partitions: str = "") -> dict[str, PartitionLimits]:
    r"""Read the limits from what Slurm prints.

    Parameters
    ----------
    nodes : str
        Of ``sinfo --Node --noheader --format=%P|%l|%m|%c``: partition (the default one with a star), longest
        time, MB and processors of each node.
    partitions : str
        Of ``scontrol show partition --oneliner``, where a partition may be held below its nodes' memory.

    Returns
    -------
    dict of str to PartitionLimits
        By name.

    Examples
    --------
    >>> found = read_partitions("batch*|1:00:00|8000|4\nbatch*|1:00:00|64000|16\nlong|infinite|8000|4")
    >>> print(found["batch"], found["batch"].is_default, "|", found["long"])
    batch: 60 min, 64000 MB, 16 processors True | long: 8000 MB, 4 processors
    """
    held = {}
    for line in partitions.splitlines():
        said = dict(re.findall(r"(\w+)=(\S*)", line))
        if said.get("MaxMemPerNode", "").isdigit():
            held[said.get("PartitionName", "")] = int(said["MaxMemPerNode"])
    limits: dict[str, PartitionLimits] = {}
    for line in nodes.splitlines():
        name, time, memory, processors = (word.strip() for word in line.split("|"))
        plain = name.rstrip("*")
        before = limits.get(plain)
        most_mb, most_processors = (
            max(int(re.sub(r"\D", "", text) or 0), number or 0)
            for text, number in (
                (memory, before.megabytes if before else 0),
                (processors, before.processors if before else 0),
            )
        )
        limits[plain] = PartitionLimits(
            plain,
            read_minutes(time),
            min(most_mb, held.get(plain, most_mb)),
            most_processors,
            name.endswith("*"),
        )
    return limits


@dataclass(frozen=True)
class Request:
    """What a submission asks for."""

    jobs: str
    partition: str
    minutes: int
    megabytes: int
    processors: int


def refusal(requests: Iterable[Request], limits: Mapping[str, PartitionLimits]) -> str:
    r"""Say which submissions ask for more than their partition gives, and what to change.

    Parameters
    ----------
    requests : iterable of Request
        What is to be submitted; an empty partition is the default one.
    limits : mapping of str to PartitionLimits
        The cluster's partitions.

    Returns
    -------
    str
        Nothing where all is well.

    Examples
    --------
    >>> limits = read_partitions("short*|10:00|8000|4\nlong|infinite|64000|16")
    >>> print(refusal([Request("cracks c0", "", 60, 9000, 2), Request("t2 c0", "", 5, 800, 1)], limits))
    Jobs ask for more than their partition gives, and would wait for ever. Nothing was submitted.
      cracks c0: partition short gives less: runtime=60 (at most 10), mem_mb=9000 (at most 8000)
    Partitions of this cluster: short: 10 min, 8000 MB, 4 processors; long: 64000 MB, 16 processors
    Name another partition (--default-resources slurm_partition=NAME), or have a rule ask for less
    (--set-resources RULE:mem_mb=N RULE:runtime=N); docs/cluster.md says what each needs.
    """
    default = next((name for name, limit in limits.items() if limit.is_default), "")
    lines: dict[str, None] = {}
    for request in requests:
        names = [name for name in (request.partition or default).split(",") if name]
        known = [limits[name] for name in names if name in limits]
        if names and limits and not known:
            lines[f"  {request.jobs}: the cluster has no partition {request.partition}"] = None
        beyond = [k.exceeded_by(request.minutes, request.megabytes, request.processors) for k in known]
        if beyond and all(beyond):
            lines[f"  {request.jobs}: partition {known[0].name} gives less: {', '.join(beyond[0])}"] = None
    if not lines:
        return ""
    shown = list(lines)[:10]
    if len(lines) > len(shown):
        shown.append(f"  and {len(lines) - len(shown)} more")
    return "\n".join(
        [
            "Jobs ask for more than their partition gives, and would wait for ever. Nothing was submitted.",
            *shown,
            f"Partitions of this cluster: {'; '.join(map(str, limits.values()))}",
            "Name another partition (--default-resources slurm_partition=NAME), or have a rule ask for less",
            "(--set-resources RULE:mem_mb=N RULE:runtime=N); docs/cluster.md says what each needs.",
        ]
    )
