"""The cell as closed formulas: every body is a few numbers, none is a grid.

All lengths are micrometres in the cell frame: the origin lies in the middle of the ceramic disc, z runs along
the stack from the bottom electrode to the top one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Side = Literal[-1, 1]
PatchMatter = Literal["decoy", "empty_crack", "sodium_crack"]


@dataclass(frozen=True)
class Waves:
    """A smooth function of (x, y): a plane plus cosines.

    Parameters
    ----------
    offset : float
        Value at the origin without the cosines.
    slope : tuple of float
        Change per micrometre along x and y.
    terms : ndarray, shape (n, 4)
        Amplitude, wave numbers along x and y (rad/um) and phase (rad) of each cosine.
    """

    offset: float
    slope: tuple[float, float]
    terms: Floats

    def __call__(self, x: Floats, y: Floats) -> Floats:
        """Evaluate at points of the cell frame; arrays of one shape."""
        amplitude, kx, ky, phase = self.terms.T.reshape(4, len(self.terms), *([1] * np.ndim(x)))
        plane = self.offset + self.slope[0] * x + self.slope[1] * y
        value: Floats = plane + np.sum(amplitude * np.cos(kx * x + ky * y + phase), axis=0)
        return value


@dataclass(frozen=True)
class Outline:
    """A closed curve that is nearly a circle.

    Parameters
    ----------
    centre_um : tuple of float
        Its centre (x, y).
    radius_um : float
        Its mean radius.
    harmonics : ndarray, shape (n, 2)
        Cosine and sine coefficients of the relative radius, of order 2, 3, ...
    """

    centre_um: tuple[float, float]
    radius_um: float
    harmonics: Floats

    def radius_at(self, angle_rad: Floats) -> Floats:
        """Radius seen from the centre in the direction of an angle."""
        orders = np.arange(2, 2 + len(self.harmonics)).reshape(-1, *([1] * np.ndim(angle_rad)))
        cosines, sines = self.harmonics.T.reshape(2, len(self.harmonics), *([1] * np.ndim(angle_rad)))
        relative = np.sum(cosines * np.cos(orders * angle_rad) + sines * np.sin(orders * angle_rad), axis=0)
        radius: Floats = self.radius_um * (1.0 + relative)
        return radius

    @property
    def area_um2(self) -> float:
        """Enclosed area: pi R^2 (1 + half the sum of the squared coefficients)."""
        return float(np.pi * self.radius_um**2 * (1.0 + 0.5 * np.sum(self.harmonics**2)))


@dataclass(frozen=True)
class Electrode:
    """A sodium disc that lies on one face of the ceramic.

    Parameters
    ----------
    outline : Outline
        Its rim.
    outer : Waves
        Height z of the face that looks away from the ceramic.
    t2_ms : Waves
        Transverse relaxation time of its sodium.
    """

    outline: Outline
    outer: Waves
    t2_ms: Waves


@dataclass(frozen=True)
class Casing:
    """A ring around the stack with one slot, endless along z.

    Parameters
    ----------
    inner_um, outer_um : float
        Its radii.
    slot_azimuth_deg, slot_width_um : float
        Direction and width of the slot.
    """

    inner_um: float
    outer_um: float
    slot_azimuth_deg: float
    slot_width_um: float


@dataclass(frozen=True)
class Hollows:
    """Ellipsoids without matter.

    Parameters
    ----------
    centres_um, semi_axes_um : ndarray, shape (n, 3)
        Where they are and how large.
    axes : ndarray, shape (n, 3, 3)
        Rows: the directions of the semi-axes.
    in_sodium : ndarray of bool, shape (n,)
        Voids, cut out of the electrodes alone; the others are pores, cut out of the ceramic alone.
    """

    centres_um: Floats
    semi_axes_um: Floats
    axes: Floats
    in_sodium: NDArray[np.bool_]


@dataclass(frozen=True)
class SpallCrack:
    """A thin bowl or cone that starts at one face of the ceramic and ends at it again.

    Parameters
    ----------
    side : {-1, 1}
        The face: 1 top, -1 bottom.
    shape : {"bowl", "cone"}
        Paraboloid, or cone with a rounded tip.
    rim : Outline
        Where it meets the face.
    depth_um : float
        Depth of its lowest point under the face.
    tip : float
        Rounding of a cone's tip as a fraction of the rim's radius.
    waviness_um : Waves
        Added to the height of the middle surface.
    aperture_um : float
        Typical distance between its two walls.
    aperture_log : Waves
        Logarithm of the local aperture over the typical one.
    aperture_limits_um : tuple of float
        Smallest and largest local aperture.
    sodium_edge_um : Waves
        The crack is filled with sodium where this is negative.
    """

    side: Side
    shape: Literal["bowl", "cone"]
    rim: Outline
    depth_um: float
    tip: float
    waviness_um: Waves
    aperture_um: float
    aperture_log: Waves
    aperture_limits_um: tuple[float, float]
    sodium_edge_um: Waves

    def aperture_at(self, x: Floats, y: Floats) -> Floats:
        """Distance between the walls above the points (x, y), um."""
        aperture = self.aperture_um * np.exp(self.aperture_log(x, y))
        return np.clip(aperture, *self.aperture_limits_um)


@dataclass(frozen=True)
class PatchCrack:
    """A thin, slightly bent elliptic sheet whose aperture falls to nothing at its rim.

    Parameters
    ----------
    centre_um : tuple of float
        Its middle (x, y, z).
    axes : ndarray, shape (3, 3)
        Rows: two directions in the sheet and its normal.
    half_lengths_um : tuple of float
        Semi-axes of the ellipse.
    bend_um : float
        How far the rim on the first axis stands off the tangent plane of the middle.
    aperture_um : float
        Aperture in the middle.
    matter : {"decoy", "empty_crack", "sodium_crack"}
        What fills it and how it is labelled: a decoy is empty too, but has its own label.
    begin : float
        Where the sheet begins on its second axis, as a fraction of that semi-axis: -1 is the whole ellipse,
        0 the half that stands open on another sheet.
    """

    centre_um: tuple[float, float, float]
    axes: Floats
    half_lengths_um: tuple[float, float]
    bend_um: float
    aperture_um: float
    matter: PatchMatter = "decoy"
    begin: float = -1.0


@dataclass(frozen=True)
class CellGeometry:
    """A whole cell in one state.

    Parameters
    ----------
    rim : Outline
        The ceramic's outline.
    top, bottom : Waves
        Heights z of the ceramic's two faces.
    electrodes : tuple of Electrode
        Bottom, top.
    casing : Casing
        The ring around.
    hollows : Hollows
        Pores of the ceramic and voids of the electrodes.
    crack : SpallCrack or None
        The crack with sodium.
    patches : tuple of PatchCrack
        Further cracks: the decoy, which is far from the crack and without sodium, and the sheets of a crack
        that is neither bowl nor cone. Where two meet, the earlier one goes on.
    site_um : tuple of float
        Point (x, y, z) of the ceramic's face where the crack is centred, or would be; sections go through it.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.twin import draw_cell
    >>> cell = draw_cell(np.random.default_rng(7)).shorted
    >>> cell.crack.side, len(cell.patches), cell.without_cracks().patches
    (1, 1, ())
    >>> 330.0 <= cell.thickness_um <= 400.0
    True
    """

    rim: Outline
    top: Waves
    bottom: Waves
    electrodes: tuple[Electrode, Electrode]
    casing: Casing
    hollows: Hollows
    crack: SpallCrack | None
    patches: tuple[PatchCrack, ...]
    site_um: tuple[float, float, float]

    def without_cracks(self) -> CellGeometry:
        """Return the same cell with neither the crack nor any patch."""
        return replace(self, crack=None, patches=())

    @property
    def decoy(self) -> PatchCrack | None:
        """The crack without sodium, if there is one."""
        return next((p for p in self.patches if p.matter == "decoy"), None)

    @property
    def thickness_um(self) -> float:
        """Mean thickness of the ceramic."""
        return self.top.offset - self.bottom.offset
