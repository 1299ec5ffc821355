"""Whole runs of the workflow, on this machine or on the cluster, and how their results compare."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from pathlib import Path

from tests.cluster.slurm_host import SNAKEMAKE

ROOT = Path(__file__).parents[2]
ON_THE_CLUSTER = [
    *("--workflow-profile", str(ROOT / "workflow" / "profiles" / "slurm")),
    *("--default-resources", "slurm_account=lab", "slurm_partition=batch"),
    *("--seconds-between-status-checks", "2", "--latency-wait", "10"),
]


def run(
    folder: Path, *words: str, config: str = "config.yaml", limit_s: float = 3000
) -> subprocess.CompletedProcess[str]:
    command = [*SNAKEMAKE, "--snakefile", str(ROOT / "Snakefile"), *words, "--configfile", config]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=limit_s)


def differences(before: Path, after: Path, *words: str) -> subprocess.CompletedProcess[str]:
    script = str(ROOT / "benchmarks" / "compare_results.py")
    command = [sys.executable, script, str(before), str(after), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def busy_seconds(results: Path, rule: str) -> float:
    """Seconds in which at least one script of a submission ran, its interpreter's start included."""
    group, names = rule.split("_", 1)
    words = group.split(".")[1:]
    spans = []
    for path in (results / "benchmarks").rglob("*.tsv"):
        about = path.relative_to(results / "benchmarks").with_suffix("")
        if about.parts[0] in names and list(about.parts[1 : 1 + len(words)]) == words:
            seconds = float(path.read_text().splitlines()[1].split("\t")[0])
            # Snakemake touches its files later; the log's last line was written at the end.
            last = (results / "logs" / about).with_suffix(".log").read_text().splitlines()[-1]
            end = datetime.strptime(last[:23], "%Y-%m-%d %H:%M:%S,%f").timestamp()
            spans.append((end - seconds, end))
    total, until = 0.0, 0.0
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total
