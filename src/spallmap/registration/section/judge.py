"""Weighs what the search for a section found, and reports it."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from spallmap.registration.diagnostics import Diagnostics, Scale, Starts
from spallmap.registration.known_answers import KnownAnswers
from spallmap.registration.result import Registration, RunnerUp, StandardError
from spallmap.registration.section.appearance import Section
from spallmap.registration.section.certainty import (
    RESTARTS,
    block_residuals,
    half_fields,
    larger,
    margin,
    position_error,
    resolutions_apart,
    restarts,
    step_covariance,
)
from spallmap.registration.section.conditions import Findings, checks, known_answer_checks, off_prior_deg
from spallmap.registration.section.known_answer import near_answers, residual_answers, searched_answer
from spallmap.registration.section.pose import SectionPose
from spallmap.registration.section.refine import equations, inside_correlation
from spallmap.registration.section.search import SectionSolution
from spallmap.registration.section.target import Target
from spallmap.registration.section.warp import smooth_warp
from spallmap.registration.verdict import Candidate, angle_between_deg, decide, mean_difference_um, rivals_of

# A solution counts as a different one from this mean distance on, voxels.
DIFFERENT_VOXELS = 5.0
# In the plane, cuts of the tomogram err more than sections, since their outlines hold its noise twice; along
# the normal sections err more, since the voids of cuts are drawn from it. From 77 sections of twenty
# simulated cells.
KNOWN_ANSWER_FACTORS = np.array([0.6, 0.6, 1.3])
# The bright rims of bodies move their edges by this fraction of a working pixel: 0.15 on the same sections,
# more where electrons and detectors make them stronger (eleven sections with faults, most across the faces).
EDGE_PIXELS = 0.22
# Cuts that are searched for when the first was not found: one miss may be chance.
MOST_SEARCHED = 3


def judge(
    method: str, section: Section, target: Target, solution: SectionSolution, rng: np.random.Generator
) -> Registration:
    """Judge a solution.

    Parameters
    ----------
    method : str
        How it was found, for the report.
    section, target : Section, Target
        What was placed, and where.
    solution : SectionSolution
        What the search ended in.
    rng : numpy.random.Generator
        For restarts, bootstrap and known answers.

    Returns
    -------
    Registration
        With verdict, errors and whatever helps a person to judge.

    Notes
    -----
    The standard error by direction is the root of summed squares: the error seen at known answers,
    which holds what any cut of this tomogram suffers (noise, blur, few pores); the largest of the block
    bootstrap's, the half fields' and that of copies with this section's own misfit, which hold where it
    contradicts the tomogram; where two resolutions prefer different minima, their distance over the root
    of two, which is the error of taking either; in the plane, how well an edge in an electron image shows
    where the body ends; and what is not known of the stretch, the pose following.
    """
    best = solution.best
    evidence, runner_up = _gather(section, target, solution, rng)
    verdict, reasons = decide(checks(evidence))
    error = evidence.se_um
    answers: tuple[KnownAnswers, ...] = ()
    if verdict == "accepted":
        near, searched = _known_answers(section, target, solution, rng)
        own = residual_answers(solution, target.threads, np.random.default_rng(rng.integers(2**31)))
        error = _combined(
            _at_least(error, own), near, float(np.mean(section.spacing_um)), solution.converged.stretch_um
        )
        verdict, reasons = decide(known_answer_checks(near, searched, error, target.voxel_um))
        answers = (near, *searched, own)
    return Registration(
        best.map(section.centre_um),
        method,
        verdict,
        reasons,
        evidence.agreement,
        runner_up,
        error,
        diagnostics=_diagnostics(section, target, solution, evidence, answers),
    )


def _diagnostics(
    section: Section,
    target: Target,
    solution: SectionSolution,
    evidence: Findings,
    answers: tuple[KnownAnswers, ...],
) -> Diagnostics:
    best, own_centre = solution.best, section.centre_um
    field = solution.fine.own_points(400) + own_centre
    overturned = [p for p in solution.ranked if float(p.rotation[:, 2] @ best.rotation[:, 2]) < 0.0]
    candidates = [Candidate(pose.map(own_centre), pose.score) for pose in solution.ranked]
    min_um = DIFFERENT_VOXELS * target.voxel_um
    return Diagnostics(
        score_is="fraction of the tomogram's contrast explained",
        measures={
            "inside_correlation": evidence.correlation,
            "overlap": evidence.overlap,
            "margin": None if np.isinf(evidence.margin) else evidence.margin,
            "margin_se": evidence.margin_se,
            "overturned_score": overturned[0].score if overturned else None,
            "halves_apart_um": evidence.halves_um,
        },
        known_answers=answers,
        blocks=block_residuals(solution.robust, best, own_centre),
        scale=Scale(float(np.exp(best.log_scale)), float(np.exp(best.log_anisotropy)), _applied(best)),
        starts=Starts(RESTARTS, round(evidence.returned * RESTARTS)),
        rivals=rivals_of(candidates, best.map(own_centre), field, min_um=min_um),
        warp=smooth_warp(solution.robust, best),
    )


def _applied(pose: SectionPose) -> Literal["none", "scale", "scale of each axis"]:
    """Say what of a stretch the map holds."""
    if pose.log_anisotropy:
        return "scale of each axis"
    return "scale" if pose.log_scale else "none"


def _gather(
    section: Section, target: Target, solution: SectionSolution, rng: np.random.Generator
) -> tuple[Findings, RunnerUp | None]:
    """Collect what distinguishes a right solution from a wrong one, known answers left aside.

    Parameters
    ----------
    section, target, solution, rng
        As in `judge`.

    Returns
    -------
    Findings
        For the verdict; its error is the scatter that this section itself shows.
    RunnerUp or None
        The best solution at another pose.
    """
    fine, robust, best = solution.fine, solution.robust, solution.best
    own_centre = section.centre_um
    best_map = best.map(own_centre)
    field = fine.own_points(400) + own_centre
    runner_up, difference, difference_se = None, np.inf, 0.0
    for pose in solution.ranked:
        rival = pose.map(own_centre)
        apart = mean_difference_um(rival, best_map, field)
        if apart >= DIFFERENT_VOXELS * target.voxel_um:
            runner_up = RunnerUp(pose.score, apart, angle_between_deg(rival, best_map))
            difference, difference_se = margin(fine, best, pose, rng)
            break
    halves = half_fields(robust, best, solution.free)
    covariance = step_covariance(robust, best, solution.free, rng)
    scatter = larger(position_error(covariance, best, fine.own_points(500)), halves.se_um)
    either = resolutions_apart(solution.soft, fine, solution.ranked[0], target.voxel_um) / np.sqrt(2.0)
    fit = equations(fine, best)
    evidence = Findings(
        correlation=inside_correlation(solution.soft, best),
        agreement=0.0 if fit is None else 1.0 - fit.cost,
        margin=difference,
        margin_se=difference_se,
        returned=restarts((*solution.levels[:-1], robust), best, solution.free, rng),
        halves_um=halves.apart_um,
        se_um=widened(scatter, either),
        overlap=0.0 if fit is None else fit.overlap,
        off_prior_deg=off_prior_deg(best_map, target.prior),
        voxel_um=target.voxel_um,
        log_scale=best.log_scale,
        log_anisotropy=best.log_anisotropy,
    )
    return evidence, runner_up


def _known_answers(
    section: Section, target: Target, solution: SectionSolution, rng: np.random.Generator
) -> tuple[KnownAnswers, list[KnownAnswers]]:
    """Register cuts beside the solution, and search for cuts elsewhere until one is found."""
    near = near_answers(section, target, solution, rng)
    searched = [searched_answer(section, target, solution, rng)]
    while searched[-1].lost and len(searched) < MOST_SEARCHED:
        searched.append(searched_answer(section, target, solution, rng))
    return near, searched


def _combined(
    scatter: StandardError, near: KnownAnswers, pixel_um: float, stretch_um: tuple[float, float, float]
) -> StandardError:
    """Sum a section's own scatter and the errors of known answers, edges and a stretch left out."""
    if not len(near.errors_um):
        return scatter
    edge = EDGE_PIXELS * pixel_um
    return widened(scatter, KNOWN_ANSWER_FACTORS * near.rms_um(), (edge, edge, 0.0), stretch_um)


def _at_least(scatter: StandardError, own: KnownAnswers) -> StandardError:
    """Take the larger of a section's scatter and the errors of copies with its own misfit."""
    if not own.n:
        return scatter
    u, v, normal = (float(e) for e in own.rms_um())
    return larger(scatter, StandardError(u, v, normal))


def widened(error: StandardError, *others: ArrayLike) -> StandardError:
    """Take the root of the sum of squares of an error and others, by direction; unknown stays unknown."""
    own = (error.u, error.v, error.normal)
    squares = np.sum(np.square(np.asarray(others, np.float64)), axis=0)
    u, v, normal = (
        None if x is None else float(np.sqrt(x**2 + s)) for x, s in zip(own, squares, strict=True)
    )
    return StandardError(u, v, normal)
