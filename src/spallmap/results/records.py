"""An acquisition's results as one small record: what figures and pages are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from spallmap.frames import AffineMap
from spallmap.registration.result import Registration

# Below three times the noise the Rician magnitude is nearly all noise floor and a T2 says nothing
# (Gudbjartsson and Patz, Magn. Reson. Med. 34, 910, 1995).
SNR_SHOWN = 3.0
# What the fit's status channel says of a pixel without a flag.
STATUS_OK = 0
# What counts as a long T2 where a summary does not say.
DEFAULT_LONG_MS = 12.0


@dataclass(frozen=True)
class XctRecord:
    """A tomogram of one state.

    Parameters
    ----------
    state, name : str
        As in the table of acquisitions.
    grey : ndarray, shape (nz, ny, nx)
        Grey values, on the common scale where there are two states.
    spacing_um : tuple of float
        Voxel size along z, y, x.
    phases : ndarray of uint8, shape (nz, ny, nx), optional
        1 ceramic, 2 sodium, 3 crack or void, 4 other solid, 5 outside air.
    cracks : ndarray of int, shape (nz, ny, nx), optional
        Each crack its own number.
    cracks_table : DataFrame, optional
        As cracks.csv.
    registration : Registration, optional
        To the reference frame; None for the reference itself.

    Examples
    --------
    >>> record = XctRecord("shorted", "ct", np.zeros((4, 5, 6), np.uint16), (5.0, 4.0, 4.0))
    >>> record.is_reference
    True
    """

    state: str
    name: str
    grey: NDArray[Any]
    spacing_um: tuple[float, float, float]
    phases: NDArray[Any] | None = None
    cracks: NDArray[Any] | None = None
    cracks_table: pd.DataFrame | None = None
    registration: Registration | None = None

    @property
    def is_reference(self) -> bool:
        """Whether its frame is the cell's frame."""
        return self.registration is None


@dataclass(frozen=True)
class MriRecord:
    """An echo series of one state and what was fitted to it.

    Parameters
    ----------
    state, name : str
        As in the table of acquisitions.
    echoes : ndarray, shape (n_echo, ny, nx) or (n_echo, nz, ny, nx)
        Magnitudes.
    te_ms : tuple of float
        Echo times.
    spacing_um : tuple of float
        Along the spatial axes, array order.
    t2 : mapping of str to ndarray
        The channels of t2.ome.tif by name, each of the spatial shape.
    regions : ndarray of int, optional
        Long-T2 regions, labelled.
    regions_table : DataFrame, optional
        As regions.csv.
    summary : mapping
        As t2.json.
    registration : Registration, optional
        To the reference frame; None where nothing could be registered.
    unregistered : str
        Why there is no registration.
    remark : str
        A remark to print with its pictures, such as which slice is shown.

    Examples
    --------
    >>> echoes = np.ones((2, 3, 4, 5))
    >>> regions = np.zeros((3, 4, 5), int)
    >>> regions[1, 2, 2:4] = 1
    >>> t2 = {"t2_ms": np.full((3, 4, 5), 9.0), "snr": np.full((3, 4, 5), 2.0)}
    >>> record = MriRecord("shorted", "a", echoes, (2.0, 6.5), (500.0, 46.0, 23.0), t2, regions)
    >>> plane = record.plane()
    >>> plane.remark, plane.echoes.shape, plane.spacing_um
    ('slice 2 of 3', (2, 4, 5), (46.0, 23.0))
    >>> record.long_ms, bool(record.usable().any())
    (12.0, False)
    """

    state: str
    name: str
    echoes: NDArray[Any]
    te_ms: tuple[float, ...]
    spacing_um: tuple[float, ...]
    t2: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    regions: NDArray[Any] | None = None
    regions_table: pd.DataFrame | None = None
    summary: Mapping[str, Any] = field(default_factory=dict)
    registration: Registration | None = None
    unregistered: str = "there is no tomogram to register it to"
    remark: str = ""

    @property
    def sigma(self) -> float | None:
        """Noise of one channel, in the units of the echoes; None where it was not estimated."""
        value = self.summary.get("noise_sigma")
        return None if value is None or not np.isfinite(value) else float(value)

    @property
    def long_ms(self) -> float:
        """What counts as a long T2."""
        return float(self.summary.get("long", {}).get("threshold_ms", DEFAULT_LONG_MS))

    def plane(self) -> MriRecord:
        """Return the slice to draw: itself, or of several slices the one that shows most.

        Returns
        -------
        MriRecord
            With arrays of two spatial axes. Of several slices the one with the most pixels in long-T2
            regions, then the one with the strongest first echo, and a remark that says so.
        """
        if len(self.spacing_um) == 2:
            return self
        counts = np.zeros(self.echoes.shape[1])
        if self.regions is not None:
            counts = np.count_nonzero(self.regions, axis=(1, 2)).astype(float)
        signal = np.nanmean(self.echoes[0].astype(np.float64), axis=(1, 2))
        k = int(np.lexsort((signal, counts))[-1])
        registration = self.registration
        if registration is not None:
            lift = AffineMap.from_parts(np.eye(3), (0.0, 0.0, k * self.spacing_um[0]))
            registration = replace(registration, map=registration.map @ lift)
        return replace(
            self,
            echoes=self.echoes[:, k],
            spacing_um=self.spacing_um[1:],
            t2={name: channel[k] for name, channel in self.t2.items()},
            regions=None if self.regions is None else self.regions[k],
            registration=registration,
            remark=f"slice {k + 1} of {self.echoes.shape[1]}",
        )

    def usable(self) -> NDArray[np.bool_]:
        """Pixels whose T2 may be shown: fitted without a flag and above the noise."""
        t2 = np.asarray(self.t2["t2_ms"])
        shown: NDArray[np.bool_] = np.isfinite(t2)
        if "snr" in self.t2:
            shown &= np.asarray(self.t2["snr"]) >= SNR_SHOWN
        if "status" in self.t2:
            shown &= np.asarray(self.t2["status"]) == STATUS_OK
        return shown


@dataclass(frozen=True)
class SectionRecord:
    """An SEM image of one state.

    Parameters
    ----------
    state, name : str
        As in the table of acquisitions.
    grey : ndarray, shape (ny, nx)
        Grey values.
    spacing_um : tuple of float
        Pixel size along y, x.
    mask : ndarray of bool, optional
        False in the data bar.
    registration : Registration, optional
        To the reference frame.
    unregistered : str
        Why there is no registration.

    Examples
    --------
    >>> record = SectionRecord("shorted", "overview", np.zeros((30, 40), np.uint8), (0.5, 0.5))
    >>> record.unregistered
    'there is no tomogram to register it to'
    """

    state: str
    name: str
    grey: NDArray[Any]
    spacing_um: tuple[float, float]
    mask: NDArray[np.bool_] | None = None
    registration: Registration | None = None
    unregistered: str = "there is no tomogram to register it to"


@dataclass(frozen=True)
class ElementsRecord:
    """Element maps of one state.

    Parameters
    ----------
    state, name : str
        As in the table of acquisitions.
    counts : ndarray, shape (n_elements, ny, nx)
        Net counts.
    elements : tuple of str
        One name per map.
    spacing_um : tuple of float
        Pixel size along y, x.
    registration : Registration, optional
        To the SEM image that they are drawn on.
    unregistered : str
        Why there is no registration.

    Examples
    --------
    >>> record = ElementsRecord("shorted", "map", np.zeros((2, 30, 40)), ("Na", "Al"), (1.0, 1.0))
    >>> record.counts[record.elements.index("Al")].shape
    (30, 40)
    """

    state: str
    name: str
    counts: NDArray[Any]
    elements: tuple[str, ...]
    spacing_um: tuple[float, float]
    registration: Registration | None = None
    unregistered: str = "there is no SEM image to register it to"


@dataclass(frozen=True)
class CrackSurface:
    """The cracks' mid-surfaces in the reference frame.

    Parameters
    ----------
    points_um : ndarray, shape (n, 3)
        Points (x, y, z).
    triangles : ndarray of int, shape (m, 3)
        Indices of points.
    point_data : mapping of str to ndarray, shape (n,)
        crack, aperture_um, depth_um, dip_deg.

    Examples
    --------
    >>> CrackSurface(np.zeros((0, 3)), np.zeros((0, 3), np.int64)).empty
    True
    """

    points_um: NDArray[np.float64]
    triangles: NDArray[np.int64]
    point_data: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return len(self.triangles) == 0


def reference_of(tomograms: Sequence[XctRecord]) -> XctRecord | None:
    """Return the tomogram whose frame is the cell's frame.

    Parameters
    ----------
    tomograms : sequence of XctRecord
        Of one cell.

    Returns
    -------
    XctRecord or None
        The first that needs no registration; None where there is none.

    Examples
    --------
    >>> record = XctRecord("shorted", "ct", np.zeros((4, 5, 6)), (5.0, 4.0, 4.0))
    >>> reference_of([record]).name
    'ct'
    >>> reference_of([]) is None
    True
    """
    return next((x for x in tomograms if x.is_reference), None)


def main_crack(tomogram: XctRecord) -> int | None:
    """Return the number of the crack to show: the one with the largest volume.

    Parameters
    ----------
    tomogram : XctRecord
        A tomogram and its cracks.

    Returns
    -------
    int or None
        Its number in ``cracks``; None where there is no crack.

    Examples
    --------
    >>> cracks = np.array([[[0, 1, 2, 2]]])
    >>> main_crack(XctRecord("shorted", "ct", np.zeros((1, 1, 4)), (5.0, 4.0, 4.0), cracks=cracks))
    2
    """
    if tomogram.cracks is None:
        return None
    sizes = np.bincount(np.asarray(tomogram.cracks).ravel())
    if sizes.size < 2 or sizes[1:].max() == 0:
        return None
    return int(np.argmax(sizes[1:]) + 1)
