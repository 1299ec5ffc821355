"""The options of the Slurm plugin, as they stand on the command line and in the profiles."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stderr
from typing import Any


def slurm_settings() -> Any:
    """Read the options of the Slurm plugin.

    Snakemake hands an executor the options of its own name. Users know the plugin's (``--slurm-...``), and
    ``--executor slurm`` should find the same ones: the command line is read once more for them.

    Returns
    -------
    ExecutorSettings
        Of the Slurm plugin.
    """
    from snakemake.cli import parse_args
    from snakemake_interface_executor_plugins.registry import ExecutorPluginRegistry

    # Which profiles are used has been said before.
    with redirect_stderr(io.StringIO()):
        _, arguments = parse_args(sys.argv[1:])
    return ExecutorPluginRegistry().get_plugin("slurm").get_settings(arguments)
