"""Registers a section image to a tomogram at an azimuth that nobody gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spallmap import frames
from spallmap.axes import AxesPrior
from spallmap.image import Image
from spallmap.landmarks import Landmarks
from spallmap.registration.compose import exchanged, refused
from spallmap.registration.fitting_size import Size, with_fitting_size
from spallmap.registration.landmark_fit import apply_landmarks, start_from_landmarks
from spallmap.registration.result import Registration
from spallmap.registration.section.appearance import Section, read_section
from spallmap.registration.section.judge import judge
from spallmap.registration.section.pose import SectionPose
from spallmap.registration.section.search import search_section
from spallmap.registration.section.starts import STARTS
from spallmap.registration.section.target import THICKNESS_ERROR, make_target, thickness_sizes
from spallmap.registration.verdict import Refused

METHOD = "section in volume: Fourier search on classes, Gauss-Newton on grey"


def register_section(
    image: Image,
    fixed_grey: NDArray[np.uint16],
    fixed_phases: NDArray[np.uint8],
    fixed_spacing_um: Sequence[float],
    *,
    prior: AxesPrior,
    landmarks: Landmarks | None = None,
    starts: int = STARTS,
    seed: int = 1,
    threads: int = 1,
) -> Registration:
    """Find the plane of a section in a tomogram, and its position in it.

    Every plane that the prior allows is scored at every shift by Fourier transforms of class maps; the best
    are refined by Gauss-Newton on the tomogram's grey, coarse to fine. The verdict rests on what such a
    refinement cannot see by itself: rivals, restarts, halves of the field, and cuts of the tomogram itself at
    known poses, which are registered in the same way.

    Parameters
    ----------
    image : Image
        Axes (y, x); its mask is False where there is no specimen (data bar).
    fixed_grey : ndarray of uint16, shape (nz, ny, nx)
        Tomogram on the common grey scale.
    fixed_phases : ndarray of uint8, shape (nz, ny, nx)
        1 ceramic, 2 sodium, 3 crack or void in the ceramic, 4 other solid, 5 empty.
    fixed_spacing_um : sequence of float
        Of the tomogram, in array order.
    prior : AxesPrior
        For example ``-z,r`` (columns anywhere across z) or ``-z,y``; good to 15 degrees.
    landmarks : Landmarks, optional
        With three ``fit`` points or more, their rigid map is one more start, which is refined to the end; the
        search goes on beside it, since the verdict needs its rivals. Errors at the points are reported.
    starts : int
        Number of coarse poses that are refined.
    seed : int
        For restarts, the bootstrap, which also decides on a stretch, and known answers.
    threads : int
        Number of threads; the result does not depend on it.

    Returns
    -------
    Registration
        A map from the section's own frame to the volume's, both in micrometres: rigid, or with the scale and
        the anisotropy that the data ask for. Score: fraction of the tomogram's variance in the plane that the
        section's materials explain. What cannot be registered is refused with the reason, not raised.

    References
    ----------
    .. [1] Roche, Malandain, Pennec, Ayache, "The correlation ratio as a new similarity measure for multimodal
       image registration", MICCAI 1998.
    .. [2] Golub and Pereyra, "Separable nonlinear least squares: the variable projection method and its
       applications", Inverse Problems 19 (2003).

    Examples
    --------
    A real section takes minutes. An image of one grey is refused at once:

    >>> import numpy as np
    >>> from spallmap.axes import AxesPrior
    >>> from spallmap.image import Image
    >>> image = Image(np.full((40, 60), 90, dtype=np.uint8), ("y", "x"), (2.0, 2.0))
    >>> grey = np.full((20, 20, 20), 50000, dtype=np.uint16)
    >>> phases = np.ones(grey.shape, dtype=np.uint8)
    >>> prior = AxesPrior.parse("-z,r")
    >>> found = register_section(image, grey, phases, (5.0, 5.0, 5.0), prior=prior)
    >>> found.verdict
    'refused'
    >>> found.reasons
    ('the image shows a single grey: nothing to place it by',)
    """
    picked = None if landmarks is None else start_from_landmarks(landmarks)
    across = prior.names[0] == "r"
    if across:
        image, prior = _transpose(image), AxesPrior((prior.names[1], "r"))
        picked = None if picked is None else picked @ _SWAP
    search = _SectionSearch(prior, seed, threads, starts, picked)
    dz, dy, dx = fixed_spacing_um
    found = search.place(image, fixed_grey, fixed_phases, (dz, dy, dx))
    return apply_landmarks(exchanged(found, _SWAP) if across else found, landmarks)


@dataclass(frozen=True)
class _SectionSearch:
    """How to look for an image whose rows run along a named direction."""

    prior: AxesPrior
    seed: int
    threads: int
    starts: int
    picked: frames.AffineMap | None

    def place(
        self,
        image: Image,
        grey: NDArray[np.uint16],
        phases: NDArray[np.uint8],
        spacing_um: tuple[float, float, float],
    ) -> Registration:
        """Register at the stated pixel size; of a refusal, name another one that would have fitted."""

        def at(size: Size) -> Registration:
            other = replace(image, spacing_um=size)
            # Landmarks are in micrometres of the stated size.
            return replace(self, picked=None).attempt(other, grey, phases, spacing_um)

        return with_fitting_size(
            self.attempt(image, grey, phases, spacing_um),
            image.spacing_um,
            lambda: thickness_sizes(image, phases, spacing_um),
            at,
            _agreement,
            THICKNESS_ERROR,
        )

    def attempt(
        self,
        image: Image,
        grey: NDArray[np.uint16],
        phases: NDArray[np.uint8],
        spacing_um: tuple[float, float, float],
    ) -> Registration:
        """Register at the image's pixel size."""
        voxel = float(np.mean(spacing_um))
        nominal = self.prior.map(image.spatial_shape, image.spacing_um, grey.shape, spacing_um)
        try:
            section = read_section(image, voxel / 2.0)
            target = make_target(
                grey, phases, spacing_um, self.prior, starts=self.starts, threads=self.threads
            )
            rng = np.random.default_rng(self.seed)
            solution = search_section(section, target, self._extra(section), rng)
        except Refused as refusal:
            return refused(str(refusal), nominal, METHOD, ())
        return judge(METHOD, section, target, solution, rng)

    def _extra(self, section: Section) -> list[SectionPose]:
        if self.picked is None:
            return []
        return [SectionPose(self.picked.linear, self.picked(section.centre_um), -np.inf)]


def _agreement(found: Registration) -> str:
    return f"correlation {found.diagnostics.measures['inside_correlation'] or 0.0:.2f} inside the ceramic"


# From an image's frame to its transpose's: rows and columns swapped, seen from behind; a proper rotation.
_SWAP = frames.AffineMap.from_parts([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]], [0.0, 0.0, 0.0])


def _transpose(image: Image) -> Image:
    mask = None if image.mask is None else image.mask.T
    return Image(image.data.T, image.axes, (image.spacing_um[1], image.spacing_um[0]), mask, image.meta)
