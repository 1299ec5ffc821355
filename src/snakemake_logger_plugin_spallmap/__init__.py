"""A calm terminal for Snakemake: ``snakemake --logger spallmap``, as ``spallmap run`` does.

Snakemake imports this package at every start, in every job too: what it needs is imported when a run begins.
"""

from __future__ import annotations

import sys
from logging import LogRecord
from typing import TYPE_CHECKING

from snakemake_interface_logger_plugins.base import LogHandlerBase

if TYPE_CHECKING:
    from snakemake_logger_plugin_spallmap.screen import Screen
    from snakemake_logger_plugin_spallmap.story import Story

__all__ = ["LogHandler"]

# As in the module ``screen``, which is not imported for a name.
_FOREIGN = "foreign_line"


class LogHandler(LogHandlerBase):
    """Shows a run as one line that lives, and what a person has to know as lines that stay."""

    def __post_init__(self) -> None:
        self._screen: Screen | None = None
        self._story: Story | None = None

    @property
    def writes_to_stream(self) -> bool:
        """It takes the place of Snakemake's own output."""
        return True

    @property
    def writes_to_file(self) -> bool:
        """Snakemake keeps its own log of the run beside it."""
        return False

    @property
    def has_filter(self) -> bool:
        """Snakemake's filter serves: ``--quiet`` and ``--verbose`` mean what they always do."""
        return False

    @property
    def has_formatter(self) -> bool:
        """What stands on the screen is written here."""
        return True

    @property
    def needs_rulegraph(self) -> bool:
        """No."""
        return False

    def filter(self, record: LogRecord) -> bool:
        """Leave out what ``--quiet`` leaves out, and nothing that a job has written to the terminal."""
        return hasattr(record, _FOREIGN) or bool(super().filter(record))

    def emit(self, record: LogRecord) -> None:
        """Take one message of Snakemake, or a line that something else has written."""
        try:
            story = self._begun()
            if hasattr(record, _FOREIGN) and self._screen is not None:
                self._screen.line(record.msg)
            else:
                story.take(record)
        except Exception:
            # a message that cannot be shown must not end a run; logging says so once more
            self.handleError(record)

    def _begun(self) -> Story:
        if self._story is None:
            from snakemake_logger_plugin_spallmap.dry_run import DryRun
            from snakemake_logger_plugin_spallmap.live_run import LiveRun
            from snakemake_logger_plugin_spallmap.screen import Screen

            dry = self.common_settings.dryrun
            self._screen = Screen(sys.stdout if dry else sys.stderr, takes_over=not dry)
            self._story = DryRun(self._screen) if dry else LiveRun(self._screen)
            self._screen.open(self._story)
        return self._story

    def close(self) -> None:
        """Give the terminal back."""
        if self._screen is not None:
            self._screen.close()
            self._screen = None
        super().close()
