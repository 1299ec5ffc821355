"""The evidence behind a verdict, in one shape for every method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spallmap.frames import AffineMap, Points
from spallmap.registration.known_answers import KnownAnswers

Verdict = Literal["accepted", "refused"]


@dataclass(frozen=True)
class Blocks:
    """The shift that each block of an image or a volume would still like after the common motion.

    Parameters
    ----------
    position_um : ndarray, shape (k, 3)
        Centres of the blocks, in the acquisition's own frame.
    shift_um : ndarray, shape (k, 3)
        Along the own axes u, v and normal.
    se_um : ndarray, shape (k, 3), optional
        One standard error of the shifts; None where the method does not know it.

    Examples
    --------
    >>> import numpy as np
    >>> blocks = Blocks(np.zeros((2, 3)), np.array([[0.3, 0.4, 0.0], [0.0, 0.0, 0.1]]))
    >>> round(blocks.median_um, 3)
    0.3
    """

    position_um: Points
    shift_um: Points
    se_um: Points | None = None

    @classmethod
    def in_own_frame(cls, position_um: Points, shift_um: Points, to_fixed: AffineMap) -> Blocks:
        """Carry blocks that were measured in the frame registered to back to the own frame."""
        back = to_fixed.inverse()
        return cls(back(position_um), shift_um @ back.linear.T)

    @property
    def median_um(self) -> float | None:
        """Median length of the shifts; None without blocks."""
        if not len(self.shift_um):
            return None
        return float(np.median(np.linalg.norm(self.shift_um, axis=1)))


@dataclass(frozen=True)
class Scale:
    """True over stated sample size.

    Parameters
    ----------
    factor : float
        Over both axes of an image, or all of a volume.
    anisotropy : float
        Width over height of a sample that is stated square.
    applied : {"none", "scale", "scale of each axis"}
        What of it the map holds; none where the data do not ask for it.
    """

    factor: float
    anisotropy: float = 1.0
    applied: Literal["none", "scale", "scale of each axis"] = "none"


@dataclass(frozen=True)
class Starts:
    """How many searches from other starts ended at the reported solution.

    Parameters
    ----------
    n : int
        Number of starts.
    returned : int
        How many of them ended there.
    """

    n: int
    returned: int


@dataclass(frozen=True)
class Rival:
    """Another solution than the reported one.

    Parameters
    ----------
    name : str
        How it differs, in words.
    score : float or None
        On the scale of the registration's score.
    gap : float or None
        How much worse it explains the data, in the measure that the verdict uses (`Diagnostics.gap_is`).
    map : AffineMap or None
        From the own frame to the frame registered to.
    differs_by_um, differs_by_deg : float or None
        Mean distance over the field and angle from the reported solution.
    """

    name: str
    score: float | None = None
    gap: float | None = None
    map: AffineMap | None = None
    differs_by_um: float | None = None
    differs_by_deg: float | None = None


@dataclass(frozen=True)
class Warp:
    """A smooth deformation of the plane that the data ask for; it is reported, and not part of the map.

    Parameters
    ----------
    powers_uv : tuple of tuple of int
        Powers of u and v of each term.
    coefficients_um : ndarray, shape (2, k)
        Along u and v, of the terms.
    rms_um : float
        Root mean square displacement over the field.
    held_out_gain, held_out_gain_se : float
        By how much more the misfit of blocks falls under a pose and a warp that were fitted to the others
        than under a pose alone, as a fraction of the misfit, and its standard error over blocks.
    worthwhile : bool
        Whether held-out blocks fit better with it.
    """

    powers_uv: tuple[tuple[int, int], ...]
    coefficients_um: NDArray[np.float64]
    rms_um: float
    held_out_gain: float
    held_out_gain_se: float
    worthwhile: bool


@dataclass(frozen=True)
class ScanModel:
    """What a fit found out about the scan beside the pose: enough to draw the image that it expects.

    Parameters
    ----------
    electrode_gain : tuple of float
        Image units per um^3 of metal for each electrode.
    skin_depth_um : float
        Depth at which the signal has fallen to 1/e.
    blur_um2 : tuple of float
        Variance of the extra blur along the columns and rows.
    coil_order : int
        Order of the coil's profile.
    coil : tuple of float
        Coefficients of its logarithm.
    acquired : tuple of int, optional
        Rows and columns of k-space that the image holds; None where they are the image's own.
    missing : tuple of float
        Fraction of them, along rows and columns, that is missing on one side (partial Fourier).
    edge : tuple of float
        Weight of the outermost of them, of a filter.
    readout : {None, 0, 1}
        Own axis, x or y, along which metal is displaced; None where it is not.
    displacement_um : tuple of float
        Coefficients of that displacement: x, y, x^2, xy, y^2, of order 1 at the field's edge.
    """

    electrode_gain: tuple[float, float]
    skin_depth_um: float
    blur_um2: tuple[float, float]
    coil_order: int
    coil: tuple[float, ...]
    acquired: tuple[int, int] | None = None
    missing: tuple[float, float] = (0.0, 0.0)
    edge: tuple[float, float] = (1.0, 1.0)
    readout: int | None = None
    displacement_um: tuple[float, ...] = (0.0,) * 5


@dataclass(frozen=True)
class Intermediate:
    """The registration to the image or volume through which an acquisition reaches the reference.

    Parameters
    ----------
    name : str
        What it was registered to.
    map : AffineMap
        From the own frame to that one's.
    verdict : {"accepted", "refused"}
        Of that registration alone.
    reasons : tuple of str
        Of that registration alone.
    """

    name: str
    map: AffineMap
    verdict: Verdict
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Diagnostics:
    """What a verdict rests on, and what helps a person to judge it.

    Every method fills the same fields; one that it does not measure is None or empty.

    Parameters
    ----------
    score_is : str
        What the score measures.
    higher_is_better : bool
        Direction of the score.
    gap_is : str
        What the gaps of the rivals measure; empty where there are none.
    measures : mapping of str to float or None
        The method's other numbers by name, units in the names.
    known_answers : tuple of KnownAnswers
        Every test in which the answer was known; empty where none was made.
    blocks : Blocks or None
        What is left to shift.
    scale : Scale or None
        Whether the sample sizes agree.
    starts : Starts or None
        Whether other starts end at the same pose.
    rivals : tuple of Rival
        Other solutions, the best first.
    warp : Warp or None
        A smooth deformation.
    scan : ScanModel or None
        What was fitted beside the pose.
    through : Intermediate or None
        Where the registration is a chain: its first link.

    Examples
    --------
    >>> found = Diagnostics(
    ...     score_is="correlation of the pores",
    ...     measures={"coverage": 0.98, "halves_apart_um": None},
    ...     starts=Starts(n=18, returned=13),
    ... )
    >>> found.starts.returned, found.known_answers, found.scale is None
    (13, (), True)
    """

    score_is: str = ""
    higher_is_better: bool = True
    gap_is: str = ""
    measures: Mapping[str, float | None] = field(default_factory=dict)
    known_answers: tuple[KnownAnswers, ...] = ()
    blocks: Blocks | None = None
    scale: Scale | None = None
    starts: Starts | None = None
    rivals: tuple[Rival, ...] = ()
    warp: Warp | None = None
    scan: ScanModel | None = None
    through: Intermediate | None = None
