"""All that is measured of the cracks of one tomogram, as it is written down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from spallmap.blocks import Sliceable
from spallmap.tomography.cracks.crack_search import Cracks
from spallmap.tomography.cracks.thresholds import Thresholds
from spallmap.tomography.measures.apertures import trace_sheets
from spallmap.tomography.measures.blur import Blur, measure_blur
from spallmap.tomography.measures.crack_table import CRACK_COLUMNS, measure_cracks
from spallmap.tomography.measures.detection import DetectionLimit, detection_limit
from spallmap.tomography.measures.filling import sodium_contrast
from spallmap.tomography.measures.surfaces import Surface, mid_surfaces
from spallmap.tomography.phases.interfaces import find_interfaces


@dataclass(frozen=True)
class CrackResults:
    """What is known of the cracks of a tomogram.

    Parameters
    ----------
    thresholds : Thresholds
        What a crack had to exceed.
    measures : DataFrame
        One row per crack, see :func:`spallmap.tomography.measure_cracks`.
    surface : Surface
        Middle surfaces, in the tomogram's own frame.
    limit : DetectionLimit
        The thinnest crack that would have been found.
    blur : Blur
        The scan's point spread.
    sodium_contrast : float
        Contrast of ceramic to sodium over that of ceramic to air.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.tomography import describe_cracks, find_cracks
    >>> grey = np.full((8, 9, 10), 10_000, dtype=np.uint16)
    >>> labels = np.full(grey.shape, 5, dtype=np.uint8)
    >>> cracks = find_cracks(grey, labels, (5.0, 5.0, 5.0))
    >>> found = describe_cracks(cracks, grey, labels, (5.0, 5.0, 5.0))
    >>> len(found.table), found.thresholds.usable
    (0, False)
    """

    thresholds: Thresholds
    measures: pd.DataFrame
    surface: Surface
    limit: DetectionLimit
    blur: Blur
    sodium_contrast: float

    @property
    def table(self) -> pd.DataFrame:
        """The columns of ``cracks.csv``, see :data:`CRACK_COLUMNS`."""
        return self.measures[list(CRACK_COLUMNS)]

    def summary(self, finding: str, surfaces: str) -> dict[str, Any]:
        """Return what ``cracks.json`` holds.

        Parameters
        ----------
        finding : str
            What was not found of the tomogram's ceramic; empty where it was.
        surfaces : str
            What became of the surfaces in the reference frame, see
            :func:`spallmap.tomography.surface_in_reference`.

        Returns
        -------
        dict
            Numbers, strings and dictionaries of such.
        """
        return {
            "n_cracks": len(self.measures),
            "searched": self.thresholds.usable,
            "finding": finding,
            "surfaces": surfaces,
            "thresholds": asdict(self.thresholds),
            "blur_voxels": self.blur.sigma_voxels,
            "blur_relative_se": self.blur.relative_se,
            "sodium_contrast": self.sodium_contrast,
            "detection_limit": self.limit.as_json(),
        }


def describe_cracks(
    cracks: Cracks, grey: Sliceable, labels: Sliceable, spacing_um: Sequence[float], threads: int = 1
) -> CrackResults:
    """Measure the cracks of a tomogram, trace their surfaces and say what would have been found.

    Parameters
    ----------
    cracks : Cracks
        From :func:`spallmap.tomography.find_cracks`.
    grey : Sliceable, shape (nz, ny, nx)
        Volume on the common scale.
    labels : Sliceable
        Its phases.
    spacing_um : sequence of float
        Voxel spacing along z, y and x.
    threads : int
        Number of threads.

    Returns
    -------
    CrackResults
        With empty tables and surfaces where there are no cracks.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.tomography import describe_cracks, find_cracks
    >>> grey = np.full((8, 9, 10), 10_000, dtype=np.uint16)
    >>> labels = np.full(grey.shape, 5, dtype=np.uint8)
    >>> cracks = find_cracks(grey, labels, (4.66, 4.66, 4.66))
    >>> found = describe_cracks(cracks, grey, labels, (4.66, 4.66, 4.66))
    >>> found.summary("no ceramic", "own frame is the reference frame")["n_cracks"]
    0
    """
    sheets = trace_sheets(cracks, grey, labels, spacing_um, threads)
    measures = measure_cracks(cracks, grey, labels, spacing_um, sheets, threads)
    blur = measure_blur(grey, find_interfaces(labels, grey, threads))
    contrast = sodium_contrast(grey, labels)
    limit = detection_limit(grey, labels, spacing_um, cracks.thresholds, blur, contrast, threads)
    surface = mid_surfaces(cracks, grey, labels, spacing_um, sheets, threads)
    return CrackResults(cracks.thresholds, measures, surface, limit, blur, contrast)
