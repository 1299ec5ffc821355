"""The first echo of a train: whether it lies on the decay of the others, and what is done if not."""

from __future__ import annotations

from spallmap.relaxometry.first_echo.consequences import (
    ClassChanges,
    class_changes,
    deviation_words,
    first_echo_summary,
    first_echo_warnings,
)
from spallmap.relaxometry.first_echo.examine import FirstEcho, examine_first_echo

__all__ = [
    "ClassChanges",
    "FirstEcho",
    "class_changes",
    "deviation_words",
    "examine_first_echo",
    "first_echo_summary",
    "first_echo_warnings",
]
