"""A common grey scale for all scans, set by two reference phases: air and ceramic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, stats

from spallmap.blocks import Region, Sliceable, shape_of, whole
from spallmap.errors import DataWarning, InputError
from spallmap.tomography.blockwise.coarse import coarse_copy
from spallmap.tomography.grey.artefacts import Artefacts, measure_artefacts
from spallmap.tomography.grey.clipping import clipped_fractions
from spallmap.tomography.grey.levels import (
    ceramic_body,
    mirrored_median,
    phase_peaks,
    sodium_level,
)
from spallmap.tomography.grey.oddities import grey_warnings
from spallmap.tomography.grey.padding import Padding, padded_blocks, round_field
from spallmap.tomography.grey.slice_scaling import check_slices, slice_levels

# Where air comes to lie on the common scale; room below it keeps the noise from being cut off.
AIR_GREY = 10_000
# Where the ceramic comes to lie; the room above holds noise, cupping and denser casings.
CERAMIC_GREY = 50_000
# The surface of the ceramic against air; what is brighter is no sodium.
MIDDLE_GREY = (AIR_GREY + CERAMIC_GREY) / 2.0
# The levels are sought on a block-averaged copy of at most about this size: it also averages the noise.
MAX_COARSE_VOXELS = 2_000_000
# The noise is measured in about this many slices; 10 000 pairs of neighbours of each give it to 0.3 %.
NOISE_SLICES = 24
PAIRS_PER_SLICE = 10_000
# What is said of a volume without ceramic.
NO_CERAMIC = "no ceramic: no bright phase forms one solid, homogeneous body"


@dataclass(frozen=True)
class GreyScale:
    """The map from a scan's grey values to the common scale.

    It is linear, with rings and slow changes of the brightness taken out first where they were found to
    exceed the noise. What becomes of a voxel depends on its grey value and its position alone.

    Parameters
    ----------
    air_level : float
        Median grey of air in the scan.
    ceramic_level : float or None
        Median grey of the ceramic; None where there is none.
    sodium_level : float or None
        Grey of what fills the columns above and below the ceramic besides air; None where nothing does.
    noise_sd : float
        Standard deviation of neighbouring voxels' noise inside the ceramic (the brightest phase where there
        is none), in the scan's grey values.
    bright_level : float or None
        Grey of the brightest phase, which takes the ceramic's place on the scale where there is none.
    finding : str
        A sentence on what was not found; empty otherwise.
    padding_fraction : float
        Fraction of the volume that is padding.
    field_radius_voxels : float or None
        Radius of a round field of view in a padded volume.
    clipped_low_fraction, clipped_high_fraction : float
        Fractions of voxels with the least and with the greatest grey value, where so many have them that they
        must have been cut off; else 0, and 0 for the least where that is the padding.
    artefacts : Artefacts or None
        Rings and cupping: what was measured and what is removed. None: nothing was looked for.
    padding : Padding or None
        What is padding and becomes air; None where there is none.
    warnings : tuple of DataWarning
        What is odd in the scan and was used all the same.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.tomography import GreyScale
    >>> scale = GreyScale(air_level=100.0, ceramic_level=600.0, sodium_level=None, noise_sd=10.0)
    >>> scale.apply(np.array([[[100.0, 350.0, 600.0]]])).tolist()
    [[[10000, 30000, 50000]]]
    """

    air_level: float
    ceramic_level: float | None
    sodium_level: float | None
    noise_sd: float
    bright_level: float | None = None
    finding: str = ""
    padding_fraction: float = 0.0
    field_radius_voxels: float | None = None
    clipped_low_fraction: float = 0.0
    clipped_high_fraction: float = 0.0
    artefacts: Artefacts | None = None
    padding: Padding | None = None
    warnings: tuple[DataWarning, ...] = ()

    @property
    def reference_level(self) -> float:
        """Grey that comes to lie at :data:`CERAMIC_GREY`."""
        level = self.bright_level if self.ceramic_level is None else self.ceramic_level
        if level is None:
            raise ValueError("a grey scale needs the level of a second phase besides air")
        return level

    @property
    def gain(self) -> float:
        """Common grey values per grey value of the scan."""
        return (CERAMIC_GREY - AIR_GREY) / (self.reference_level - self.air_level)

    def apply(self, source: Sliceable, region: Region | None = None) -> NDArray[np.uint16]:
        """Bring a volume, or a part of it, to the common scale.

        Parameters
        ----------
        source : Sliceable
            The scan that the scale was made from.
        region : tuple of slice, optional
            The part that is wanted; everything where absent.

        Returns
        -------
        ndarray of uint16
            Air and padding at :data:`AIR_GREY`, ceramic at :data:`CERAMIC_GREY`; values beyond the type's
            range are clipped.
        """
        region = whole(source.shape) if region is None else region
        out = np.empty(shape_of(region), dtype=np.uint16)
        z, y, x = region
        for start in range(z.start, z.stop, 16):
            # Few slices at a time keep the float copies small.
            part = (slice(start, min(start + 16, z.stop)), y, x)
            grey = np.asarray(source[part]).astype(np.float32)
            padded = None
            if self.padding is not None:
                padded = (grey == np.float32(self.padding.grey)) & self.padding.outside(part)
            if self.artefacts is not None and self.artefacts.any_removed:
                self.artefacts.correct(grey, part, self.air_level)
            scaled = (grey - self.air_level) * self.gain + AIR_GREY
            np.clip(np.rint(scaled), 0, np.iinfo(np.uint16).max, out=scaled)
            if padded is not None:
                scaled[padded] = AIR_GREY
            out[start - z.start : part[0].stop - z.start] = scaled
        return out

    def as_json(self) -> dict[str, Any]:
        """Return everything but the tables of what is removed, for a JSON file.

        Returns
        -------
        dict
            Numbers, strings, None and dictionaries of such.
        """
        return {
            "air_level": self.air_level,
            "ceramic_level": self.ceramic_level,
            "sodium_level": self.sodium_level,
            "bright_level": self.bright_level,
            "noise_sd": self.noise_sd,
            "finding": self.finding,
            "padding_fraction": self.padding_fraction,
            "padding_grey": None if self.padding is None else self.padding.grey,
            "field_radius_voxels": self.field_radius_voxels,
            "clipped_low_fraction": self.clipped_low_fraction,
            "clipped_high_fraction": self.clipped_high_fraction,
            **({} if self.artefacts is None else self.artefacts.as_json()),
        }


def common_grey(
    source: Sliceable, source_label: str = "tomogram", threads: int = 1, *, slices_declared: bool = False
) -> GreyScale:
    """Find the grey levels of air and ceramic, and what rings and cupping have done to them.

    The ceramic is the brightest phase that forms one solid, homogeneous body; air is the darkest phase.
    Both levels are medians over the phase's own voxels, so that neither the amount of a phase nor cupping
    moves them differently in two scans of the same cell. Where nothing is such a body, the brightest phase
    takes its place on the scale, and the result says so.

    Parameters
    ----------
    source : Sliceable, shape (nz, ny, nx)
        Grey values of any real type; read twice, slice by slice.
    source_label : str
        What to call the volume in an error.
    threads : int
        Number of threads.
    slices_declared : bool
        Whether the user says that levels which jump from slice to slice are right; they are told then.

    Returns
    -------
    GreyScale
        The levels and corrections.

    Raises
    ------
    InputError
        If the volume is not three-dimensional, holds NaN or infinity, is constant, shows a single phase,
        lacks slices, or has slices that were scaled one by one.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.tomography import common_grey
    >>> z, y, x = np.mgrid[:40, :60, :60]
    >>> scan = np.where((abs(z - 20) < 12) & (np.hypot(y - 30, x - 30) < 24), 600.0, 100.0)
    >>> scan += np.random.default_rng(1).normal(0.0, 10.0, scan.shape)
    >>> scale = common_grey(scan)
    >>> round(scale.air_level), round(scale.ceramic_level), round(scale.noise_sd)
    (100, 600, 10)
    >>> grey = scale.apply(scan)
    >>> grey.dtype, round(float(grey[20, 30, 30]), -4)
    (dtype('uint16'), 50000.0)
    """
    _check(source, source_label)
    coarse = coarse_copy(source, MAX_COARSE_VOXELS, 2, source_label, threads)
    if coarse.lowest == coarse.highest:
        raise InputError(
            source_label,
            f"the same grey value {coarse.lowest:g} in every voxel",
            "a tomogram that shows something: reconstruct or export it again",
        )
    levels = slice_levels(coarse.tiles, coarse.at_ends, coarse.moments, source.shape[1] * source.shape[2])
    warnings = check_slices(levels, source_label, declared=slices_declared)
    padded = padded_blocks(coarse)
    # A block that holds some padding is neither padding nor air.
    around = ndimage.binary_dilation(padded, np.ones((3, 3, 3), dtype=bool))
    valid = ~around
    values = coarse.values
    peaks = phase_peaks(values[valid])
    if len(peaks) < 2:
        raise InputError(source_label, "a single grey phase", "air and a ceramic that is brighter")
    air = mirrored_median(values[valid], peaks[0], (peaks[0] + peaks[1]) / 2.0)
    field = round_field(padded, coarse.factor)
    padding = None
    if padded.any():
        grey = float(values[padded][0])
        # The circle is found on blocks: keep it a block inside the field.
        edge = 2.0 * max(coarse.factor)
        circle = None if field is None else (field[0], field[1], field[2] - edge)
        padding = Padding(grey, grey <= air, around, coarse.factor, circle)
        values = np.where(padded, np.float32(air), values)
    body = ceramic_body(values, peaks, air)
    if body is None:
        bright = float(peaks[-1])
        phase = _interior(np.abs(values - bright) < (bright - float(peaks[-2])) / 2.0)
        ceramic = None
        sodium = None
    else:
        phase = _interior(body)
        ceramic = float(np.median(values[phase]))
        bright = ceramic
        sodium = sodium_level(values, body, air, ceramic)
    noise = _noise_sd(source, phase, coarse.factor)
    artefacts = None
    if body is not None:
        # Elsewhere rings could not be distinguished from a round can, nor cupping from its shells.
        artefacts = measure_artefacts(source, coarse, phase, air, bright, noise, threads)
    clipped = clipped_fractions(source, coarse, padded)
    warnings += grey_warnings(source, coarse, body, padded, artefacts, (air, bright), source_label)
    return GreyScale(
        air_level=air,
        ceramic_level=ceramic,
        sodium_level=sodium,
        noise_sd=noise,
        bright_level=bright,
        finding=NO_CERAMIC if body is None else "",
        padding_fraction=float(np.mean(padded)),
        field_radius_voxels=None if field is None else field[2],
        clipped_low_fraction=clipped[0],
        clipped_high_fraction=clipped[1],
        artefacts=artefacts,
        padding=padding,
        warnings=warnings,
    )


def _check(source: Sliceable, source_label: str) -> None:
    if len(source.shape) != 3 or min(source.shape) < 2:
        raise InputError(
            source_label,
            f"an array of shape {source.shape}",
            "a volume of at least 2 voxels along z, y and x",
        )
    if source.dtype.kind not in "iuf":
        raise InputError(source_label, f"values of type {source.dtype}", "real grey values")


def _interior(phase: NDArray[np.bool_]) -> NDArray[np.bool_]:
    inner: NDArray[np.bool_] = ndimage.binary_erosion(phase, iterations=2)
    return inner if inner.any() else phase


def _noise_sd(source: Sliceable, phase: NDArray[np.bool_], factor: tuple[int, int, int]) -> float:
    """Robust standard deviation of the differences of neighbours in a phase, over the root of two."""
    fz, fy, fx = factor
    planes = np.flatnonzero(phase.any(axis=(1, 2)))
    differences = []
    for k in planes[:: max(1, len(planes) // NOISE_SLICES)]:
        rows, columns = np.nonzero(phase[k])
        step = max(1, len(rows) // PAIRS_PER_SLICE)
        y, x = rows[::step] * fy, columns[::step] * fx
        image = np.asarray(source[k * fz : k * fz + 1, 0 : source.shape[1], 0 : source.shape[2]])[0]
        aside = np.where(x + 1 < image.shape[1], x + 1, x - 1)
        differences.append(image[y, aside].astype(np.float64) - image[y, x])
    difference = np.concatenate(differences)
    return float(1.4826 * stats.median_abs_deviation(difference) / np.sqrt(2.0))
