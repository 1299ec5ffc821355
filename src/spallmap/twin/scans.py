"""All acquisitions of one cell in memory, each with its own pose and its own random numbers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from spallmap.frames import AffineMap
from spallmap.twin.faults.cell_faults import CellFaults
from spallmap.twin.faults.sem_faults import stretched
from spallmap.twin.geometry import CellGeometry
from spallmap.twin.mri import MriScan, simulate_mri
from spallmap.twin.poses import draw_inset_pose, draw_mri_pose, draw_section_pose, draw_xct_pose
from spallmap.twin.sem import SemImage, bar_row_of, draw_section_look, simulate_edx, simulate_sem
from spallmap.twin.shapes import CellStates, Kind, draw_cell
from spallmap.twin.sizes import FULL, Sizes
from spallmap.twin.xct import XctScan, draw_look, simulate_xct

State = Literal["pristine", "shorted"]
STATES: tuple[State, ...] = ("pristine", "shorted")

# Echo times, ms.
TE_MS = (2.0, 6.0, 10.0, 14.0, 18.0)

_STREAMS = ("geometry", "look", "pose", "xct", "mri", "section", "grains", "sem", "detail", "edx")


def stream(seed: int, name: str, state: State = "shorted") -> np.random.Generator:
    """Random numbers of one component of a cell, independent of those of every other component.

    Parameters
    ----------
    seed : int
        The cell's seed, not negative.
    name : str
        The component.
    state : {"pristine", "shorted"}
        The state that it belongs to.

    Returns
    -------
    numpy.random.Generator
        Always the same for the same arguments.
    """
    return np.random.default_rng([seed, _STREAMS.index(name), STATES.index(state)])


@dataclass(frozen=True)
class SectionScan:
    """The images of one section.

    Parameters
    ----------
    overview, detail : SemImage
        Electron images.
    edx : ndarray of uint16, shape (4, n_rows, n_columns)
        Element counts.
    edx_to_cell : AffineMap
        From the element maps' points to the cell frame.
    detail_to_overview, edx_to_overview : AffineMap
        Where the two lie in the overview.

    Examples
    --------
    >>> from spallmap.twin import Sizes, TwinCell
    >>> small = Sizes(
    ...     sem_shape=(100, 150),
    ...     sem_spacing_um=6.0,
    ...     detail_shape=(40, 50),
    ...     detail_spacing_um=2.0,
    ...     edx_shape=(30, 40),
    ...     edx_spacing_um=12.0,
    ... )
    >>> section = TwinCell(7, sizes=small).section()
    >>> section.detail.image.shape, section.edx.shape
    ((40, 50), (4, 30, 40))
    """

    overview: SemImage
    detail: SemImage
    edx: NDArray[np.uint16]
    edx_to_cell: AffineMap
    detail_to_overview: AffineMap
    edx_to_overview: AffineMap


@dataclass(frozen=True)
class TwinCell:
    """One simulated cell, of which acquisitions can be asked for.

    Parameters
    ----------
    seed : int
        Decides everything.
    kind : {"dendrite", "control"}
        Whether the shorted state has a crack with sodium.
    decoy : bool
        Whether it has a second crack without sodium.
    sizes : Sizes
        Matrices and pixel sizes.
    aperture_um : float, optional
        Typical aperture of the crack instead of a random one.
    faults : CellFaults
        What goes wrong at the instruments.

    Examples
    --------
    >>> from spallmap.twin import Sizes
    >>> twin = TwinCell(7, sizes=Sizes(xct_shape=(24, 40, 40), xct_spacing_um=37.0))
    >>> twin.geometry("pristine").crack is None, twin.xct("shorted").volume.shape
    (True, (24, 40, 40))
    """

    seed: int
    kind: Kind = "dendrite"
    decoy: bool = True
    sizes: Sizes = FULL
    aperture_um: float | None = None
    faults: CellFaults = field(default_factory=CellFaults)

    def states(self) -> CellStates:
        """Both states' geometry."""
        return draw_cell(
            stream(self.seed, "geometry"), kind=self.kind, decoy=self.decoy, aperture_um=self.aperture_um
        )

    def geometry(self, state: State) -> CellGeometry:
        """Geometry of one state."""
        return cast(CellGeometry, getattr(self.states(), state))

    def xct_to_cell(self, state: State) -> AffineMap:
        """Pose of a state's whole tomogram; a field of view that cuts the cell has another origin."""
        rng = stream(self.seed, "pose", state)
        return draw_xct_pose(rng, self.sizes.xct_shape, self.sizes.xct_spacing_um)

    def xct_frame_to_cell(self, state: State) -> AffineMap:
        """Pose of a state's tomogram as it is delivered."""
        pose, faults = self.xct_to_cell(state), self.faults.xct.get(state)
        if faults is None:
            return pose
        _, (row, column) = faults.field(self.sizes.xct_shape)
        first = self.sizes.xct_spacing_um * np.array([column, row, 0.0])
        return pose @ AffineMap.from_parts(np.eye(3), first)

    def xct(self, state: State) -> XctScan:
        """Tomogram of a state; both states share the scanner, but not its settings to the per cent."""
        look, rng = draw_look(stream(self.seed, "look")), stream(self.seed, "xct", state)
        gain = rng.uniform(0.99, 1.01)
        greys = {name: gain * getattr(look, name) for name in ("gas", "sodium", "casing", "ceramic")}
        size = self.sizes
        return simulate_xct(
            self.geometry(state),
            self.xct_to_cell(state),
            rng,
            shape=size.xct_shape,
            spacing_um=size.xct_spacing_um,
            look=replace(look, **greys),
            faults=self.faults.xct.get(state),
        )

    def mri(self, state: State) -> MriScan:
        """MRI of a state."""
        rng = stream(self.seed, "mri", state)
        shape, spacing = self.sizes.mri_shape, self.sizes.mri_spacing_um
        pose = draw_mri_pose(rng, shape, spacing, self.xct_to_cell("shorted"))
        return simulate_mri(
            self.geometry(state),
            pose,
            rng,
            shape=shape,
            spacing_um=spacing,
            te_ms=TE_MS,
            faults=self.faults.mri.get(state),
        )

    def section(self) -> SectionScan:
        """Section of the shorted state."""
        size, geometry = self.sizes, self.geometry("shorted")
        rng = stream(self.seed, "section")
        depth = 60.0 if geometry.crack is None else 0.5 * geometry.crack.depth_um
        usable = (bar_row_of(size.sem_shape[0]), size.sem_shape[1])
        to_cell = draw_section_pose(rng, geometry, usable, size.sem_spacing_um, depth)
        edx_to_overview = draw_inset_pose(
            rng, size.edx_shape, size.edx_spacing_um, self._edx_middle(rng, usable), 1.0
        )
        middle = self._detail_middle(rng, geometry, to_cell, usable)
        detail_to_overview = draw_inset_pose(rng, size.detail_shape, size.detail_spacing_um, middle, 4.0)
        extent = (size.sem_shape[0] * size.sem_spacing_um, size.sem_shape[1] * size.sem_spacing_um)
        look = draw_section_look(stream(self.seed, "grains"), extent)
        overview = simulate_sem(
            geometry,
            to_cell,
            stream(self.seed, "sem"),
            look=look,
            shape=size.sem_shape,
            spacing_um=size.sem_spacing_um,
            faults=self.faults.overview,
        )
        detail = simulate_sem(
            geometry,
            to_cell @ detail_to_overview,
            stream(self.seed, "detail"),
            look=look,
            to_overview=detail_to_overview,
            shape=size.detail_shape,
            spacing_um=size.detail_spacing_um,
            faults=self.faults.detail,
        )
        edx_to_cell = to_cell @ edx_to_overview
        if self.faults.overview.tilt_stretch:
            edx_to_cell = stretched(edx_to_cell, size.edx_shape, size.edx_spacing_um, self.faults.overview)
        edx = simulate_edx(
            geometry,
            edx_to_cell,
            stream(self.seed, "edx"),
            shape=size.edx_shape,
            spacing_um=size.edx_spacing_um,
            faults=self.faults.edx,
        )
        if self.faults.overview.tilt_stretch or self.faults.detail.tilt_stretch:
            from_cell = overview.to_cell.inverse()
            detail_to_overview, edx_to_overview = from_cell @ detail.to_cell, from_cell @ edx_to_cell
        return SectionScan(overview, detail, edx, edx_to_cell, detail_to_overview, edx_to_overview)

    def _edx_middle(self, rng: np.random.Generator, usable: tuple[int, int]) -> NDArray[np.float64]:
        """Middle of the element maps: about that of the overview, so that they lie in it."""
        size = self.sizes
        room = [
            n * size.sem_spacing_um - m * size.edx_spacing_um
            for n, m in zip(usable, size.edx_shape, strict=True)
        ]
        v, u = (
            (n - 1) * size.sem_spacing_um / 2.0 + rng.uniform(-0.35, 0.35) * max(r - 20.0, 0.0)
            for n, r in zip(usable, room, strict=True)
        )
        return np.array([u, v, 0.0])

    def _detail_middle(
        self, rng: np.random.Generator, geometry: CellGeometry, to_cell: AffineMap, usable: tuple[int, int]
    ) -> NDArray[np.float64]:
        """Middle of the detail: on the crack where the section meets it, else on the ceramic's face."""
        size = self.sizes
        along, jitter = rng.uniform(-0.6, 0.6), rng.uniform(-10.0, 10.0, 2)
        x, y, z = geometry.site_um
        reach, depth = 120.0, 30.0
        u = to_cell.linear[:, 0]
        if geometry.crack is not None:
            reach = geometry.crack.rim.radius_um
            depth = geometry.crack.depth_um * (1.0 - along**2)
        target = np.array([x, y, z]) + along * reach * u - np.array([0.0, 0.0, np.sign(z) * depth])
        middle = to_cell.inverse()(target)
        low = np.array([size.detail_shape[1], size.detail_shape[0]]) * size.detail_spacing_um * 0.6
        high = np.array([usable[1], usable[0]]) * size.sem_spacing_um - low
        inside = np.clip(middle[:2] + jitter, low, high)
        return np.array([inside[0], inside[1], 0.0])
