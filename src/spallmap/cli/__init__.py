"""Four thin commands: whatever they do can be done with Snakemake alone."""

from spallmap.cli.entry import main

__all__ = ["main"]
