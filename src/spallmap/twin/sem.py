"""The simulated section: electron images at any pixel size, and element counts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from spallmap.frames import AffineMap, grid_points
from spallmap.twin.faults.edx_faults import EdxFaults, attenuation, drift_shifts
from spallmap.twin.faults.sem_faults import (
    SemFaults,
    brightness_under,
    seam_shifts,
    spoil_grey,
    spoil_matter,
    stretched,
)
from spallmap.twin.geometry import CellGeometry, Floats
from spallmap.twin.render import (
    CASING,
    CERAMIC,
    DECOY,
    EMPTY_CRACK,
    PORE,
    SODIUM,
    SODIUM_CRACK,
    VOID,
    fractions_of,
)

# Fraction of the rows that the data bar takes, about 60 of 640.
BAR_ROWS_FRACTION = 0.09

# Mean grey of each kind of matter in a backscattered-electron image, 8 bits.
BRIGHTNESS = {"ceramic": 168.0, "sodium": 104.0, "casing": 46.0, "hollow": 12.0, "gas": 9.0}

# Elements of the maps; the ceramic is sodium beta-alumina, casing and embedding hold carbon.
ELEMENTS = ("C", "O", "Na", "Al")

# Mean counts a pixel, in the order of `ELEMENTS`; an empty crack has drawn in residue of the polish.
COUNTS = {
    "ceramic": (0.3, 14.0, 3.4, 15.0),
    "sodium": (2.5, 3.4, 9.0, 0.15),
    "casing": (9.0, 2.0, 0.15, 0.15),
    "crack": (7.0, 1.2, 0.5, 0.8),
    "hollow": (0.8, 0.9, 0.6, 0.7),
    "gas": (0.15, 0.1, 0.05, 0.05),
}


@dataclass(frozen=True)
class SectionLook:
    """What one section's images have in common, whatever their pixel size.

    Parameters
    ----------
    grain_points_um, grain_grey : ndarray, shape (n, 2) and (n,)
        Middles of the ceramic's grains in the plane (overview frame) and their orientation contrast.
    """

    grain_points_um: Floats
    grain_grey: Floats


@dataclass(frozen=True)
class SemImage:
    """A simulated electron image.

    Parameters
    ----------
    image : ndarray of uint8, shape (n_rows, n_columns)
        Grey values, with the data bar at the bottom.
    spacing_um : float
        Pixel size.
    bar_row : int
        First row of the data bar.
    fractions : ndarray of float32, shape (n_rows, n_columns, 8)
        What truly fills each pixel, see `spallmap.twin.render.MATTER`.
    to_cell : AffineMap
        From its points to the cell frame.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.twin import draw_cell, draw_section_look, draw_section_pose, simulate_sem
    >>> rng = np.random.default_rng(7)
    >>> cell = draw_cell(rng).shorted
    >>> to_cell = draw_section_pose(rng, cell, (91, 150), 6.0, 60.0)
    >>> look = draw_section_look(rng, (600.0, 900.0))
    >>> section = simulate_sem(cell, to_cell, rng, look=look, shape=(100, 150), spacing_um=6.0)
    >>> section.fractions.shape, bool(section.fractions.sum(axis=-1).max() < 1.0 + 1e-6)
    ((100, 150, 8), True)
    """

    image: NDArray[np.uint8]
    spacing_um: float
    bar_row: int
    fractions: NDArray[np.float32]
    to_cell: AffineMap


def draw_section_look(
    rng: np.random.Generator, size_um: tuple[float, float], grain_um: float = 14.0
) -> SectionLook:
    """Draw the ceramic's grains in the plane of a section.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws them.
    size_um : tuple of float
        Rows and columns of the overview, um.
    grain_um : float
        Mean distance between grains.

    Returns
    -------
    SectionLook
        The grains.

    Examples
    --------
    >>> import numpy as np
    >>> look = draw_section_look(np.random.default_rng(7), (600.0, 900.0))
    >>> look.grain_points_um.shape[0] == look.grain_grey.size
    True
    """
    margin = 4.0 * grain_um
    size = np.array(size_um[::-1]) + 2.0 * margin
    n = int(np.prod(size) / grain_um**2)
    return SectionLook(rng.uniform(0.0, 1.0, (n, 2)) * size - margin, rng.normal(0.0, 13.0, n))


def bar_row_of(n_rows: int) -> int:
    """First row of the data bar in an image of some height."""
    return n_rows - round(BAR_ROWS_FRACTION * n_rows)


def simulate_sem(
    geometry: CellGeometry,
    to_cell: AffineMap,
    rng: np.random.Generator,
    *,
    look: SectionLook,
    to_overview: AffineMap | None = None,
    shape: tuple[int, int] = (640, 900),
    spacing_um: float = 1.0,
    faults: SemFaults | None = None,
) -> SemImage:
    """Image a section with backscattered electrons.

    Parameters
    ----------
    geometry : CellGeometry
        The cell.
    to_cell : AffineMap
        From the image's points to the cell frame.
    rng : numpy.random.Generator
        Draws shading and noise.
    look : SectionLook
        The plane's grains, shared by all images of the section.
    to_overview : AffineMap, optional
        From the image's points to the frame of the grains; absent for the overview itself.
    shape : tuple of int
        Rows and columns, data bar included.
    spacing_um : float
        Pixel size.
    faults : SemFaults, optional
        What goes wrong; a stage that stayed tilted is part of the image's true `to_cell`.

    Returns
    -------
    SemImage
        The image with its truth.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.twin import draw_cell, draw_section_look, draw_section_pose
    >>> rng = np.random.default_rng(7)
    >>> cell = draw_cell(rng).shorted
    >>> to_cell = draw_section_pose(rng, cell, (91, 150), 6.0, 60.0)
    >>> look = draw_section_look(rng, (600.0, 900.0))
    >>> section = simulate_sem(cell, to_cell, rng, look=look, shape=(100, 150), spacing_um=6.0)
    >>> section.image.shape, section.bar_row
    ((100, 150), 91)
    """
    bad = SemFaults() if faults is None else faults
    # A stream of its own: the other draws stay as they are.
    mishaps = rng.spawn(1)[0]
    points = grid_points(shape, (spacing_um, spacing_um))
    whole_to_cell = to_cell
    to_cell = stretched(to_cell, shape, spacing_um, bad) if bad.tilt_stretch else to_cell
    if bad.seam_um:
        points = points + seam_shifts(shape, bad, mishaps)
    in_cell = to_cell(points)
    fractions = fractions_of(geometry, in_cell, spacing_um)
    in_plane = whole_to_cell.inverse()(in_cell) if bad.names else points
    in_plane = in_plane if to_overview is None else to_overview(in_plane)
    if bad.names:
        fractions = spoil_matter(fractions, in_plane[..., :2], in_cell[..., 2], spacing_um, bad)
    if bad.other_grains:
        look = _other_grains(look, bad.other_grains, mishaps)
    b = brightness_under(BRIGHTNESS, bad)
    cracks = fractions[..., EMPTY_CRACK] + fractions[..., DECOY]
    hollow = fractions[..., EMPTY_CRACK] + fractions[..., DECOY] + fractions[..., PORE] + fractions[..., VOID]
    metal = fractions[..., SODIUM] + fractions[..., SODIUM_CRACK]
    ceramic = fractions[..., CERAMIC]
    grey = (
        b["ceramic"] * ceramic
        + b["sodium"] * metal
        + b["casing"] * fractions[..., CASING]
        + b["hollow"] * hollow
    )
    grey += b["gas"] * (1.0 - ceramic - metal - hollow - fractions[..., CASING])
    grey += ceramic * _grains(look, in_plane[..., :2], spacing_um)
    if bad.epoxy:
        # Sodium reacts and is washed out where resin gets in.
        filled = fractions[..., SODIUM_CRACK]
        grey += (b["crack"] - b["hollow"]) * cracks + (b["crack"] - b["sodium"]) * filled
    # More electrons leave the rim of a body than its middle: bright edges some micrometres wide.
    rims = ((bad.rim_px, 110.0),) if bad.rim_px else ((1.2 / spacing_um, 70.0), (4.0 / spacing_um, 45.0))
    for width_px, height in rims:
        strength = height * (1.0 + bad.secondary)
        grey += strength * ceramic * (1.0 - ndimage.gaussian_filter(ceramic, width_px)) * 2.0
    grey *= _shading(rng, shape)
    if bad.names:
        grey = spoil_grey(grey, ceramic, mishaps, bad, b["ceramic"])
    grey = ndimage.gaussian_filter(grey, 0.6)
    grey += rng.normal(size=shape) * (3.0 + 0.35 * np.sqrt(np.maximum(grey, 0.0)))
    grey += rng.normal(0.0, 1.2, (shape[0], 1))
    image = np.clip(np.rint(grey), 0, 255).astype(np.uint8)
    bar_row = bar_row_of(shape[0])
    _draw_bar(image, bar_row, spacing_um)
    return SemImage(image, spacing_um, bar_row, fractions.astype(np.float32), to_cell)


def _other_grains(look: SectionLook, fraction: float, rng: np.random.Generator) -> SectionLook:
    """Mix the grains' contrast with one of its own: it changes with a fraction of a degree of tilt."""
    own = rng.permutation(look.grain_grey)
    return replace(look, grain_grey=np.sqrt(1.0 - fraction**2) * look.grain_grey + fraction * own)


def _grains(look: SectionLook, points: Floats, spacing_um: float) -> Floats:
    """Grey of the nearest grain, smoothed like a grain boundary."""
    _, nearest = cKDTree(look.grain_points_um).query(points)
    smooth: Floats = ndimage.gaussian_filter(look.grain_grey[nearest], 0.8 / spacing_um)
    return smooth


def _shading(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Brightness that changes slowly over the field, by some per cent."""
    v, u = np.meshgrid(*(np.linspace(-1.0, 1.0, n) for n in shape), indexing="ij")
    c = rng.normal(0.0, 0.035, 5)
    shading: Floats = 1.0 + c[0] * u + c[1] * v + c[2] * u * v + c[3] * u**2 + c[4] * v**2
    return shading


def _draw_bar(image: NDArray[np.uint8], bar_row: int, spacing_um: float) -> None:
    """Write the data bar: black, with a white scale bar of a round length."""
    n_rows, n_columns = image.shape
    image[bar_row:] = 0
    target = 0.25 * n_columns * spacing_um
    decade = 10.0 ** np.floor(np.log10(target))
    length = max(step * decade for step in (1.0, 2.0, 5.0) if step * decade <= target)
    height = n_rows - bar_row
    first = bar_row + round(0.40 * height)
    left = round(0.03 * n_columns)
    image[first : first + max(2, height // 8), left : left + round(length / spacing_um)] = 255


def simulate_edx(
    geometry: CellGeometry,
    to_cell: AffineMap,
    rng: np.random.Generator,
    *,
    shape: tuple[int, int] = (240, 320),
    spacing_um: float = 2.0,
    interaction_um: float = 1.3,
    faults: EdxFaults | None = None,
) -> NDArray[np.uint16]:
    """Count characteristic X-rays over a section.

    Parameters
    ----------
    geometry : CellGeometry
        The cell.
    to_cell : AffineMap
        From the map's points to the cell frame.
    rng : numpy.random.Generator
        Draws the counts.
    shape : tuple of int
        Rows and columns.
    spacing_um : float
        Pixel size.
    interaction_um : float
        Standard deviation of the volume that answers to the beam.
    faults : EdxFaults, optional
        What goes wrong.

    Returns
    -------
    ndarray of uint16, shape (4, n_rows, n_columns)
        Counts of `ELEMENTS`, Poisson distributed.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.twin import draw_cell, draw_section_pose
    >>> rng = np.random.default_rng(7)
    >>> cell = draw_cell(rng).shorted
    >>> to_cell = draw_section_pose(rng, cell, (91, 150), 6.0, 60.0)
    >>> counts = simulate_edx(cell, to_cell, rng, shape=(60, 80), spacing_um=8.0)
    >>> counts.shape, counts.dtype
    ((4, 60, 80), dtype('uint16'))
    """
    bad = EdxFaults() if faults is None else faults
    mishaps = rng.spawn(1)[0]
    points = grid_points(shape, (spacing_um, spacing_um))
    if bad.drift_um:
        points = points + drift_shifts(shape, bad, mishaps)
    fractions = fractions_of(geometry, to_cell(points), spacing_um)
    amounts = {
        "ceramic": fractions[..., CERAMIC],
        "sodium": fractions[..., SODIUM] + fractions[..., SODIUM_CRACK],
        "casing": fractions[..., CASING],
        "crack": fractions[..., EMPTY_CRACK] + fractions[..., DECOY],
        "hollow": fractions[..., PORE] + fractions[..., VOID],
    }
    amounts["gas"] = 1.0 - np.sum(list(amounts.values()), axis=0)
    expected = np.stack(
        [sum(COUNTS[name][e] * amount for name, amount in amounts.items()) for e in range(len(ELEMENTS))]
    )
    sigma = (0.0, interaction_um / spacing_um, interaction_um / spacing_um)
    expected = np.maximum(ndimage.gaussian_filter(expected, sigma), 0.0)
    if bad.names:
        solid = amounts["ceramic"] + amounts["sodium"] + amounts["casing"]
        expected *= attenuation(solid, spacing_um, bad, mishaps)
    return rng.poisson(expected).astype(np.uint16)
