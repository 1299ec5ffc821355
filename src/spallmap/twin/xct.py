"""The simulated tomogram."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spallmap.frames import AffineMap
from spallmap.twin.faults.xct_artefacts import (
    add_arcs,
    add_fringes,
    add_grain_streaks,
    add_grains,
    add_motion,
    add_streaks,
    blur_second_scan,
    brighten_rim,
    exported,
    rescale_slices,
    shade_along_stack,
)
from spallmap.twin.faults.xct_faults import XctFaults
from spallmap.twin.geometry import CellGeometry, Floats
from spallmap.twin.render import render_volume

# Fraction of a tomogram's height that the ceramic takes, about.
_CERAMIC_HEIGHT = 0.42


@dataclass(frozen=True)
class XctLook:
    """How the scanner shows the cell; grey values of a 16-bit reconstruction.

    Parameters
    ----------
    gas, sodium, casing, ceramic : float
        Grey of each kind of matter before any artefact.
    blur_voxels : float
        Standard deviation of the point spread.
    cupping : float
        Relative loss of brightness of the ceramic in the middle of the field.
    ring_grey : float
        Standard deviation of the rings.
    noise_grey, noise_voxels : float
        Standard deviation of the noise and its correlation, a Gaussian's standard deviation.

    Examples
    --------
    >>> XctLook(noise_grey=0.0).values()["pore"]
    13000.0
    """

    gas: float = 13000.0
    sodium: float = 19900.0
    casing: float = 19700.0
    ceramic: float = 45500.0
    blur_voxels: float = 0.6
    cupping: float = 0.05
    ring_grey: float = 330.0
    noise_grey: float = 1200.0
    noise_voxels: float = 0.6

    def values(self) -> dict[str, float]:
        """Grey of every kind of matter by the names that rendering uses."""
        hollow = dict.fromkeys(("empty_crack", "decoy", "pore", "void", "gas"), self.gas)
        metal = dict.fromkeys(("sodium", "sodium_crack"), self.sodium)
        return {"ceramic": self.ceramic, "casing": self.casing, **hollow, **metal}


@dataclass(frozen=True)
class XctScan:
    """A simulated tomogram.

    Parameters
    ----------
    volume : ndarray of uint16, shape (nz, ny, nx)
        Grey values; uint8 where the export was of eight bits.
    spacing_um : float
        Voxel size.
    labels : ndarray of uint8, shape (nz, ny, nx)
        True labels, see `spallmap.twin.render.LABELS`.
    to_cell : AffineMap
        From its points to the cell frame.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.twin import draw_cell, draw_xct_pose, simulate_xct
    >>> rng = np.random.default_rng(7)
    >>> cell = draw_cell(rng).shorted
    >>> shape, spacing_um = (24, 40, 40), 37.0
    >>> to_cell = draw_xct_pose(rng, shape, spacing_um)
    >>> scan = simulate_xct(cell, to_cell, rng, shape=shape, spacing_um=spacing_um)
    >>> scan.volume.dtype, scan.labels.dtype, scan.to_cell is to_cell
    (dtype('uint16'), dtype('uint8'), True)
    """

    volume: NDArray[np.unsignedinteger]
    spacing_um: float
    labels: NDArray[np.uint8] = field(repr=False)
    to_cell: AffineMap


def draw_look(rng: np.random.Generator) -> XctLook:
    """Draw how a scanner shows a cell, within some percent of a laboratory scanner's usual contrast."""
    scale = rng.uniform(0.97, 1.03)
    return XctLook(
        gas=13000.0 * scale,
        sodium=rng.uniform(19300.0, 20800.0) * scale,
        casing=rng.uniform(18800.0, 21000.0) * scale,
        ceramic=rng.uniform(44500.0, 46500.0) * scale,
        blur_voxels=rng.uniform(0.5, 0.75),
        cupping=rng.uniform(0.03, 0.07),
        ring_grey=rng.uniform(200.0, 450.0),
        noise_grey=rng.uniform(1000.0, 1450.0),
        noise_voxels=rng.uniform(0.4, 0.8),
    )


def simulate_xct(
    geometry: CellGeometry,
    to_cell: AffineMap,
    rng: np.random.Generator,
    *,
    shape: tuple[int, int, int] = (190, 324, 324),
    spacing_um: float = 4.66,
    look: XctLook | None = None,
    faults: XctFaults | None = None,
) -> XctScan:
    """Scan a cell.

    Parameters
    ----------
    geometry : CellGeometry
        The cell in the state of the scan.
    to_cell : AffineMap
        From the scan's points to the cell frame, um.
    rng : numpy.random.Generator
        Draws rings and noise, and the look where none is given.
    shape : tuple of int
        Slices, rows, columns.
    spacing_um : float
        Voxel size.
    look : XctLook, optional
        Contrast and artefacts.
    faults : XctFaults, optional
        What goes wrong; nothing where absent.

    Returns
    -------
    XctScan
        The tomogram with its truth; of a field that cuts the cell only what it shows.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.twin import draw_cell, draw_xct_pose
    >>> rng = np.random.default_rng(7)
    >>> cell = draw_cell(rng).shorted
    >>> shape, spacing_um = (24, 40, 40), 37.0
    >>> to_cell = draw_xct_pose(rng, shape, spacing_um)
    >>> scan = simulate_xct(cell, to_cell, rng, shape=shape, spacing_um=spacing_um)
    >>> ceramic, sodium = (scan.volume[scan.labels == label].mean() for label in (1, 2))
    >>> bool(ceramic > 1.7 * sodium)
    True
    """
    drawn = draw_look(rng)
    look = drawn if look is None else look
    if faults is not None:
        return _faulty_scan(geometry, to_cell, rng, shape, spacing_um, look, faults)
    grey, labels = render_volume(geometry, to_cell, shape, spacing_um, look.values())
    grey -= np.float32(look.gas)
    blur(grey, look.blur_voxels, "nearest")
    shade(grey, look, draw_rings(rng, shape, look.ring_grey))
    grey += _noise(rng, shape, look)
    return XctScan(stored(grey), spacing_um, labels, to_cell)


def _faulty_scan(
    geometry: CellGeometry,
    to_cell: AffineMap,
    rng: np.random.Generator,
    shape: tuple[int, int, int],
    spacing_um: float,
    look: XctLook,
    faults: XctFaults,
) -> XctScan:
    """Scan a cell on a bad day."""
    shape, (row, column) = faults.field(shape)
    to_cell = to_cell @ _shifted(column * spacing_um, row * spacing_um)
    look = replace(
        look,
        cupping=look.cupping + faults.cupping_fraction,
        ring_grey=look.ring_grey * faults.ring_factor,
    )
    contrast = look.ceramic - look.gas
    grey, labels = _render_joined(geometry, to_cell, shape, spacing_um, look, faults)
    grey -= np.float32(look.gas)
    if faults.grains_per_mm3:
        dim = max(look.sodium, look.casing) - look.gas
        grains = add_grains(grey, faults, to_cell, spacing_um, contrast, dim)
    blur(grey, look.blur_voxels, "nearest")
    if faults.motion_voxels:
        add_motion(grey, faults)
    if faults.stitch_blur_voxels:
        blur_second_scan(grey, faults)
    if faults.fringe_fraction:
        add_fringes(grey, faults)
    if faults.cone_fraction or faults.cone_voxels:
        shade_along_stack(grey, faults)
    if faults.field_rim_fraction:
        brighten_rim(grey, faults)
    shade(grey, look, draw_rings(rng, shape, look.ring_grey))
    if faults.grains_per_mm3 and faults.grain_streak_fraction:
        add_grain_streaks(grey, faults, grains, contrast)
    if faults.streak_fraction:
        add_streaks(grey, faults, contrast)
    if faults.arcs:
        add_arcs(grey, faults, look.ring_grey)
    grey += _noise(rng, shape, look)
    rescale_slices(grey, faults, contrast)
    return XctScan(exported(grey, faults, look.gas, look.ceramic), spacing_um, labels, to_cell)


def _shifted(x_um: float, y_um: float) -> AffineMap:
    return AffineMap.from_parts(np.eye(3), np.array([x_um, y_um, 0.0]))


def _render_joined(
    geometry: CellGeometry,
    to_cell: AffineMap,
    shape: tuple[int, int, int],
    spacing_um: float,
    look: XctLook,
    faults: XctFaults,
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Render one scan, or two that are shifted against each other and joined."""
    if not faults.stitch_shift_voxels:
        return render_volume(geometry, to_cell, shape, spacing_um, look.values())
    angle = faults.stream("stitching").uniform(0.0, 2.0 * np.pi)
    whole = faults.stitch_shift_voxels * spacing_um * np.array([np.cos(angle), np.sin(angle)])
    # The middle of the stack holds the ceramic, which is to lie where it should on average.
    below = float(np.clip((faults.stitch_at - 0.5) / _CERAMIC_HEIGHT + 0.5, 0.0, 1.0))
    k = faults.split(shape[0])
    found = []
    for moved, first, n in ((below - 1.0, 0, k), (below, k, shape[0] - k)):
        pose = to_cell @ _shifted(*(moved * whole))
        found.append(render_volume(geometry, pose, (n, *shape[1:]), spacing_um, look.values(), first))
    return np.concatenate([g for g, _ in found]), np.concatenate([m for _, m in found])


def blur(
    grey: NDArray[np.float32],
    sigma: float,
    mode: Literal["nearest", "wrap"],
    axes: tuple[int, ...] = (0, 1, 2),
) -> None:
    """Smooth in place with a Gaussian, one axis after the other.

    Parameters
    ----------
    grey : ndarray of float32
        The values.
    sigma : float
        Standard deviation, voxels.
    mode : {"nearest", "wrap"}
        How the values go on beyond the borders.
    axes : tuple of int
        The axes, in this order.
    """
    for axis in axes:
        ndimage.gaussian_filter1d(grey, sigma, axis=axis, output=grey, mode=mode)


def shade(grey: NDArray[np.float32], look: XctLook, rings: NDArray[np.float32]) -> None:
    """Add cupping, the gas's grey and rings, in place.

    Parameters
    ----------
    grey : ndarray of float32, shape (nz, ny, nx)
        Grey over that of the gas, in whole slices.
    look : XctLook
        The artefacts' strength.
    rings : ndarray of float32, shape (nz, n)
        The rings of these slices by their radius in voxels.
    """
    radius = _radius_voxels(grey.shape[1:])
    relative = radius / radius.max()
    grey *= (1.0 - look.cupping * (1.0 - relative**2) ** 2 * 1.6).astype(np.float32)
    grey += np.float32(look.gas)
    at = np.minimum(radius.astype(np.intp), rings.shape[1] - 1)
    for slice_, ring in zip(grey, rings, strict=True):
        slice_ += ring[at]


def stored(grey: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Round to what 16 bits hold.

    Parameters
    ----------
    grey : ndarray of float32
        Grey values.

    Returns
    -------
    ndarray of uint16
        The nearest whole numbers, clipped at the type's ends.
    """
    return np.clip(np.rint(grey), 0, 65535).astype(np.uint16)


def _radius_voxels(shape: tuple[int, ...]) -> Floats:
    """Distance of every pixel of a slice from the axis of rotation."""
    y, x = (np.arange(n) - (n - 1) / 2.0 for n in shape)
    radius: Floats = np.hypot(y[:, None], x[None, :])
    return radius


def draw_rings(rng: np.random.Generator, shape: tuple[int, int, int], sd: float) -> NDArray[np.float32]:
    """Draw errors of the detector's columns: alike in neighbouring slices, fainter away from the axis.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws them.
    shape : tuple of int
        Slices, rows, columns of the whole volume.
    sd : float
        Their standard deviation, grey.

    Returns
    -------
    ndarray of float32, shape (nz, n)
        The error in every slice by the distance from the axis in voxels.
    """
    n = int(np.hypot(*shape[1:]) / 2.0) + 2
    steady = rng.normal(size=n)[None, :]
    drifting = ndimage.gaussian_filter1d(rng.normal(size=(shape[0], n)), 12.0, axis=0, mode="nearest")
    rings = 0.75 * steady + 0.66 * drifting / drifting.std()
    fading = 1.5 / (1.0 + np.arange(n) / 60.0)
    faded: Floats = sd * rings * fading
    return faded.astype(np.float32)


def _noise(rng: np.random.Generator, shape: tuple[int, int, int], look: XctLook) -> NDArray[np.float32]:
    noise = rng.standard_normal(shape, dtype=np.float32)
    if look.noise_voxels > 0:
        # Wrapped, or the noise would be stronger at the borders.
        blur(noise, look.noise_voxels, "wrap")
    noise *= np.float32(look.noise_grey) / noise.std()
    return noise
