"""How the fit of a pixel ended."""

from __future__ import annotations

from enum import IntEnum


class FitStatus(IntEnum):
    """How the fit of a pixel ended; only ``OK`` values may be averaged.

    Examples
    --------
    >>> FitStatus(2).name
    'AT_BOUND'
    >>> int(FitStatus.OK)
    0
    """

    OK = 0
    # The signal at the first echo is too weak for a T2 of its own.
    BELOW_SNR = 1
    # The likelihood still rises at the lowest or highest T2 that is allowed.
    AT_BOUND = 2
    # The search did not end.
    NOT_CONVERGED = 3
    # A sample was cut off at an end of its range, or reached the stated saturation value.
    SATURATED = 4
    # A sample is not finite, or a magnitude is negative.
    INVALID = 5
    # The caller left the pixel out.
    MASKED = 6
    # The echoes set T2 no limit: its interval is open, or those of most neighbours are.
    BEYOND_ECHOES = 7


# The same as plain integers, which compiled code takes in as constants.
OK, BELOW_SNR, AT_BOUND, NOT_CONVERGED, SATURATED, INVALID, MASKED, BEYOND_ECHOES = (
    int(code) for code in FitStatus
)
# Pixels with a fitted signal and a likelihood of their own, whether or not it says where T2 is.
SEEN = (OK, AT_BOUND, BEYOND_ECHOES)
# Pixels whose samples are not what the specimen sent.
UNUSABLE = (SATURATED, INVALID, MASKED)
