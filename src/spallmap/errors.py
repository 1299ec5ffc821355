"""The errors that a user can cause, each naming its source, what was found and what is allowed."""

from __future__ import annotations


class SpallmapError(Exception):
    """Base of every error that spallmap raises about its inputs.

    Examples
    --------
    >>> issubclass(InputError, SpallmapError)
    True
    """


class InputError(SpallmapError):
    """A file, table or value that cannot be used.

    Parameters
    ----------
    source_label : str
        The file, and the row and column or key in it.
    found : str
        What was found there.
    allowed : str
        What would have been accepted, or what to do.

    Examples
    --------
    >>> error = InputError("acquisitions.tsv, row 3, column 'axes'", "'q,y'", "z,y,x or -z,y")
    >>> error.source_label
    "acquisitions.tsv, row 3, column 'axes'"
    >>> print(error)
    acquisitions.tsv, row 3, column 'axes': found 'q,y'; allowed: z,y,x or -z,y
    """

    def __init__(self, source_label: str, found: str, allowed: str) -> None:
        self.source_label = source_label
        self.found = found
        self.allowed = allowed
        super().__init__(f"{source_label}: found {found}; allowed: {allowed}")
