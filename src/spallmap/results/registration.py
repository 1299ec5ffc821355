"""Registrations as ``to_reference.json`` and ``to_reference.tfm``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813
from numpy.typing import NDArray

from spallmap.errors import InputError
from spallmap.frames import AffineMap
from spallmap.registration.diagnostics import (
    Blocks,
    Diagnostics,
    Intermediate,
    Rival,
    Scale,
    ScanModel,
    Starts,
    Warp,
)
from spallmap.registration.known_answers import KnownAnswers
from spallmap.registration.result import Registration, RunnerUp, StandardError
from spallmap.results.atomic import atomic_path
from spallmap.results.tables import read_json, write_json


def registration_content(registration: Registration) -> dict[str, Any]:
    """Lay a registration out as ``to_reference.json`` holds it.

    Parameters
    ----------
    registration : Registration
        The registration.

    Returns
    -------
    dict
        The keys of the file, in order.

    Examples
    --------
    >>> from spallmap.registration.compose import refused
    >>> content = registration_content(refused("the cell has no tomogram"))
    >>> content["verdict"], content["reasons"], content["score"]
    ('refused', ['the cell has no tomogram'], None)
    """
    r = registration
    runner_up = r.runner_up and {
        "score": r.runner_up.score,
        "differs_by_um": r.runner_up.differs_by_um,
        "differs_by_deg": r.runner_up.differs_by_deg,
    }
    return {
        "matrix": r.map.matrix.tolist(),
        "method": r.method,
        "verdict": r.verdict,
        "reasons": list(r.reasons),
        "score": r.score,
        "runner_up": runner_up,
        "se_um": {"u": r.se_um.u, "v": r.se_um.v, "normal": r.se_um.normal},
        "unobservable": list(r.unobservable),
        "tre_um": r.tre_um,
        "fre_um": r.fre_um,
        "diagnostics": diagnostics_content(r.diagnostics),
    }


def diagnostics_content(found: Diagnostics) -> dict[str, Any]:
    """Lay evidence out as ``to_reference.json`` holds it; the schema is the same for every method.

    Parameters
    ----------
    found : Diagnostics
        The evidence.

    Returns
    -------
    dict
        The keys under ``diagnostics``, in order; what a method does not measure is null or empty.

    Examples
    --------
    >>> content = diagnostics_content(Diagnostics(score_is="correlation", starts=Starts(n=18, returned=13)))
    >>> content["starts"], content["known_answers"], content["blocks"]
    ({'n': 18, 'returned': 13}, [], None)
    """
    blocks, through = found.blocks, found.through
    return {
        "score_is": found.score_is,
        "higher_is_better": found.higher_is_better,
        "gap_is": found.gap_is,
        "measures": dict(found.measures),
        "known_answers": [
            {
                "made_of": k.made_of,
                "where": k.where,
                "n": k.n,
                "lost": k.lost,
                "errors_um": k.errors_um.tolist(),
            }
            for k in found.known_answers
        ],
        "blocks": blocks
        and {
            "position_um": blocks.position_um.tolist(),
            "shift_um": blocks.shift_um.tolist(),
            "se_um": None if blocks.se_um is None else blocks.se_um.tolist(),
            "median_um": blocks.median_um,
        },
        "scale": found.scale and asdict(found.scale),
        "starts": found.starts and asdict(found.starts),
        "rivals": [
            {
                "name": r.name,
                "score": r.score,
                "gap": r.gap,
                "differs_by_um": r.differs_by_um,
                "differs_by_deg": r.differs_by_deg,
                "matrix": r.map and r.map.matrix.tolist(),
            }
            for r in found.rivals
        ],
        "warp": found.warp and asdict(found.warp),
        "scan": found.scan and asdict(found.scan),
        "through": through
        and {
            "name": through.name,
            "matrix": through.map.matrix.tolist(),
            "verdict": through.verdict,
            "reasons": list(through.reasons),
        },
    }


def write_registration(
    json_path: Path | str,
    tfm_path: Path | str,
    registration: Registration,
    landmarks: Mapping[str, str] | None = None,
) -> None:
    """Write a registration for this program and for ITK tools.

    Parameters
    ----------
    json_path : Path or str
        Everything; written last, so that it never stands alone.
    tfm_path : Path or str
        The map as an ITK affine transform: its ``TransformPoint`` takes the acquisition's points to the
        reference frame.
    registration : Registration
        What to write.
    landmarks : mapping of str to str, optional
        SHA-256 by path of the file of landmarks that were used.

    Examples
    --------
    >>> import tempfile
    >>> from spallmap.registration.compose import refused
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "to_reference.json"
    ...     write_registration(path, path.with_suffix(".tfm"), refused("the cell has no tomogram"))
    ...     read_registration(path).reasons
    ('the cell has no tomogram',)
    """
    with atomic_path(tfm_path) as part:
        sitk.WriteTransform(registration.map.to_itk(), str(part))
    write_json(json_path, {**registration_content(registration), "landmarks": dict(landmarks or {})})


def read_registration(json_path: Path | str) -> Registration:
    """Read a registration.

    Parameters
    ----------
    json_path : Path or str
        A ``to_reference.json``.

    Returns
    -------
    Registration
        What was written.

    Raises
    ------
    InputError
        If a key is missing or holds something else.

    Examples
    --------
    See :func:`write_registration` for both ways.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "to_reference.json"
    ...     write_json(path, {"verdict": "accepted"})
    ...     try:
    ...         read_registration(path)
    ...     except InputError as error:
    ...         print(error.allowed)
    the keys of to_reference.json
    """
    content = read_json(json_path)
    try:
        runner_up = content["runner_up"]
        return Registration(
            map=_map(content["matrix"]),
            method=content["method"],
            verdict=content["verdict"],
            reasons=tuple(content["reasons"]),
            score=content["score"],
            runner_up=None
            if runner_up is None
            else RunnerUp(*(_number(runner_up[k]) for k in ("score", "differs_by_um", "differs_by_deg"))),
            se_um=StandardError(*(content["se_um"][k] for k in ("u", "v", "normal"))),
            unobservable=tuple(content["unobservable"]),
            tre_um=content["tre_um"],
            fre_um=content["fre_um"],
            diagnostics=_diagnostics(content["diagnostics"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            str(json_path), f"no registration ({error!r})", "the keys of to_reference.json"
        ) from error


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _map(matrix: Any) -> AffineMap:
    return AffineMap(np.array(matrix, dtype=np.float64))


def _rows(values: Any) -> NDArray[np.float64]:
    """Rows of three numbers; null stands for one that is not known."""
    return np.array(values, dtype=np.float64).reshape(-1, 3)


def _diagnostics(content: dict[str, Any]) -> Diagnostics:
    blocks, scale, starts = content["blocks"], content["scale"], content["starts"]
    warp, scan, through = content["warp"], content["scan"], content["through"]
    return Diagnostics(
        score_is=content["score_is"],
        higher_is_better=content["higher_is_better"],
        gap_is=content["gap_is"],
        measures=content["measures"],
        known_answers=tuple(
            KnownAnswers(_rows(k["errors_um"]), k["lost"], k["made_of"], k["where"])
            for k in content["known_answers"]
        ),
        blocks=blocks
        and Blocks(
            _rows(blocks["position_um"]),
            _rows(blocks["shift_um"]),
            None if blocks["se_um"] is None else _rows(blocks["se_um"]),
        ),
        scale=scale and Scale(**scale),
        starts=starts and Starts(**starts),
        rivals=tuple(
            Rival(
                r["name"],
                r["score"],
                r["gap"],
                r["matrix"] and _map(r["matrix"]),
                r["differs_by_um"],
                r["differs_by_deg"],
            )
            for r in content["rivals"]
        ),
        warp=warp and _warp(warp),
        scan=scan
        and ScanModel(
            (scan["electrode_gain"][0], scan["electrode_gain"][1]),
            scan["skin_depth_um"],
            (scan["blur_um2"][0], scan["blur_um2"][1]),
            scan["coil_order"],
            tuple(scan["coil"]),
            scan["acquired"] and (scan["acquired"][0], scan["acquired"][1]),
            (scan["missing"][0], scan["missing"][1]),
            (scan["edge"][0], scan["edge"][1]),
            scan["readout"],
            tuple(scan["displacement_um"]),
        ),
        through=through
        and Intermediate(
            through["name"], _map(through["matrix"]), through["verdict"], tuple(through["reasons"])
        ),
    )


def _warp(content: dict[str, Any]) -> Warp:
    return Warp(
        tuple((u, v) for u, v in content["powers_uv"]),
        np.array(content["coefficients_um"], dtype=np.float64),
        _number(content["rms_um"]),
        _number(content["held_out_gain"]),
        _number(content["held_out_gain_se"]),
        content["worthwhile"],
    )
