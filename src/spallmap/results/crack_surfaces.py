"""Middle surfaces of cracks, and how their tomogram maps to the reference frame."""

from __future__ import annotations

from pathlib import Path

from spallmap.results.registration import read_registration
from spallmap.results.vtk import read_polydata
from spallmap.tomography import ReferencePose, Surface


def read_surface(path: Path | str) -> Surface:
    """Read the middle surfaces of a tomogram's cracks.

    Parameters
    ----------
    path : Path or str
        A ``cracks.vtp``.

    Returns
    -------
    Surface
        In the frame that they were written in.
    """
    points, triangles, data = read_polydata(path)
    return Surface(points, triangles, data["crack"], data["aperture_um"], data["depth_um"], data["dip_deg"])


def read_reference_pose(path: Path | str | None) -> ReferencePose | None:
    """Read how a tomogram maps to the reference frame, as far as its cracks need it.

    Parameters
    ----------
    path : Path, str or None
        A ``to_reference.json``; nothing where the tomogram's own frame is the reference frame.

    Returns
    -------
    ReferencePose or None
        None where there is no file.
    """
    if not path:
        return None
    registration = read_registration(path)
    se = registration.se_um
    return ReferencePose(registration.map, (se.u, se.v, se.normal), registration.accepted)
