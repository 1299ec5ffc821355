"""What all pages are rendered with."""

from __future__ import annotations

import re
from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined

# Before these signs a line must not end.
_BEFORE_UNIT = re.compile(r"(?<=[\d)/]) (?=[%°]|µm|ms\b)")


@lru_cache(maxsize=1)
def page_environment() -> Environment:
    r"""Return the environment of all pages.

    Returns
    -------
    jinja2.Environment
        Everything is escaped, a missing value is an error, and a number's unit stays on its line.

    Examples
    --------
    >>> page_environment().from_string("{{ t2 }}").render(t2="<7 ms>")
    '&lt;7\xa0ms&gt;'
    """
    return Environment(
        loader=PackageLoader("spallmap.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_unbroken,
    )


def _unbroken(value: object) -> object:
    """Put non-breaking spaces between numbers and their units; what is markup already stays."""
    return _BEFORE_UNIT.sub("\N{NO-BREAK SPACE}", value) if type(value) is str else value
