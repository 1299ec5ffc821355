"""What is wrong or odd with a user's data, each naming its source, what was found and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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


# A user with 30 wrong rows should not need 30 runs; more lines than this nobody reads at once.
MOST_ERRORS = 20


class InputGroupError(InputError):
    """Several errors of one check; source label, found and allowed are those of the first.

    Parameters
    ----------
    errors : sequence of InputError
        Two or more, in the order of the source.
    complete : bool
        Whether the whole source was looked at; False where the check ended at ``MOST_ERRORS``.

    Examples
    --------
    >>> error = InputError("table.tsv, row 3, column 'axes'", "'q,y'", "z,y,x or -z,y")
    >>> print(InputGroupError([error, error]))
    2 errors:
    table.tsv, row 3, column 'axes': found 'q,y'; allowed: z,y,x or -z,y
    table.tsv, row 3, column 'axes': found 'q,y'; allowed: z,y,x or -z,y
    """

    def __init__(self, errors: Sequence[InputError], complete: bool = True) -> None:
        first = errors[0]
        super().__init__(first.source_label, first.found, first.allowed)
        self.errors = tuple(errors)
        self.complete = complete

    def __str__(self) -> str:
        count = len(self.errors)
        head = f"{count} errors" if self.complete else f"the first {count} errors, and perhaps more"
        return "\n".join([f"{head}:", *map(str, self.errors)])


class ErrorList:
    """Errors of a check that goes on after the first one.

    Examples
    --------
    >>> errors = ErrorList()
    >>> for row in (1, 2):
    ...     with errors.collected():
    ...         raise InputError(f"table.tsv, row {row}", "nothing", "a value")
    >>> errors.raise_all()
    Traceback (most recent call last):
    spallmap.errors.InputGroupError: 2 errors:
    table.tsv, row 1: found nothing; allowed: a value
    table.tsv, row 2: found nothing; allowed: a value
    """

    def __init__(self) -> None:
        self._errors: list[InputError] = []

    @contextmanager
    def collected(self) -> Iterator[None]:
        """Keep an InputError that is raised inside; raise all that were kept once they are many.

        Raises
        ------
        InputGroupError
            As soon as ``MOST_ERRORS`` are kept.
        """
        try:
            yield
        except InputGroupError as group:
            for error in group.errors:
                self.add(error)
        except InputError as error:
            self.add(error)

    def add(self, error: InputError) -> None:
        """Keep an error; raise all that were kept once they are many.

        Raises
        ------
        InputGroupError
            As soon as ``MOST_ERRORS`` are kept.
        """
        self._errors.append(error)
        if len(self._errors) >= MOST_ERRORS:
            raise InputGroupError(self._errors, complete=False)

    def raise_all(self) -> None:
        """Raise what was kept, if anything was.

        Raises
        ------
        InputError
            Where one error was kept.
        InputGroupError
            Where several were.
        """
        if len(self._errors) == 1:
            raise self._errors[0]
        if self._errors:
            raise InputGroupError(self._errors)
