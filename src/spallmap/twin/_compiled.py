"""One way to compile a function, so that every kernel of the twin is compiled alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile with numba to machine code that is kept on disk and releases the interpreter's lock.

    Parameters
    ----------
    function : callable
        A function of numbers and arrays. The kept code is renewed when the function's own file changes, not
        when one that it calls does: after editing such a one, delete the folder ``__pycache__``.

    Returns
    -------
    callable
        The compiled function.
    """
    return cast(Function, numba.njit(cache=True, nogil=True)(function))
