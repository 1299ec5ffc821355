"""What a registration says of itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from spallmap.frames import AffineMap
from spallmap.registration.diagnostics import Diagnostics, Verdict


@dataclass(frozen=True)
class RunnerUp:
    """The best solution that is another one than the reported.

    Parameters
    ----------
    score : float
        Its score, on the scale of the reported solution's.
    differs_by_um : float
        Mean distance between the two solutions over the field.
    differs_by_deg : float
        Angle of the turn between them.
    """

    score: float
    differs_by_um: float
    differs_by_deg: float


@dataclass(frozen=True)
class StandardError:
    """One standard error of a point's position, by direction, in micrometres.

    Parameters
    ----------
    u, v, normal : float or None
        Along the image's columns (own x), along its rows (own y) and along its normal (own z), as vectors in
        the reference frame. None where the data cannot say.
    """

    u: float | None
    v: float | None
    normal: float | None


@dataclass(frozen=True)
class Registration:
    """A map to the reference frame with its verdict.

    Parameters
    ----------
    map : AffineMap
        From the acquisition's own frame to the frame that it was registered to.
    method : str
        How it was found, in a few words.
    verdict : {"accepted", "refused"}
        Whether anything may depend on it.
    reasons : tuple of str
        Why, in words that a person understands; never empty when refused.
    score : float or None
        The method's measure of agreement, which `diagnostics.score_is` names; None where none was reached.
    runner_up : RunnerUp or None
        The best different solution; None where the search has only one.
    se_um : StandardError
        One standard error of a point's position by direction.
    unobservable : tuple of str
        Directions that the data say nothing about.
    tre_um, fre_um : float or None
        Root mean square error at ``check`` and at ``fit`` landmarks, where there are any.
    diagnostics : Diagnostics
        The evidence behind the verdict, and whatever else helps a person to judge.
    """

    map: AffineMap
    method: str
    verdict: Verdict
    reasons: tuple[str, ...]
    score: float | None
    runner_up: RunnerUp | None = None
    se_um: StandardError = field(default_factory=lambda: StandardError(None, None, None))
    unobservable: tuple[str, ...] = ()
    tre_um: float | None = None
    fre_um: float | None = None
    diagnostics: Diagnostics = field(default_factory=Diagnostics)

    def __post_init__(self) -> None:
        if self.verdict == "refused" and not self.reasons:
            raise ValueError("a refusal needs a reason")

    @property
    def accepted(self) -> bool:
        """Whether the map may be used."""
        return self.verdict == "accepted"
