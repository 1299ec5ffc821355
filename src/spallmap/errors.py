"""The errors that a user can cause, each naming the place, what was found and what is allowed."""

from __future__ import annotations


class SpallmapError(Exception):
    """Base of every error that spallmap raises about its inputs."""


class InputError(SpallmapError):
    """A file, table or value that cannot be used.

    Parameters
    ----------
    place : str
        The file, and the row and column or key in it.
    found : str
        What was found there.
    allowed : str
        What would have been accepted, or what to do.
    """

    def __init__(self, place: str, found: str, allowed: str) -> None:
        self.place = place
        self.found = found
        self.allowed = allowed
        super().__init__(f"{place}: found {found}; allowed: {allowed}")
