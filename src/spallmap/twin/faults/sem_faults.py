"""Bad days of the electron microscope and the polisher: what images show beside the section."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spallmap.frames import AffineMap
from spallmap.twin.render import CERAMIC, DECOY, EMPTY_CRACK, SODIUM, SODIUM_CRACK, VOID

Floats = NDArray[np.float64]

# Chips are this many times longer than deep.
CHIP_LENGTH = 4.0
# Waves that a random field is the sum of.
WAVES = 48
# Which fraction of the crack's edges is chipped.
CHIPPED = 0.45

# Strengths that are drawn: lowest and highest.
RANGES: dict[str, tuple[float, float]] = {
    "tilt_stretch": (0.004, 0.03),
    "seam_um": (0.5, 2.5),
    "chip_um": (1.0, 5.0),
    "epoxy": (0.2, 0.55),
    "charging_bands": (0.05, 0.25),
    "charging_lines": (0.1, 0.5),
    "curtaining": (0.02, 0.1),
    "astigmatism_px": (0.8, 3.0),
    "secondary": (0.25, 0.75),
    "frame": (0.08, 0.3),
    "other_grains": (0.5, 1.0),
    "rim_px": (0.6, 1.6),
}


@dataclass(frozen=True)
class SemFaults:
    """Strengths of the faults of one electron image; 0 is off.

    Parameters
    ----------
    tilt_stretch : float
        The stage stays tilted: rows lie this fraction farther apart on the section than stated. It is part of
        the image's true map.
    seam_um : float
        Standard deviation of the steps between the tiles that the image is stitched of, without a mean.
    chip_um : float
        Depth of the chips that break out of the crack's edges.
    chip_seed : int
        Images with the same number show the same chips.
    epoxy : float
        Grey of the resin that fills the cracks, over the ceramic's.
    fallen : {-1, 0, 1}
        The electrode below (-1) or above (1) the ceramic has come off.
    charging_bands, charging_lines : float
        Brightness of bands of rows, and of single rows over part of the width, over the ceramic's.
    curtaining : float
        Standard deviation of the stripes along the columns that an ion beam leaves, relative.
    astigmatism_px : float
        Standard deviation of the beam along one direction.
    secondary : float
        Contrast of secondary electrons: 0 is matter alone, 1 matter hardly and edges strongly.
    frame : float
        Darkening where an earlier scan has left carbon, relative.
    other_grains : float
        Fraction of the grains' contrast that other images of the section do not share.
    rim_px : float
        Width of the bright edges in pixels, as sharpening in the instrument leaves them, instead of in um.

    Examples
    --------
    >>> import numpy as np
    >>> SemFaults().names
    ()
    >>> len(SemFaults.draw(np.random.default_rng(1), 3).names)
    3
    """

    tilt_stretch: float = 0.0
    seam_um: float = 0.0
    chip_um: float = 0.0
    chip_seed: int = 0
    epoxy: float = 0.0
    fallen: int = 0
    charging_bands: float = 0.0
    charging_lines: float = 0.0
    curtaining: float = 0.0
    astigmatism_px: float = 0.0
    secondary: float = 0.0
    frame: float = 0.0
    other_grains: float = 0.0
    rim_px: float = 0.0

    @property
    def names(self) -> tuple[str, ...]:
        """The faults that are on."""
        return tuple(f.name for f in fields(self) if f.name != "chip_seed" and getattr(self, f.name))

    @classmethod
    def draw(cls, rng: np.random.Generator, n: int) -> SemFaults:
        """Turn on `n` faults, drawn at random, each with a random strength."""
        return cls.drawn(rng, *rng.choice([*RANGES, "fallen"], n, replace=False))

    @classmethod
    def drawn(cls, rng: np.random.Generator, *names: str) -> SemFaults:
        """Turn on the faults named, each with a random strength.

        Examples
        --------
        >>> import numpy as np
        >>> 0.2 <= SemFaults.drawn(np.random.default_rng(1), "epoxy").epoxy <= 0.55
        True
        """
        strengths: dict[str, Any] = {
            name: int(rng.choice([-1, 1])) if name == "fallen" else float(rng.uniform(*RANGES[name]))
            for name in names
        }
        return cls(chip_seed=int(rng.integers(2**31)), **strengths)

    def alone(self, name: str) -> SemFaults:
        """Keep one fault."""
        return replace(SemFaults(chip_seed=self.chip_seed), **{name: getattr(self, name)})


def stretched(to_cell: AffineMap, shape: tuple[int, int], spacing_um: float, faults: SemFaults) -> AffineMap:
    """Return the true map of an image whose stage stayed tilted, about the image's middle.

    Parameters
    ----------
    to_cell : AffineMap
        The map without the tilt.
    shape : tuple of int
        Rows and columns.
    spacing_um : float
        Pixel size as stated.
    faults : SemFaults
        Its `tilt_stretch` counts.

    Returns
    -------
    AffineMap
        From the image's points to the cell frame.

    Examples
    --------
    >>> from spallmap.frames import AffineMap
    >>> tilted = stretched(AffineMap.identity(), (11, 11), 10.0, SemFaults(tilt_stretch=0.02))
    >>> tilted([50.0, 100.0, 0.0]).tolist()
    [50.0, 101.0, 0.0]
    """
    middle = np.array([0.0, 0.5 * (shape[0] - 1) * spacing_um, 0.0])
    factor = np.diag([1.0, 1.0 + faults.tilt_stretch, 1.0])
    return to_cell @ AffineMap.from_parts(factor, middle - factor @ middle)


def seam_shifts(shape: tuple[int, int], faults: SemFaults, rng: np.random.Generator) -> Floats:
    """How far each pixel of a stitched image lies off, shape (n_rows, n_columns, 3), um; 0 on average."""
    rows, columns = (np.digitize(np.arange(n), _cuts(n, rng)) for n in shape)
    steps = rng.normal(0.0, faults.seam_um, (rows.max() + 1, columns.max() + 1, 3))
    steps[..., 2] = 0.0
    shifts: Floats = steps[rows[:, None], columns]
    centred: Floats = shifts - shifts.mean(axis=(0, 1))
    return centred


def _cuts(n: int, rng: np.random.Generator) -> Floats:
    """Where one or two seams cross a side."""
    pieces = int(rng.integers(2, 4))
    cuts: Floats = (np.arange(1, pieces) + rng.uniform(-0.2, 0.2, pieces - 1)) * n / pieces
    return cuts


def spoil_matter(
    fractions: Floats, in_plane_um: Floats, height_um: Floats, spacing_um: float, faults: SemFaults
) -> Floats:
    """Chip the crack's edges and take an electrode away.

    Parameters
    ----------
    fractions : ndarray, shape (n_rows, n_columns, 8)
        What fills each pixel, in the order of `spallmap.twin.render.MATTER`.
    in_plane_um : ndarray, shape (n_rows, n_columns, 2)
        Pixels in a frame that all images of the section share.
    height_um : ndarray, shape (n_rows, n_columns)
        Above the ceramic's middle.
    spacing_um : float
        Pixel size.
    faults : SemFaults
        Strengths.

    Returns
    -------
    ndarray
        The same, spoilt.
    """
    spoilt = fractions.copy()
    if faults.chip_um:
        cracks = fractions[..., [EMPTY_CRACK, SODIUM_CRACK, DECOY]].sum(axis=-1) > 0.5
        if cracks.any():
            rng = np.random.default_rng(faults.chip_seed)
            field = random_field(in_plane_um, CHIP_LENGTH * faults.chip_um, rng)
            # Fractures are steep: the depth saturates soon.
            depth = faults.chip_um * np.clip(4.0 * (field - np.quantile(field, 1.0 - CHIPPED)), 0.0, 1.0)
            chipped = ndimage.distance_transform_edt(~cracks) * spacing_um <= depth
            chipped &= spoilt[..., CERAMIC] > 0.0
            spoilt[chipped, EMPTY_CRACK] += spoilt[chipped, CERAMIC]
            spoilt[chipped, CERAMIC] = 0.0
    if faults.fallen:
        gone = faults.fallen * height_um > 0.0
        spoilt[gone, SODIUM] = 0.0
        spoilt[gone, VOID] = 0.0
    return spoilt


def random_field(points_um: Floats, length_um: float, rng: np.random.Generator) -> Floats:
    """Smooth random function of points (..., 2), about normal, that varies over a length."""
    waves = rng.normal(0.0, 1.0 / length_um, (WAVES, 2)) * 2.0
    phases = rng.uniform(0.0, 2.0 * np.pi, WAVES)
    total = np.zeros(points_um.shape[:-1])
    for wave, phase in zip(waves, phases, strict=True):
        total += np.cos(points_um @ wave + phase)
    field: Floats = total * np.sqrt(2.0 / WAVES)
    return field


def brightness_under(brightness: dict[str, float], faults: SemFaults) -> dict[str, float]:
    """Mean greys of matter with some contrast of secondary electrons, and of a crack with resin."""
    ceramic, weight = brightness["ceramic"], faults.secondary
    greys = dict(brightness)
    for name, towards in (("sodium", 0.92), ("casing", 0.75), ("hollow", 0.25)):
        greys[name] += weight * (towards * ceramic - greys[name])
    greys["crack"] = faults.epoxy * ceramic if faults.epoxy else greys["hollow"]
    return greys


def spoil_grey(
    grey: Floats, ceramic: Floats, rng: np.random.Generator, faults: SemFaults, full: float
) -> Floats:
    """Charge, curtain and contaminate an image before its noise.

    Parameters
    ----------
    grey : ndarray, shape (n_rows, n_columns)
        The image.
    ceramic : ndarray, shape (n_rows, n_columns)
        Fraction of the insulator that charges.
    rng : numpy.random.Generator
        Draws where.
    faults : SemFaults
        Strengths.
    full : float
        Grey of the ceramic.

    Returns
    -------
    ndarray
        The same, spoilt.
    """
    shape, spoilt = grey.shape, grey.copy()
    if faults.frame:
        spoilt *= _frame(shape, rng, faults.frame)
    if faults.curtaining:
        stripes = ndimage.gaussian_filter1d(rng.normal(size=shape[1]), rng.uniform(0.7, 4.0))
        spoilt *= 1.0 + faults.curtaining * stripes / stripes.std() * (0.3 + 0.7 * (ceramic > 0.5))
    charge = np.zeros(shape)
    for _ in range(int(rng.integers(3, 9)) if faults.charging_bands else 0):
        centre, width = rng.uniform(0, shape[0]), rng.uniform(0.005, 0.06) * shape[0]
        band = np.exp(-0.5 * ((np.arange(shape[0]) - centre) / width) ** 2)
        charge += rng.choice([-0.6, 1.0]) * faults.charging_bands * band[:, None]
    for _ in range(int(rng.integers(10, 40)) if faults.charging_lines else 0):
        row, first = int(rng.integers(shape[0])), int(rng.integers(shape[1]))
        length, thick = int(rng.uniform(0.1, 1.0) * shape[1]), int(rng.integers(1, 4))
        run = np.exp(-3.0 * np.linspace(0.0, 1.0, max(length, 1)))[: shape[1] - first]
        sign = rng.choice([-0.5, 1.0])
        charge[row : row + thick, first : first + run.size] += sign * faults.charging_lines * run
    spoilt += charge * full * (0.25 + 0.75 * ndimage.gaussian_filter(ceramic, 3.0))
    if faults.astigmatism_px:
        spoilt = _astigmatic(spoilt, faults.astigmatism_px, rng.uniform(0.0, np.pi))
    return spoilt


def _frame(shape: tuple[int, ...], rng: np.random.Generator, depth: float) -> Floats:
    """Attenuation by the carbon of an earlier scan: a rectangle with a darker border."""
    attenuation = np.ones(shape)
    rows, columns = (
        slice(int(n * a), int(n * (a + b)))
        for n, a, b in zip(shape, rng.uniform(0.05, 0.5, 2), rng.uniform(0.2, 0.5, 2), strict=True)
    )
    attenuation[rows, columns] = 1.0 - depth
    border = attenuation < 1.0
    border &= ~ndimage.binary_erosion(border, iterations=3)
    attenuation[border] = 1.0 - 1.6 * depth
    soft: Floats = ndimage.gaussian_filter(attenuation, 1.0)
    return soft


def _astigmatic(grey: Floats, sigma_px: float, angle: float) -> Floats:
    """Blur along one direction; beyond the border the image goes on mirrored."""
    n_rows, n_columns = grey.shape
    padded = np.pad(grey, 16, mode="reflect")
    v, u = np.fft.fftfreq(padded.shape[0])[:, None], np.fft.rfftfreq(padded.shape[1])
    along = u * np.cos(angle) + v * np.sin(angle)
    spectrum = np.fft.rfft2(padded) * np.exp(-2.0 * (np.pi * sigma_px * along) ** 2)
    blurred: Floats = np.fft.irfft2(spectrum, padded.shape)[16 : 16 + n_rows, 16 : 16 + n_columns]
    return blurred
