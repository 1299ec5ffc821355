"""The registered cell in three dimensions, as datasets for ParaView."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyvista as pv
from numpy.typing import NDArray
from skimage import measure

from spallmap.figures.planes import box_corners
from spallmap.frames import AffineMap, indices_to_points
from spallmap.results import vtk
from spallmap.results.records import CrackSurface, MriRecord, SectionRecord, XctRecord
from spallmap.tomography.labels import SODIUM

# Electrode surfaces are there for orientation: a mesh of this many triangles rotates smoothly on any machine.
ELECTRODE_TRIANGLES = 20_000
# Samples between which a surface is traced are averaged over blocks of this many voxels a side.
ELECTRODE_BLOCK = 3
SECTION_PIXELS = 700


def scene_datasets(
    reference: XctRecord,
    surface: CrackSurface | None = None,
    series: Sequence[MriRecord] = (),
    sections: Sequence[SectionRecord] = (),
) -> dict[str, pv.DataSet]:
    """Build every dataset of the scene in the reference frame, coordinates in micrometres.

    Parameters
    ----------
    reference : XctRecord
        The reference tomogram with its phases.
    surface : CrackSurface, optional
        The cracks' mid-surfaces.
    series : sequence of MriRecord
        MRI of the cell; only accepted registrations are placed.
    sections : sequence of SectionRecord
        SEM images; only accepted registrations are placed.

    Returns
    -------
    dict of str to pyvista.DataSet
        ``cracks``, ``electrodes``, ``sem_<state>_<name>``, ``mri_<state>_<name>``,
        ``lines_of_sight_<state>_<name>``.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.results.records import XctRecord
    >>> phases = np.zeros((20, 20, 20), dtype=np.uint8)
    >>> phases[6:15, 6:15, 6:15] = 2
    >>> sodium = XctRecord("shorted", "scan", phases, (10.0, 10.0, 10.0), phases)
    >>> scene = scene_datasets(sodium)
    >>> list(scene), [round(float(x)) for x in scene["electrodes"].center]
    (['electrodes'], [100, 100, 100])
    """
    datasets: dict[str, pv.DataSet] = {}
    if surface is not None and not surface.empty:
        datasets["cracks"] = vtk.surface(surface.points_um, surface.triangles, surface.point_data)
    if reference.phases is not None:
        electrodes = _electrode_mesh(np.asarray(reference.phases) == SODIUM, reference.spacing_um)
        if electrodes is not None:
            datasets["electrodes"] = electrodes
    for section in sections:
        if section.registration is not None and section.registration.accepted:
            datasets[f"sem_{section.state}_{section.name}"] = _section_grid(section, section.registration.map)
    for mri in series:
        plane = mri.plane()
        if plane.registration is None or not plane.registration.accepted:
            continue
        datasets[f"mri_{mri.state}_{mri.name}"] = _mri_grid(plane, plane.registration.map)
        if plane.regions is not None and np.any(plane.regions):
            datasets[f"lines_of_sight_{mri.state}_{mri.name}"] = _region_lines_of_sight(
                plane, plane.registration.map, reference
            )
    return datasets


def _electrode_mesh(sodium: NDArray[np.bool_], spacing_um: Sequence[float]) -> pv.PolyData | None:
    """Trace the surface of the sodium, coarsely.

    Parameters
    ----------
    sodium : ndarray of bool, shape (nz, ny, nx)
        The sodium.
    spacing_um : sequence of float
        Voxel size.

    Returns
    -------
    pyvista.PolyData or None
        None where there is no sodium to trace.
    """
    k = ELECTRODE_BLOCK
    shape = tuple(n // k for n in sodium.shape)
    if min(shape) < 2:
        return None
    trimmed = sodium[tuple(slice(0, n * k) for n in shape)].astype(np.float32)
    coarse = trimmed.reshape(shape[0], k, shape[1], k, shape[2], k).mean(axis=(1, 3, 5))
    padded = np.pad(coarse, 1)
    if padded.max() <= 0.5:
        return None
    vertices, faces, _, _ = measure.marching_cubes(padded, 0.5)
    # A block's value belongs to its centre, half a block less half a voxel from its first sample.
    indices = (vertices - 1.0) * k + (k - 1) / 2.0
    mesh = vtk.surface(indices_to_points(indices, spacing_um), faces[:, ::-1])
    excess = 1.0 - ELECTRODE_TRIANGLES / max(len(faces), 1)
    return mesh.decimate(excess) if excess > 0.0 else mesh


def _region_lines_of_sight(plane: MriRecord, to_reference: AffineMap, reference: XctRecord) -> pv.PolyData:
    """Draw the line of sight of every pixel of the long-T2 regions through the tomogram.

    Parameters
    ----------
    plane : MriRecord
        A plane with regions.
    to_reference : AffineMap
        From the plane's frame to the reference frame.
    reference : XctRecord
        The tomogram; lines end where its box ends along them.

    Returns
    -------
    pyvista.PolyData
        One line per pixel, with the region's number as cell data.
    """
    labels = np.asarray(plane.regions)
    pixels = np.argwhere(labels > 0)
    depths = to_reference.inverse()(box_corners(reference.grey.shape, reference.spacing_um))[:, 2]
    starts = indices_to_points(pixels, plane.spacing_um)
    ends = starts.copy()
    starts[:, 2], ends[:, 2] = depths.min(), depths.max()
    n = len(pixels)
    points = np.concatenate([to_reference(starts), to_reference(ends)])
    lines = np.column_stack([np.full(n, 2), np.arange(n), np.arange(n) + n])
    mesh = pv.PolyData(points, lines=lines.ravel())
    mesh.cell_data["region"] = labels[tuple(pixels.T)]
    return mesh


def _section_grid(section: SectionRecord, to_reference: AffineMap) -> pv.StructuredGrid:
    step = max(1, -(-max(section.grey.shape) // SECTION_PIXELS))
    channels = {"sem_grey": np.asarray(section.grey)[::step, ::step]}
    if section.mask is not None:
        channels["specimen"] = section.mask[::step, ::step].astype(np.uint8)
    dy, dx = section.spacing_um
    return vtk.image_plane(channels, (dy * step, dx * step), to_reference)


def _mri_grid(plane: MriRecord, to_reference: AffineMap) -> pv.StructuredGrid:
    # Pixels become cells, so that the plane shows whole pixels and not values smeared between centres.
    ny, nx = plane.echoes.shape[-2:]
    corners = np.stack(np.meshgrid(np.arange(ny + 1) - 0.5, np.arange(nx + 1) - 0.5, indexing="ij"), axis=-1)
    grid = pv.StructuredGrid()
    grid.points = to_reference(indices_to_points(corners, plane.spacing_um)).reshape(-1, 3)
    grid.dimensions = (nx + 1, ny + 1, 1)
    channels = {"first_echo": plane.echoes[0]}
    channels |= {name: plane.t2[name] for name in ("t2_ms", "p_long", "snr") if name in plane.t2}
    if plane.regions is not None:
        channels["region"] = plane.regions
    for name, values in channels.items():
        grid.cell_data[name] = np.asarray(values).ravel()
    return grid
