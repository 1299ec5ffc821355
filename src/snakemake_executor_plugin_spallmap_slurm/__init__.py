"""Snakemake's executor ``spallmap-slurm``: the Slurm plugin, and what a run that can be trusted needs.

The plugin submits and cancels, with its own options (``--slurm-...``). Added is: a job runs in its allocation
with one start of Snakemake instead of two; failures are told apart by their cause, which decides what is
submitted again; a group keeps what its members made, and waits for nothing that failed; more memory or time
than the partition gives is told before the first submission, and so are jobs of an earlier run.
"""

from dataclasses import dataclass

from snakemake_executor_plugin_slurm import common_settings
from snakemake_interface_executor_plugins.settings import ExecutorSettingsBase

from snakemake_executor_plugin_spallmap_slurm.slurm_executor import Executor

__all__ = ["Executor", "ExecutorSettings", "common_settings"]


@dataclass
class ExecutorSettings(ExecutorSettingsBase):  # type: ignore[misc] # the interface has no types
    """No options of its own: those of the Slurm plugin hold."""
