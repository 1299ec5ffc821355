"""Surfaces and scenes for ParaView and other VTK programs."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spallmap.frames import AffineMap, grid_points
from spallmap.results.atomic import atomic_path, replace

if TYPE_CHECKING:
    import pyvista as pv


def surface(
    points_xyz: ArrayLike, triangles: ArrayLike, point_data: Mapping[str, ArrayLike] | None = None
) -> pv.PolyData:
    """Make a triangle mesh.

    Parameters
    ----------
    points_xyz : array_like, shape (n, 3)
        Points (x, y, z) in um.
    triangles : array_like, shape (m, 3)
        Indices of each triangle's points; with m = 0 the points become single vertices.
    point_data : mapping of str to array_like, shape (n,) or (n, k)
        Values at the points.

    Returns
    -------
    pyvista.PolyData
        The mesh.

    Raises
    ------
    ValueError
        If the arrays do not fit each other.

    Examples
    --------
    >>> corners = [(0, 0, 0), (10, 0, 0), (0, 10, 0)]
    >>> mesh = surface(corners, [(0, 1, 2)], {"crack": [1, 1, 1]})
    >>> mesh.n_points, mesh.n_cells, mesh.array_names
    (3, 1, ['crack'])
    """
    import pyvista as pv

    points = np.asarray(points_xyz, dtype=np.float32).reshape(-1, 3)
    faces = np.asarray(triangles, dtype=np.int64).reshape(-1, 3)
    if faces.size and not (faces.min() >= 0 and faces.max() < len(points)):
        raise ValueError(f"triangles name points beyond the {len(points)} there are")
    if len(faces):
        mesh = pv.PolyData(points, faces=np.insert(faces, 0, 3, axis=1).ravel())
    else:
        mesh = pv.PolyData(points) if len(points) else pv.PolyData()
    for name, values in (point_data or {}).items():
        array = np.asarray(values)
        if len(array) != len(points):
            raise ValueError(f"{len(array)} values of {name} for {len(points)} points")
        mesh.point_data[name] = array
    return mesh


def image_plane(
    channels: Mapping[str, NDArray[Any]], spacing_um: Sequence[float], to_reference: AffineMap
) -> pv.StructuredGrid:
    """Place an image in the reference frame.

    Parameters
    ----------
    channels : mapping of str to ndarray, shape (rows, columns)
        Values by name, on one grid.
    spacing_um : sequence of float
        (row spacing, column spacing), um.
    to_reference : AffineMap
        From the image's frame to the reference frame.

    Returns
    -------
    pyvista.StructuredGrid
        One point for each pixel's centre.

    Raises
    ------
    ValueError
        If there is no channel, or they differ in shape.

    Examples
    --------
    >>> raised = AffineMap.from_parts(np.eye(3), (0.0, 0.0, 100.0))
    >>> plane = image_plane({"t2_ms": np.ones((2, 3))}, (46.0, 23.0), raised)
    >>> plane.n_points, plane.bounds.z_min, plane.bounds.x_max
    (6, 100.0, 46.0)
    """
    import pyvista as pv

    shapes = {np.shape(c) for c in channels.values()}
    if len(shapes) != 1:
        raise ValueError(f"channels of one shape are needed; got {sorted(shapes)}")
    shape = shapes.pop()
    points = to_reference(grid_points(shape, spacing_um)).astype(np.float32)
    grid = pv.StructuredGrid()
    grid.points = points.reshape(-1, 3)
    grid.dimensions = (shape[1], shape[0], 1)
    for name, values in channels.items():
        grid.point_data[name] = np.ascontiguousarray(values).ravel()
    return grid


def write_polydata(
    path: Path | str,
    points_xyz: ArrayLike,
    triangles: ArrayLike,
    point_data: Mapping[str, ArrayLike] | None = None,
) -> None:
    """Write a triangle mesh as ``.vtp``.

    Parameters
    ----------
    path : Path or str
        The file.
    points_xyz, triangles, point_data
        As for :func:`surface`.

    Raises
    ------
    ValueError
        If the arrays do not fit each other.

    Examples
    --------
    >>> import tempfile
    >>> corners = [(0, 0, 0), (10, 0, 0), (0, 10, 0)]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_polydata(Path(folder, "cracks.vtp"), corners, [(0, 1, 2)], {"aperture_um": [1.0, 2.0, 3.0]})
    ...     points_um, triangles, point_data = read_polydata(Path(folder, "cracks.vtp"))
    >>> points_um.tolist(), triangles.tolist(), point_data["aperture_um"].tolist()
    ([[0.0, 0.0, 0.0], [10.0, 0.0, 0.0], [0.0, 10.0, 0.0]], [[0, 1, 2]], [1.0, 2.0, 3.0])
    """
    with atomic_path(path) as part:
        surface(points_xyz, triangles, point_data).save(part)


def write_scene(path: Path | str, blocks: Mapping[str, pv.DataSet]) -> None:
    """Write named meshes as one ``.vtm`` with its side folder.

    Parameters
    ----------
    path : Path or str
        Ends in ``.vtm``; the blocks go into a folder of the same name without the suffix.
    blocks : mapping of str to pyvista.DataSet
        The meshes; empty ones are left out, since VTK writes no file for them.

    Examples
    --------
    >>> import tempfile
    >>> mesh = surface([(0, 0, 0), (10, 0, 0), (0, 10, 0)], [(0, 1, 2)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_scene(Path(folder, "scene.vtm"), {"cracks": mesh})
    ...     sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*"))
    ['scene', 'scene.vtm', 'scene/scene_0.vtp']
    """
    import pyvista as pv

    path = Path(path)
    scene = pv.MultiBlock()
    for name, mesh in blocks.items():
        if mesh.n_points:
            scene.append(mesh, name)
    # VTK names the side folder after the file and writes that name into it, so both are made under their own
    # names in a temporary folder
    with atomic_path(path.with_name(f"{path.stem}.writing")) as part:
        part.mkdir()
        scene.save(part / path.name)
        side = path.with_suffix("")
        if (part / side.name).is_dir():
            replace(part / side.name, side)
        elif side.is_dir():
            shutil.rmtree(side)
        replace(part / path.name, path)
    path.with_name(f"{path.stem}.writing").rmdir()


def read_polydata(
    path: Path | str,
) -> tuple[NDArray[np.float64], NDArray[np.int64], dict[str, NDArray[Any]]]:
    """Read a triangle mesh of the results.

    Parameters
    ----------
    path : Path or str
        A ``.vtp``, written by :func:`write_polydata`.

    Returns
    -------
    points_um : ndarray, shape (n, 3)
        Points (x, y, z).
    triangles : ndarray of int, shape (m, 3)
        Indices of each triangle's points.
    point_data : dict of str to ndarray
        Values at the points.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_polydata(Path(folder, "none.vtp"), [], [])
    ...     read_polydata(Path(folder, "none.vtp"))[1].shape
    (0, 3)
    """
    import pyvista as pv

    mesh = pv.read(path)
    triangles = np.asarray(mesh.faces, dtype=np.int64).reshape(-1, 4)[:, 1:]
    data = {name: np.asarray(mesh.point_data[name]) for name in mesh.point_data}
    return np.asarray(mesh.points, dtype=np.float64).reshape(-1, 3), triangles, data
