"""How much of what a run asked for its jobs used.

The plugin's report counts job steps; a job that runs in its allocation itself has none but the batch step.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping

FORMAT = "JobIDRaw,ElapsedRaw,TotalCPU,NCPUS,ReqMem,MaxRSS"
_COLUMNS = (
    "slurm_job",
    "jobs",
    "elapsed_s",
    "processors",
    "processors_used_percent",
    "asked_mb",
    "used_mb",
    "memory_used_percent",
)
_MB = {"K": 1 / 1024, "M": 1.0, "G": 1024.0, "T": 1024.0 * 1024.0, "": 1 / 1024 / 1024}


def read_seconds(text: str) -> float:
    """Read Slurm's processor time.

    Examples
    --------
    >>> [read_seconds(text) for text in ("1-00:00:10", "01:02:03", "02:03.500", "")]
    [86410.0, 3723.0, 123.5, 0.0]
    """
    days, _, rest = text.rpartition("-")
    seconds = float(days or 0) * 86400
    for place, word in enumerate(reversed(rest.split(":"))):
        seconds += float(word or 0) * 60**place
    return seconds


def read_megabytes(text: str) -> float:
    """Read Slurm's sizes.

    Examples
    --------
    >>> [read_megabytes(text) for text in ("2000M", "1.50G", "512K", "")]
    [2000.0, 1536.0, 0.5, 0.0]
    """
    match = re.match(r"([\d.]+)([KMGT]?)", text)
    return float(match[1]) * _MB[match[2]] if match else 0.0


def efficiency_table(accounted: str, names: Mapping[str, str]) -> str:
    r"""Put the table together.

    Parameters
    ----------
    accounted : str
        What ``sacct --noheader --parsable2 --format=...`` prints with ``FORMAT``, steps included.
    names : mapping of str to str
        What each submission ran, by Slurm's number.

    Returns
    -------
    str
        CSV; one row a submission that the run made, in the order of their numbers.

    Examples
    --------
    >>> lines = "7|100|01:00.000|2|2000M|\n7.batch|100|01:00.000|2||512000K"
    >>> print(efficiency_table(lines, {"7": "t2 a/shorted/mri-b"}).splitlines()[1])
    7,t2 a/shorted/mri-b,100,2,30,2000,500,25
    """
    jobs: dict[str, list[list[str]]] = {}
    for line in accounted.splitlines():
        number, *words = line.split("|")
        jobs.setdefault(number.split(".")[0], []).append(words)
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for number in sorted(jobs.keys() & names.keys(), key=int):
        rows = jobs[number]
        elapsed, _, processors, asked, _ = rows[0]
        used_s = max(read_seconds(row[1]) for row in rows)
        used_mb = max(read_megabytes(row[4]) for row in rows)
        asked_mb = read_megabytes(asked)
        available_s = max(1.0, float(elapsed)) * max(1, int(processors))
        writer.writerow(
            [
                number,
                names[number],
                elapsed,
                processors,
                round(100 * used_s / available_s),
                round(asked_mb),
                round(used_mb),
                round(100 * used_mb / asked_mb) if asked_mb else "",
            ]
        )
    return table.getvalue()
