"""What a section shows: soft maps of ceramic, voids in it, other solid and empty space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_multiotsu
from skimage.measure import block_reduce

from spallmap import frames
from spallmap.image import Image
from spallmap.registration.section.materials.grains import ceramic_by_grains
from spallmap.registration.section.materials.masks import Mask, close, large, near, touching
from spallmap.registration.section.materials.stripes import without_stripes
from spallmap.registration.section.materials.voids import (
    GRAIN_SIGMAS,
    LEAST_SPREAD,
    robust_spread,
    void_fraction,
)
from spallmap.registration.verdict import Refused

Maps = NDArray[np.float32]

# Order of the class maps, here and for the volume: ceramic, voids and cracks in it, other solid, empty.
CERAMIC, VOID, SOLID, EMPTY = range(4)

# Size of the median filter against noise and grain, in working pixels; 3 keeps cracks of 2 pixels.
MEDIAN_PX = 3
# Cracks narrower than this that open to an interface still count as inside the ceramic (twice this radius).
CLOSING_UM = 25.0
# Islands of another grey inside the ceramic below this size are grain or a filled crack, not an electrode.
ISLAND_UM2 = 60.0**2
# A chip of this size or larger that lies beside an island is ceramic too.
CHIP_UM2 = 30.0**2
# Bright edges and edges of a blurred beam are at most twice as wide.
EDGE_UM = 6.0
# Longest stretch of the field's rim that a pore cut by it may take.
BORDER_PORE_UM = 60.0
# Two grey peaks are two materials where the histogram dips between them below this fraction of the lower.
VALLEY = 0.75
# Range of the greys (0.5 to 99.5 %) in noise standard deviations; Gaussian noise alone has 5.2.
LEAST_CONTRAST = 7.0
# Boundary pixels needed before a straight interface is believed, as a length.
INTERFACE_UM = 200.0
# Largest median distance of the boundary from its line.
INTERFACE_MISFIT_UM = 15.0


@dataclass(frozen=True)
class Section:
    """A section image, reduced to what can be found again in a tomogram.

    Parameters
    ----------
    maps : ndarray of float32, shape (4, rows, columns)
        Membership of ceramic, void in the ceramic, other solid and empty space, 0 to 1; all 0 where masked.
    spacing_um : tuple of float
        Row and column spacing of the maps.
    origin_um : tuple of float
        Row and column coordinate of the first sample in the image's own frame.
    centre_um : ndarray, shape (3,)
        Middle of the field in the own frame.
    interface : ndarray of shape (2,), or None
        Unit vector (u, v) along the ceramic's straight interface, where one is seen.
    grey : ndarray of float32, shape (rows, columns)
        The image itself at the spacing of the maps.
    """

    maps: Maps
    spacing_um: tuple[float, float]
    origin_um: tuple[float, float]
    centre_um: NDArray[np.float64]
    interface: NDArray[np.float64] | None
    grey: Maps

    @property
    def valid(self) -> NDArray[np.bool_]:
        """Where the image shows the specimen."""
        seen: NDArray[np.bool_] = self.maps.sum(axis=0) > 0.5
        return seen

    @property
    def ceramic_area_um2(self) -> float:
        """Area of the filled ceramic."""
        return float(self.maps[:2].sum()) * self.spacing_um[0] * self.spacing_um[1]

    @property
    def field_um(self) -> tuple[float, float]:
        """Height and width of the field that is not masked."""
        rows, columns = np.nonzero(self.valid)
        return (
            float(np.ptp(rows) + 1) * self.spacing_um[0],
            float(np.ptp(columns) + 1) * self.spacing_um[1],
        )

    def points(self) -> NDArray[np.float64]:
        """Own-frame points of every sample, shape (rows, columns, 3)."""
        _, n_rows, n_columns = self.maps.shape
        origin = np.array([self.origin_um[1], self.origin_um[0], 0.0])
        points: NDArray[np.float64] = frames.grid_points((n_rows, n_columns), self.spacing_um) + origin
        return points


def read_section(image: Image, working_um: float) -> Section:
    """Classify a section image.

    Parameters
    ----------
    image : Image
        Axes (y, x), with a mask of the pixels that show the specimen.
    working_um : float
        Wanted spacing of the maps; the image is binned by whole pixels to at most this.

    Returns
    -------
    Section
        The maps.

    Raises
    ------
    Refused
        If there are none, with the reason.

    Notes
    -----
    The ceramic is taken for the brightest material, as it is under the back-scatter and the usual
    secondary-electron detector beside sodium; empty space for the darkest.
    """
    grey, valid, spacing, origin = _binned(image, working_um)
    if valid.mean() < 0.05 or not np.any(valid):
        raise Refused("the image has no unmasked pixels that could be placed")
    values = grey[valid]
    low, high = np.percentile(values, (0.5, 99.5))
    noise = _noise(grey, valid)
    if not high - low > LEAST_CONTRAST * noise + 1e-9 * (abs(high) + abs(low)):
        raise Refused("the image shows a single grey: nothing to place it by")
    filled_grey = np.where(valid, grey, np.median(values)).astype(np.float32)
    ceramic, matter = _materials(filled_grey, valid, spacing)
    flat = without_stripes(filled_grey, ceramic & matter, spacing)
    ceramic, matter = _materials(flat, valid, spacing)
    if ceramic.sum() * spacing[0] * spacing[1] < ISLAND_UM2:
        raise Refused("no ceramic is seen in the image")
    smooth = _smoothed(flat)
    void = void_fraction(flat, smooth, ceramic, valid, spacing)
    solid = matter & ~ceramic
    empty = valid & ~matter & ~ceramic
    maps = np.stack([ceramic - void, void, solid, empty]).astype(np.float32)
    _resolve_blurred_edges(maps, flat, spacing)
    rows, columns = np.nonzero(valid)
    centre = np.array(
        [
            origin[1] + spacing[1] * (columns.min() + columns.max()) / 2.0,
            origin[0] + spacing[0] * (rows.min() + rows.max()) / 2.0,
            0.0,
        ]
    )
    return Section(maps, spacing, origin, centre, _interface(ceramic, valid, spacing), filled_grey)


def _materials(grey: Maps, valid: Mask, spacing: tuple[float, float]) -> tuple[Mask, Mask]:
    """Find the ceramic with its voids, and all that is not dark."""
    smooth = _smoothed(grey)
    dark, bright = _thresholds(smooth, valid, spacing[0] * spacing[1])
    matter = (smooth > dark) & valid
    ceramic = _filled_ceramic((smooth > bright) & valid, matter, valid, spacing)
    by_grains = ceramic_by_grains(smooth, matter, ceramic, spacing)
    if by_grains is not None:
        ceramic = _filled_ceramic(by_grains, matter, valid, spacing)
    return ceramic, matter


def _resolve_blurred_edges(maps: Maps, grey: Maps, spacing: tuple[float, float]) -> None:
    """Divide solid that is too thin for an electrode between the ceramic and what is empty, by its grey."""
    ceramic, solid, empty = maps[CERAMIC] > 0.5, maps[SOLID] > 0.5, maps[EMPTY] > 0.5
    body = near(solid & ~near(~solid, EDGE_UM, spacing), EDGE_UM, spacing)
    # Where edges are sharp, a pixel or two of mixed grey say well enough where they lie.
    thick = ndimage.binary_opening(solid & ~body, np.ones((3, 3), dtype=np.bool_))
    edge = thick & near(ceramic, 2.0 * EDGE_UM, spacing)
    if not edge.any() or not empty.any():
        return
    bright, dark = np.median(grey[ceramic]), np.median(grey[empty])
    fraction = np.clip((grey[edge] - dark) / (bright - dark), 0.0, 1.0)
    maps[CERAMIC, edge], maps[SOLID, edge], maps[EMPTY, edge] = fraction, 0.0, 1.0 - fraction


def _smoothed(grey: Maps) -> Maps:
    """Take noise away, edges left where they are."""
    smooth: Maps = ndimage.median_filter(grey, size=MEDIAN_PX, mode="nearest")
    return smooth


def _binned(
    image: Image, working_um: float
) -> tuple[Maps, NDArray[np.bool_], tuple[float, float], tuple[float, float]]:
    """Average whole pixels up to the working spacing; a block counts as seen where most of it is."""
    data = np.asarray(image.data, dtype=np.float32)
    mask = np.isfinite(data) if image.mask is None else image.mask & np.isfinite(data)
    steps = [max(1, int(working_um / s + 1e-6)) for s in image.spacing_um]
    weight = block_mean(mask, steps)
    total = block_mean(np.where(mask, data, 0.0), steps)
    grey = np.divide(total, weight, out=np.zeros_like(total), where=weight > 0)
    spacing = (image.spacing_um[0] * steps[0], image.spacing_um[1] * steps[1])
    origin = (image.spacing_um[0] * (steps[0] - 1) / 2.0, image.spacing_um[1] * (steps[1] - 1) / 2.0)
    return grey.astype(np.float32), weight > 0.5, spacing, origin


def block_mean(data: NDArray[np.generic], steps: Sequence[int]) -> NDArray[np.float32]:
    """Average whole blocks of pixels or voxels; an incomplete last block is dropped."""
    whole = data[tuple(slice(0, n // b * b) for n, b in zip(data.shape, steps, strict=True))]
    mean: NDArray[np.float32] = block_reduce(whole, tuple(steps), np.mean, func_kwargs={"dtype": np.float32})
    return mean


def _noise(grey: Maps, valid: NDArray[np.bool_]) -> float:
    """Pixel noise from differences of neighbours, insensitive to edges."""
    both = valid[:, 1:] & valid[:, :-1]
    difference = np.abs(np.diff(grey, axis=1))[both]
    return float(np.median(difference)) / 0.954 if difference.size else 0.0


def _thresholds(smooth: Maps, valid: NDArray[np.bool_], pixel_um2: float) -> tuple[float, float]:
    """Greys below which it is empty, and above which it is ceramic."""
    values = smooth[valid]
    low, high = np.percentile(values, (0.1, 99.9))
    values = np.clip(values, low, high)
    if np.unique(values).size < 3:
        return float(values.mean()), float(values.mean())
    dark, bright = (float(t) for t in threshold_multiotsu(values, classes=3, nbins=256))
    counts, edges = np.histogram(values, bins=96)
    density = ndimage.gaussian_filter1d(counts.astype(np.float64), 1.5)
    centres = (edges[1:] + edges[:-1]) / 2.0
    if _has_valley(density, centres, dark, bright):
        return dark, bright
    # The ceramic's grains would be split in two: what is not ceramic is split on its own, where a part of it
    # is large enough to be a material and not the rims of pores.
    bright = float(threshold_multiotsu(values, classes=2, nbins=256)[0])
    # With little else than pores in view it lies half-way to them, below a sliver of an electrode.
    middle, spread = robust_spread(values[values > bright])
    bright = max(bright, middle - GRAIN_SIGMAS * max(spread, LEAST_SPREAD * (high - low)))
    below = np.clip(smooth, low, None)
    darker = valid & (below <= bright)
    if np.ptp(below[darker]) > 0.0:
        dark = float(threshold_multiotsu(below[darker], classes=2, nbins=256)[0])
        body = ndimage.binary_erosion(darker & (below > dark), iterations=2)
        if body.sum() * pixel_um2 > ISLAND_UM2 / 2.0:
            return dark, bright
    return bright, bright


def _has_valley(
    density: NDArray[np.float64], centres: NDArray[np.float64], dark: float, bright: float
) -> bool:
    middle = density[(centres > dark) & (centres <= bright)]
    upper = density[centres > bright]
    if not middle.size or not upper.size:
        return False
    at_peak = int(np.argmax(middle))
    between = np.concatenate([middle[at_peak:], upper[: int(np.argmax(upper)) + 1]])
    return bool(between.min() < VALLEY * min(middle.max(), upper.max()))


def _rim(valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Outermost pixels of the field."""
    rim: NDArray[np.bool_] = valid & ~ndimage.binary_erosion(valid)
    return rim


def _filled_ceramic(
    bright: NDArray[np.bool_],
    not_dark: NDArray[np.bool_],
    valid: NDArray[np.bool_],
    spacing: tuple[float, float],
) -> NDArray[np.bool_]:
    """Find the ceramic with its pores and cracks, without bright rims elsewhere."""
    area_um2 = spacing[0] * spacing[1]
    # Bright edges of the electrodes are thin: an opening removes them.
    opened = ~near(~bright & valid, EDGE_UM, spacing) & bright
    core = near(opened, EDGE_UM, spacing) & bright
    islands = large(core, ISLAND_UM2 / area_um2)
    # A chip that a crack cuts off is ceramic though it is small.
    chips = large(core, CHIP_UM2 / area_um2)
    core = islands | touching(chips, chips & near(islands, CLOSING_UM, spacing))
    closed = close(core, CLOSING_UM, spacing) & valid
    filled: NDArray[np.bool_] = ndimage.binary_fill_holes(closed)
    # Pores that a closing has bridged at the rim of the field are filled by looking past it.
    filled |= _border_pores(filled, not_dark, valid, spacing)
    return filled & valid


def _border_pores(
    filled: NDArray[np.bool_],
    not_dark: NDArray[np.bool_],
    valid: NDArray[np.bool_],
    spacing: tuple[float, float],
) -> NDArray[np.bool_]:
    """Dark spots cut by the rim of the field and otherwise surrounded by ceramic."""
    rim = _rim(valid)
    spots, _ = ndimage.label(valid & ~filled)
    found = np.zeros_like(filled)
    area_um2 = spacing[0] * spacing[1]
    for i, box in enumerate(ndimage.find_objects(spots), start=1):
        spot = spots[box] == i
        if spot.sum() * area_um2 > 2.0 * ISLAND_UM2 or np.mean(not_dark[box][spot]) > 0.5:
            continue
        if (spot & rim[box]).sum() * max(spacing) > BORDER_PORE_UM:
            continue
        grown = tuple(slice(max(s.start - 1, 0), s.stop + 1) for s in box)
        region = spots[grown] == i
        around = ndimage.binary_dilation(region, np.ones((3, 3), dtype=np.bool_)) & ~region & valid[grown]
        if around.any() and np.mean(filled[grown][around]) > 0.9:
            found[box] |= spot
    return found


def _interface(
    ceramic: NDArray[np.bool_], valid: NDArray[np.bool_], spacing: tuple[float, float]
) -> NDArray[np.float64] | None:
    """Direction of the ceramic's upper and lower edge, as a unit vector (u, v) with u > 0."""
    slopes, weights = [], []
    for flip in (False, True):
        seen, allowed = (ceramic[::-1], valid[::-1]) if flip else (ceramic, valid)
        first = np.argmax(seen, axis=0)
        columns = np.flatnonzero(seen.any(axis=0) & (first > 0))
        columns = columns[allowed[first[columns] - 1, columns]]
        if columns.size * spacing[1] < INTERFACE_UM:
            continue
        u, v = columns * spacing[1], first[columns] * spacing[0]
        design = np.column_stack([u - u.mean(), np.ones_like(u)])
        line = least_absolute(design, v)
        slope, misfit = line[0], float(np.median(np.abs(v - design @ line)))
        if misfit < INTERFACE_MISFIT_UM:
            slopes.append(-slope if flip else slope)
            weights.append(float(columns.size))
    if not slopes:
        return None
    direction = np.array([1.0, np.average(slopes, weights=weights)])
    unit: NDArray[np.float64] = direction / np.linalg.norm(direction)
    return unit


def least_absolute(design: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coefficients of a linear model by least absolute distances (iterated weights, floor of 1 um).

    Parameters
    ----------
    design : ndarray, shape (n, k)
        One row per value.
    values : ndarray, shape (n,)
        In micrometres.

    Returns
    -------
    ndarray, shape (k,)
        The coefficients.
    """
    weight = np.ones(len(values))
    fit: NDArray[np.float64] = np.zeros(design.shape[1])
    for _ in range(25):
        solved = np.linalg.lstsq(design * weight[:, None], values * weight, rcond=None)[0]
        fit = np.asarray(solved, dtype=np.float64)
        weight = 1.0 / np.sqrt(np.maximum(np.abs(values - design @ fit), 1.0))
    return fit
