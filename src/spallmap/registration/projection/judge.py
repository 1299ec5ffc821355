"""How well the projected metal explains the image, and whether that is enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from spallmap.registration.known_answers import KnownAnswers
from spallmap.registration.projection.fit_parameters import PRIOR_BLUR_SD_PIXEL, PRIOR_LOG_SKIN_SD
from spallmap.registration.projection.forward import project
from spallmap.registration.projection.refine import Problem, ProjectionSolution
from spallmap.registration.projection.rician import rician_moments
from spallmap.registration.result import StandardError
from spallmap.registration.verdict import Check

# Where the image shows metal: modelled amplitude above, or magnitude above, these multiples of the noise.
FOOTPRINT_AMPLITUDE_SIGMA = 2.0
FOOTPRINT_IMAGE_SIGMA = 6.0
# This fraction of the footprint's pixels, the worst explained, is left out of the misfit: sodium in a crack
# and voids are real, few, and not in the model, while a wrong pose is wrong all along the outlines.
TRIMMED_FRACTION = 0.1
# Mean square of a standard normal variable without its largest TRIMMED_FRACTION.
TRIMMED_NORMAL = 0.6230

# The limits below stand between what right and wrong registrations of simulated cells with faults showed. The
# misfit only refuses what is no image of such metal: right ones left 0.02 to 0.08, ghosts, stripes and blur
# more; images of other cells 0.10 to 0.5. What is near is distinguished by outlines, gap and error.
MAX_MISFIT = 0.13
# A displacement along the readout brings other cells down to 0.10 to 0.13; distorted ones left 0.03 to 0.07.
MAX_MISFIT_DISPLACED = 0.09
# Cost that separates the solution from the best different one, in units of the misfit's variance: a
# difference of 40 in chi-square is more than six standard deviations. Right registrations had 170 to 6000,
# reversed columns -280 and less.
MIN_GAP = 40.0
# Pixels that the image asks for, over the stated ones. Right registrations asked for 0.995 to 1.004; columns
# stated 5 % too large passed every other condition, and moved the metal's rim by half a pixel.
MAX_SIZE_ASKED = 0.02
# Along the readout of a distorted image, whose stretch looks the same: a pixel at the field's edge.
MAX_STRETCH_ASKED = 0.045
# Outlines of the image from those of the metal, in acquired pixels: right ones 0.00 to 0.08, images of other
# cells 0.28 to 0.9, or less where a displacement makes up for them: misfit and standard error refuse those.
MAX_OUTLINE_PIXEL = 0.15
# Below these, an image holds no electrode that could be placed; noise alone fits amplitudes below 1 sigma.
MIN_FOOTPRINT_PIXELS = 30
MIN_PEAK_SNR = 5.0
# The prior is good to some 15 degrees about each axis; the search's grid reaches to 24.
MAX_ROTATION_DEG = 24.0
# Skin depth and blur beyond these of their prior's standard deviations make up for something else: 1.1 pixels
# of blur; filters and T2* to a pixel were refused at five.
MAX_SKIN_SD, MAX_BLUR_SD = 5.0, 8.0
# The electrodes are of one metal in one coil, 0.94 to 1.05; one in a shadow is seen at two fifths.
MAX_GAIN_RATIO = 4.0
# A scan of part of the cell folds or cuts the rest, which the projection does not model.
MIN_METAL_IN_FIELD = 0.95
# Half a pixel, which is what a link to a crack can bear; links know the error.
MAX_SE_PIXEL = 0.5
# An image of the same metal at a known pose that is found a pixel off was found at another pose.
MAX_KNOWN_ERROR_PIXEL = 1.0


@dataclass(frozen=True)
class Agreement:
    """How well a solution explains the image.

    Parameters
    ----------
    footprint_pixels : int
        Pixels that show metal in the model or in the image.
    peak_snr : float
        The model's largest amplitude over the noise.
    chi2_all : float
        Reduced chi-square over every pixel used.
    chi2_footprint : float
        The same over the footprint without its worst pixels, corrected for leaving them out.
    misfit : float
        Amplitude that is left unexplained beyond the noise, as a fraction of the footprint's amplitude (root
        mean squares).
    metal_in_field : float
        Fraction of the metal's signal that falls inside the field of view.
    """

    footprint_pixels: int
    peak_snr: float
    chi2_all: float
    chi2_footprint: float
    misfit: float
    metal_in_field: float


@dataclass(frozen=True)
class Alternative:
    """A different explanation of the image.

    Parameters
    ----------
    name : str
        How it differs, in words.
    gap : float
        Its cost minus the reported solution's, in units of the misfit's variance.
    """

    name: str
    gap: float


def agreement(problem: Problem, solution: ProjectionSolution) -> Agreement:
    """Compare a solution with the image.

    Parameters
    ----------
    problem : Problem
        Data and model.
    solution : ProjectionSolution
        The end of a fit.

    Returns
    -------
    Agreement
        The figures that the verdict uses.
    """
    sigma = problem.sigma
    footprint = footprint_of(problem, solution)
    residual = solution.residual
    chi2_all = float((residual[problem.used] ** 2).mean()) if problem.used.any() else 0.0
    n = int(footprint.sum())
    if n == 0:
        return Agreement(0, 0.0, chi2_all, 0.0, 1.0, 0.0)
    squares = np.sort(residual[footprint] ** 2)[: max(1, round(n * (1.0 - TRIMMED_FRACTION)))]
    chi2 = float(squares.mean()) / TRIMMED_NORMAL
    # The noise's fraction of the squared residual is one standard deviation; what is above it is the model's.
    amplitude = float(np.sqrt((solution.amplitude[footprint] ** 2).mean()))
    excess = sigma * np.sqrt(max(chi2 - 1.0, 0.0))
    return Agreement(
        footprint_pixels=n,
        peak_snr=float(solution.amplitude.max() / sigma),
        chi2_all=chi2_all,
        chi2_footprint=chi2,
        misfit=float(excess / max(amplitude, 1e-12 * sigma)),
        metal_in_field=_metal_in_field(problem, solution),
    )


def footprint_of(problem: Problem, solution: ProjectionSolution) -> NDArray[np.bool_]:
    """Pixels that show metal in the model or in the image, of the image's shape."""
    sigma = problem.sigma
    metal = solution.amplitude > FOOTPRINT_AMPLITUDE_SIGMA * sigma
    level = rician_moments(np.array([FOOTPRINT_IMAGE_SIGMA * sigma]), sigma, problem.n_coils).mean[0]
    shown: NDArray[np.bool_] = (ndimage.binary_dilation(metal) | (problem.image > level)) & problem.used
    return shown


def checks(
    problem: Problem,
    solution: ProjectionSolution,
    found: Agreement,
    se: StandardError,
    answers: KnownAnswers,
    others: Sequence[Alternative],
    asked: tuple[float, float],
    outline_um: float,
) -> list[Check]:
    """List every condition that a projection has to meet.

    Parameters
    ----------
    problem : Problem
        Data and model.
    solution : ProjectionSolution
        The reported solution.
    found : Agreement
        Its agreement with the image.
    se : StandardError
        Of the reported position.
    answers : KnownAnswers
        Errors where the answer was known; empty where none was tried.
    others : sequence of Alternative
        Different explanations of the same image.
    asked : tuple of float
        Factors by which the image asks for other pixels, along rows and columns.
    outline_um : float
        How far the image's outlines lie from the metal's.

    Returns
    -------
    list of Check
        In reading order.
    """
    p = solution.parameters
    rotation = np.rad2deg(Rotation.from_matrix(problem.prior.rotation.T @ p.pose.rotation).as_rotvec())
    limit_um = MAX_SE_PIXEL * problem.pixel_um
    errors = [s for s in (se.u, se.v, se.normal) if s is not None]
    # The depth of a projection has no error; any other that is not a number is one that cannot be accepted.
    seen = answers.errors_um[:, : 2 if problem.sampler.slices is None else 3]
    worst = float(np.max(seen, initial=0.0))
    pixel = np.array(problem.sampler.matrix_um[::-1])
    blur_sd = p.blur_um2 / (PRIOR_BLUR_SD_PIXEL * pixel) ** 2
    skin_sd = p.log_skin / PRIOR_LOG_SKIN_SD
    ratio = float(max(p.gain) / max(float(min(p.gain)), 1e-300))
    most_asked = [MAX_SIZE_ASKED, MAX_SIZE_ASKED]
    most_left = MAX_MISFIT
    if problem.prior.readout is not None:
        most_left = MAX_MISFIT_DISPLACED
        most_asked[1 - problem.prior.readout] = MAX_STRETCH_ASKED
    enough = Check(
        found.footprint_pixels >= MIN_FOOTPRINT_PIXELS and found.peak_snr >= MIN_PEAK_SNR,
        f"the image shows too little metal: {found.footprint_pixels} pixels, peak {found.peak_snr:.1f} "
        f"times the noise (needed: {MIN_FOOTPRINT_PIXELS} and {MIN_PEAK_SNR:g})",
    )
    if not enough.passed:
        # Nothing else means anything then.
        return [enough]
    result = [
        Check(
            found.misfit <= most_left,
            f"the projected metal does not explain the image: {100 * found.misfit:.0f} % of the amplitude is "
            f"left over beyond the noise (at most {100 * most_left:.0f} %); the wrong cell, reversed rows "
            "or columns, or a wrong segmentation look like this",
        ),
        Check(
            outline_um <= MAX_OUTLINE_PIXEL * problem.pixel_um,
            f"the outlines of the image lie {outline_um:.0f} um from those of the projected metal (at most "
            f"{MAX_OUTLINE_PIXEL * problem.pixel_um:.0f}): it may be another cell, or the field is distorted "
            "by more than is fitted",
        ),
        Check(
            all(abs(factor - 1.0) <= limit for factor, limit in zip(asked, most_asked, strict=True)),
            "the metal's extent asks for another pixel size than stated: "
            f"{100.0 * (asked[0] - 1.0):+.0f} % from row to row (v) and "
            f"{100.0 * (asked[1] - 1.0):+.0f} % from column to column (u), at most "
            f"{100.0 * most_asked[0]:.1f} and {100.0 * most_asked[1]:.1f} %; check the pixel size",
        ),
        Check(
            found.metal_in_field >= MIN_METAL_IN_FIELD,
            f"only {100 * found.metal_in_field:.0f} % of the metal falls inside the image's field of view "
            f"(at least {100 * MIN_METAL_IN_FIELD:.0f} %)",
        ),
        Check(
            bool(np.abs(rotation).max() <= MAX_ROTATION_DEG),
            f"the best fit is rotated {np.abs(rotation).max():.0f} degrees from the directions in the axes "
            f"column, which has to be good to some 15 degrees (at most {MAX_ROTATION_DEG:g})",
        ),
        Check(
            bool(np.abs(blur_sd).max() <= MAX_BLUR_SD)
            and abs(skin_sd) <= MAX_SKIN_SD
            and ratio <= MAX_GAIN_RATIO,
            "the image only fits with an implausible scan: extra blur "
            f"{_signed_root(p.blur_um2[0]):.0f} x {_signed_root(p.blur_um2[1]):.0f} um, skin depth "
            f"{np.exp(p.log_skin):.2f} of the nominal, electrodes' gains {ratio:.1f} to 1",
        ),
        Check(
            all(np.isfinite(s) and s <= limit_um for s in errors),
            f"the position is too uncertain: standard errors of {' and '.join(f'{s:.1f}' for s in errors)} "
            f"um along the image's own axes (at most {limit_um:.1f})",
        ),
        Check(
            worst <= MAX_KNOWN_ERROR_PIXEL * problem.pixel_um,
            f"images of this metal at known poses are not found: up to {worst:.0f} um off "
            f"(at most {MAX_KNOWN_ERROR_PIXEL:g} pixel)",
        ),
    ]
    if others:
        rival = min(others, key=lambda other: other.gap)
        words = "better" if rival.gap < 0 else "nearly as well"
        result.append(
            Check(
                rival.gap >= MIN_GAP,
                f"{rival.name} explains the image {words} (gap {rival.gap:.0f}, at least {MIN_GAP:g} needed)",
            )
        )
    return result


def _metal_in_field(problem: Problem, solution: ProjectionSolution) -> float:
    pose = solution.parameters.pose
    own = project(problem.cloud, pose.rotation) + pose.centre_own_um
    spacing = np.array(problem.sampler.image_spacing_um[::-1])
    size = np.array(problem.sampler.image_shape[::-1])
    pixel = own[:, : len(size)] / spacing
    inside = np.all((pixel > -0.5) & (pixel < size - 0.5), axis=1)
    return float(problem.cloud.weight[inside].sum() / problem.cloud.weight.sum())


def _signed_root(variance: float) -> float:
    return float(np.sign(variance) * np.sqrt(abs(variance)))
