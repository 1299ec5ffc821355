"""How the fit of a pixel ended."""

from __future__ import annotations

from enum import IntEnum


class FitStatus(IntEnum):
    """How the fit of a pixel ended; only ``OK`` values may be averaged."""

    OK = 0
    BELOW_SNR = 1
    """The signal at the first echo is too weak for a T2 of its own."""
    AT_BOUND = 2
    """The likelihood still rises at the lowest or highest T2 that is allowed."""
    NOT_CONVERGED = 3
    """The search did not end."""
    SATURATED = 4
    """A sample reached the stated saturation value."""
    INVALID = 5
    """A sample is not finite, or a magnitude is negative."""
    MASKED = 6
    """The caller left the pixel out."""


# The same as plain integers, which compiled code takes in as constants.
OK, BELOW_SNR, AT_BOUND, NOT_CONVERGED, SATURATED, INVALID, MASKED = (int(code) for code in FitStatus)
