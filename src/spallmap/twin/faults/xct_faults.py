"""Bad days of the tomograph: what real reconstructions have and the clean twin has not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

XctFault = Literal[
    "fringes",
    "grains",
    "stitching",
    "field",
    "window",
    "bytes",
    "clipped",
    "streaks",
    "motion",
    "slices",
    "cone",
    "rings",
    "cupping",
]
XCT_FAULTS: tuple[XctFault, ...] = get_args(XctFault)

# What belongs to the cell and not to the scan: alike in all its scans.
_OF_THE_CELL = ("grains_per_mm3", "grain_um", "grain_fraction", "grain_seed")


@dataclass(frozen=True)
class XctFaults:
    """Strengths of a tomogram's faults; at 0 or None a fault is off.

    A fraction is one of the contrast between gas and ceramic unless it says otherwise.

    Parameters
    ----------
    fringe_fraction, fringe_voxels : float
        Phase contrast: what is added beside a straight, sharp edge at most, as a fraction of its step, and
        the width of the fringe. What stands above the ceramic is less than half of it.
    grains_per_mm3, grain_um, grain_fraction : float
        Number, mean diameter and extra brightness of the grains of a second phase in the ceramic.
    grain_seed : int
        Which grains they are; the same in all scans of a cell.
    grain_streak_fraction : float
        Strength of the streaks that grains cast within their slices.
    stitch_at : float
        Where two scans were joined, as a fraction of the height from the first slice.
    stitch_grey_fraction, stitch_shift_voxels, stitch_blur_voxels : float
        The second scan's step of grey, its shift against the first within the slice, and its extra blur.
    field_fraction : float or None
        Width of the field of view over that of the whole tomogram; what lies outside is not there.
    field_rim_fraction : float
        How much brighter the rim of a cut field is than its middle, over the grey above gas.
    field_round : bool
        Whether the corners outside the largest circle are empty.
    window : tuple of float or None
        Grey values that become 0 and the type's greatest, in units of the contrast above gas.
    clip : tuple of float or None
        The same for where grey values were cut off.
    bits : int
        16, or 8.
    streak_fraction, streaks : float, int
        Strength and number of the casing's streaks, which run across whole slices.
    motion_voxels, motion_fraction : float
        Distance and weight of the second of two images.
    slice_sd_fraction : float
        Standard deviation of the slices' own gains, over the grey.
    cone_fraction, cone_voxels : float
        Loss of brightness at both ends of the stack, over the grey above gas, and blur along the stack there.
    ring_factor : float
        Strength of the rings over that of a usual scan.
    arcs : int
        Number of rings that are only arcs.
    cupping_fraction : float
        Cupping beyond the scanner's usual one.
    seed : int
        Decides details, such as where streaks run.

    Examples
    --------
    >>> XctFaults().names, XctFaults(fringe_fraction=0.3, bits=8).names
    ((), ('fringes', 'bytes'))
    """

    fringe_fraction: float = 0.0
    fringe_voxels: float = 1.0
    grains_per_mm3: float = 0.0
    grain_um: float = 20.0
    grain_fraction: float = 0.3
    grain_seed: int = 0
    grain_streak_fraction: float = 0.0
    stitch_at: float = 0.5
    stitch_grey_fraction: float = 0.0
    stitch_shift_voxels: float = 0.0
    stitch_blur_voxels: float = 0.0
    field_fraction: float | None = None
    field_rim_fraction: float = 0.0
    field_round: bool = False
    window: tuple[float, float] | None = None
    clip: tuple[float, float] | None = None
    bits: int = 16
    streak_fraction: float = 0.0
    streaks: int = 10
    motion_voxels: float = 0.0
    motion_fraction: float = 0.3
    slice_sd_fraction: float = 0.0
    cone_fraction: float = 0.0
    cone_voxels: float = 0.0
    ring_factor: float = 1.0
    arcs: int = 0
    cupping_fraction: float = 0.0
    seed: int = 0

    @classmethod
    def draw(cls, rng: np.random.Generator, n: int, kinds: Sequence[XctFault] = XCT_FAULTS) -> XctFaults:
        """Turn some faults on at random, each with a random strength.

        Parameters
        ----------
        rng : numpy.random.Generator
            Draws which, and how strong.
        n : int
            How many.
        kinds : sequence of str
            To draw from.

        Returns
        -------
        XctFaults
            With `n` faults.

        Examples
        --------
        >>> import numpy as np
        >>> len(XctFaults.draw(np.random.default_rng(7), 3).names)
        3
        """
        chosen = rng.choice(len(kinds), size=n, replace=False)
        faults = cls(seed=int(rng.integers(2**31)), grain_seed=int(rng.integers(2**31)))
        for k in sorted(int(c) for c in chosen):
            faults = replace(faults, **_strengths(kinds[k], rng))
        return faults

    @property
    def names(self) -> tuple[XctFault, ...]:
        """Which faults are on."""
        on = {
            "fringes": self.fringe_fraction,
            "grains": self.grains_per_mm3,
            "stitching": self.stitch_grey_fraction or self.stitch_shift_voxels or self.stitch_blur_voxels,
            "field": self.field_fraction or self.field_round,
            "window": self.window,
            "bytes": self.bits == 8,
            "clipped": self.clip,
            "streaks": self.streak_fraction,
            "motion": self.motion_voxels,
            "slices": self.slice_sd_fraction,
            "cone": self.cone_fraction or self.cone_voxels,
            "rings": self.ring_factor != 1.0 or self.arcs,
            "cupping": self.cupping_fraction,
        }
        return tuple(name for name in XCT_FAULTS if on[name])

    def with_cell_of(self, other: XctFaults) -> XctFaults:
        """Take over what belongs to the cell from the faults of another scan of it.

        Parameters
        ----------
        other : XctFaults
            Of the other scan.

        Returns
        -------
        XctFaults
            With the other's grains; each scan has its own streaks of them.

        Examples
        --------
        >>> XctFaults(bits=8).with_cell_of(XctFaults(grains_per_mm3=500.0)).names
        ('grains', 'bytes')
        """
        return replace(self, **{name: getattr(other, name) for name in _OF_THE_CELL})

    def stream(self, name: str) -> np.random.Generator:
        """Random numbers for the details of one fault.

        Parameters
        ----------
        name : str
            The fault.

        Returns
        -------
        numpy.random.Generator
            Always the same for the same seed and name.
        """
        seed = self.grain_seed if name == "grains" else self.seed
        return np.random.default_rng([seed, *name.encode()])

    def split(self, n_slices: int) -> int:
        """Slice at which the second of two joined scans begins."""
        return round(self.stitch_at * n_slices)

    def field(self, shape: tuple[int, int, int]) -> tuple[tuple[int, int, int], tuple[int, int]]:
        """Shape that is left of a tomogram, and the row and column at which it begins.

        Parameters
        ----------
        shape : tuple of int
            Slices, rows, columns of the whole.

        Returns
        -------
        shape : tuple of int
            What is left.
        first : tuple of int
            The row and the column.
        """
        if self.field_fraction is None:
            return shape, (0, 0)
        ny, nx = (max(16, round(self.field_fraction * n)) for n in shape[1:])
        return (shape[0], ny, nx), ((shape[1] - ny) // 2, (shape[2] - nx) // 2)

    def as_dict(self) -> dict[str, Any]:
        """Return the strengths that differ from a clean scan's, for a JSON file."""
        clean = XctFaults()
        return {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if getattr(self, f.name) != getattr(clean, f.name)
        }


def _strengths(kind: XctFault, rng: np.random.Generator) -> dict[str, Any]:
    """Draw the strength of one fault, from hardly seen to what one would still publish."""
    uniform = rng.uniform
    if kind == "fringes":
        return {"fringe_fraction": uniform(0.05, 0.35), "fringe_voxels": uniform(0.8, 1.6)}
    if kind == "grains":
        return {
            "grains_per_mm3": uniform(100.0, 1200.0),
            "grain_um": uniform(8.0, 30.0),
            "grain_fraction": uniform(0.1, 0.6),
            "grain_streak_fraction": uniform(0.0, 0.05),
        }
    if kind == "stitching":
        return {
            "stitch_at": uniform(0.3, 0.7),
            "stitch_grey_fraction": uniform(0.01, 0.06) * rng.choice((-1.0, 1.0)),
            "stitch_shift_voxels": uniform(0.0, 0.25),
            "stitch_blur_voxels": uniform(0.0, 0.5),
        }
    if kind == "field":
        return {
            "field_fraction": uniform(0.58, 0.75),
            "field_rim_fraction": uniform(0.02, 0.15),
            "field_round": bool(rng.random() < 0.5),
        }
    if kind == "window":
        return {"window": (uniform(-0.6, -0.2), uniform(1.4, 2.5))}
    if kind == "bytes":
        return {"bits": 8}
    if kind == "clipped":
        return {"clip": (uniform(-0.05, 0.08), uniform(1.02, 1.15))}
    if kind == "streaks":
        return {"streak_fraction": uniform(0.01, 0.05), "streaks": int(rng.integers(4, 16))}
    if kind == "motion":
        return {"motion_voxels": uniform(0.5, 2.5), "motion_fraction": uniform(0.1, 0.4)}
    if kind == "slices":
        return {"slice_sd_fraction": uniform(0.01, 0.05)}
    if kind == "cone":
        return {"cone_fraction": uniform(0.03, 0.15), "cone_voxels": uniform(0.5, 2.0)}
    if kind == "rings":
        return {"ring_factor": uniform(2.0, 4.0), "arcs": int(rng.integers(0, 5))}
    return {"cupping_fraction": uniform(0.08, 0.2)}


def slice_gains(faults: XctFaults, n_slices: int) -> NDArray[np.float32]:
    """Gains of slices that were scaled one by one.

    Parameters
    ----------
    faults : XctFaults
        Their strength.
    n_slices : int
        Number of slices.

    Returns
    -------
    ndarray of float32, shape (n_slices, 1, 1)
        About 1.
    """
    gains = 1.0 + faults.slice_sd_fraction * faults.stream("slices").normal(size=(n_slices, 1, 1))
    return gains.astype(np.float32)
