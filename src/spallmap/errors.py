"""What is wrong or odd with a user's data, each naming its source, what was found and what to do."""

from __future__ import annotations

from dataclasses import dataclass


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


@dataclass(frozen=True)
class DataWarning:
    """Something odd in a file, table or value that is used all the same.

    It is told in the check before any job, in the job's log and at the top of the report's page, in the same
    words.

    Parameters
    ----------
    source_label : str
        The file, and the row and column or key in it.
    found : str
        What was found there.
    advice : str
        What was done about it, and what the user can do.

    Examples
    --------
    >>> warning = DataWarning("raw/5/visu_pars", "1.2 % of the samples clipped", "left out: status saturated")
    >>> print(warning)
    raw/5/visu_pars: found 1.2 % of the samples clipped; left out: status saturated
    >>> warning.as_dict()["advice"]
    'left out: status saturated'
    """

    source_label: str
    found: str
    advice: str

    def __str__(self) -> str:
        return f"{self.source_label}: found {self.found}; {self.advice}"

    def as_dict(self) -> dict[str, str]:
        """Give its three texts by name, as they are stored."""
        return {"source_label": self.source_label, "found": self.found, "advice": self.advice}
