"""The model image that belongs to a registration, for pictures and for simulations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spallmap.frames import AffineMap
from spallmap.image import Image
from spallmap.registration.diagnostics import ScanModel
from spallmap.registration.projection.fit_parameters import coil_terms, warp_terms
from spallmap.registration.projection.forward import ProjectionPose, Sampler, Slices, project
from spallmap.registration.projection.hypotheses import FINAL_BLOCK_PIXEL
from spallmap.registration.projection.metal import find_metal, skin_cloud
from spallmap.registration.projection.register import SKIN_DEPTH_UM
from spallmap.registration.result import Registration


def render_projection(
    phases: NDArray[Any],
    spacing_um: Sequence[float],
    to_reference: AffineMap,
    shape: Sequence[int],
    image_spacing_um: Sequence[float],
    skin_depth_um: float = SKIN_DEPTH_UM,
    model: Literal["skin", "thickness"] = "skin",
    electrode_gain: tuple[float, float] = (1.0, 1.0),
    coil: Sequence[float] = (0.0,) * 5,
) -> NDArray[np.float64]:
    """Image of the metal as a scan without noise would show it, a projection or a stack of slices.

    Parameters
    ----------
    phases : ndarray of int, shape (nz, ny, nx)
        Labels of the tomogram: 1 ceramic, 2 sodium.
    spacing_um : sequence of float
        Voxel size in array order.
    to_reference : AffineMap
        From the image's frame to the tomogram's frame; rigid.
    shape : sequence of int
        Rows and columns of the image, after the number of slices where there are any.
    image_spacing_um : sequence of float
        Spacing of these axes.
    skin_depth_um : float
        Depth at which the signal has fallen to 1/e.
    model : {"skin", "thickness"}
        Whether only the skin of the metal is seen, or all of it.
    electrode_gain : tuple of float
        Image units per um^3 of metal for each electrode, as in the diagnostics of a registration.
    coil : sequence of float
        Coefficients of the logarithm of the coil's profile, as in the diagnostics of a registration.

    Returns
    -------
    ndarray, shape `shape`
        Amplitude per pixel; with gains of 1, the metal volume seen in um^3. All 0 where there is no sodium.

    Raises
    ------
    ValueError
        If the shape has neither two nor three axes, or the model is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.axes import AxesPrior
    >>> phases = np.full((8, 8, 8), 5)
    >>> phases[2:6, 2:6, 2:6] = 2
    >>> to_reference = AxesPrior.parse("-z,y").map((20, 10), (20.0, 40.0), phases.shape, (30.0,) * 3)
    >>> seen = render_projection(
    ...     phases, (30.0,) * 3, to_reference, (20, 10), (20.0, 40.0), model="thickness"
    ... )
    >>> print(f"{seen.sum() / 120.0**3:.1f} of the metal's volume, with the side lobes of its edges")
    1.2 of the metal's volume, with the side lobes of its edges
    """
    if len(shape) not in (2, 3) or len(shape) != len(image_spacing_um):
        raise ValueError(f"an image has two axes or three, each with a spacing; got {tuple(shape)}")
    if model not in ("skin", "thickness"):
        raise ValueError(f"model must be 'skin' or 'thickness'; got {model!r}")
    row_um, column_um = (float(s) for s in image_spacing_um[-2:])
    slices = Slices(int(shape[0]), float(image_spacing_um[0])) if len(shape) == 3 else None
    sampler = Sampler((int(shape[-2]), int(shape[-1])), (row_um, column_um), slices=slices)
    depth = skin_depth_um if model == "skin" else None
    scan = ScanModel(electrode_gain, skin_depth_um, (0.0, 0.0), 2, tuple(coil))
    return _render(phases, spacing_um, to_reference, sampler, depth, scan)


def _render(
    phases: NDArray[Any],
    spacing_um: Sequence[float],
    to_reference: AffineMap,
    sampler: Sampler,
    depth_um: float | None,
    scan: ScanModel,
) -> NDArray[np.float64]:
    """Draw what a scan shows of the metal's skin, or of all of it where `depth_um` is None."""
    metal = find_metal(phases, spacing_um, scan.skin_depth_um)
    if metal is None:
        return np.zeros(sampler.image_shape)
    cloud = skin_cloud(metal, depth_um, FINAL_BLOCK_PIXEL * min(sampler.matrix_um))
    pose = ProjectionPose.from_map(to_reference, cloud.centre_um, depth=sampler.slices is not None)
    own = project(cloud, pose.rotation)
    gain = np.asarray(scan.electrode_gain)[cloud.electrode]
    position = own + pose.centre_own_um
    if scan.readout is not None:
        warp = warp_terms(own, cloud.weight * gain, sampler)
        position[:, scan.readout] += np.asarray(scan.displacement_um) @ warp
    weight = (cloud.weight * gain)[:, None]
    image = sampler.image(sampler.transform(position, weight, cloud.spread_um2))[0]
    profile = np.exp(np.tensordot(np.asarray(scan.coil), coil_terms(sampler), axes=1))
    return np.asarray(profile * np.abs(image), dtype=np.float64)


def fitted_projection(
    registration: Registration, image: Image, fixed_phases: NDArray[Any], fixed_spacing_um: Sequence[float]
) -> NDArray[np.float64] | None:
    """Image of the metal without noise, at the map and with the scan that a registration fitted.

    Parameters
    ----------
    registration : Registration
        From :func:`register_projection`, not yet carried on to another frame.
    image : Image
        What was registered.
    fixed_phases : ndarray of int, shape (nz, ny, nx)
        The tomogram that it was registered to.
    fixed_spacing_um : sequence of float
        Its voxel size in array order.

    Returns
    -------
    ndarray, of the image's shape, or None
        Amplitude in the image's unit; None where nothing was fitted.

    Raises
    ------
    ValueError
        If the registration was carried on to another frame.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.image import Image
    >>> from spallmap.registration.compose import refused
    >>> image = Image(np.ones((12, 12)), ("y", "x"), (23.0, 46.0))
    >>> fitted_projection(refused("the image is constant"), image, np.ones((4, 4, 4)), (30.0,) * 3) is None
    True
    """
    scan = registration.diagnostics.scan
    if scan is None:
        return None
    if registration.diagnostics.through is not None:
        raise ValueError(f"the map leads beyond {registration.diagnostics.through.name}")
    rows, columns = image.spatial_shape[-2:]
    row_um, column_um = (float(s) for s in image.spacing_um[-2:])
    stack = len(image.spatial_shape) == 3
    sampler = Sampler(
        (rows, columns),
        (row_um, column_um),
        slices=Slices(image.spatial_shape[0], float(image.spacing_um[0])) if stack else None,
        acquired=scan.acquired,
        missing=scan.missing,
        edge=scan.edge,
    )
    return _render(fixed_phases, fixed_spacing_um, registration.map, sampler, scan.skin_depth_um, scan)
