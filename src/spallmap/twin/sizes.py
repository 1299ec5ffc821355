"""How large the simulated acquisitions are."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Matrix and pixel size of every acquisition, in array order, micrometres.

    Parameters
    ----------
    xct_shape, xct_spacing_um : tuple of int, float
        The tomograms; their field should hold the casing, some 1400 um across and 800 um high.
    mri_shape, mri_spacing_um : tuple of int, tuple of float
        The MRI.
    sem_shape, sem_spacing_um : tuple of int, float
        The section's overview, data bar included.
    detail_shape, detail_spacing_um : tuple of int, float
        The section's detail, data bar included.
    edx_shape, edx_spacing_um : tuple of int, float
        The element maps.

    Examples
    --------
    >>> Sizes().mri_shape, Sizes(mri_shape=(32, 24)).sem_spacing_um
    ((64, 48), 1.0)
    """

    xct_shape: tuple[int, int, int] = (190, 324, 324)
    xct_spacing_um: float = 4.66
    mri_shape: tuple[int, int] = (64, 48)
    mri_spacing_um: tuple[float, float] = (23.0, 46.0)
    sem_shape: tuple[int, int] = (640, 900)
    sem_spacing_um: float = 1.0
    detail_shape: tuple[int, int] = (480, 640)
    detail_spacing_um: float = 0.2
    edx_shape: tuple[int, int] = (240, 320)
    edx_spacing_um: float = 2.0


# As laboratory instruments deliver a cell.
FULL = Sizes()

# The same cell in an eighth of the tomogram's voxels; draw the crack twice as wide to see it.
COARSE = Sizes(xct_shape=(95, 162, 162), xct_spacing_um=9.32)
