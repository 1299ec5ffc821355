"""Registrations as ``to_reference.json`` and ``to_reference.tfm``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813

from spallmap.errors import InputError
from spallmap.frames import AffineMap
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
        "diagnostics": dict(r.diagnostics),
    }


def write_registration(json_path: Path | str, tfm_path: Path | str, registration: Registration) -> None:
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
    """
    with atomic_path(tfm_path) as part:
        sitk.WriteTransform(registration.map.to_itk(), str(part))
    write_json(json_path, registration_content(registration))


def read_registration(json_path: Path | str) -> Registration:
    """Read a registration.

    Parameters
    ----------
    json_path : Path or str
        A ``to_reference.json``.

    Returns
    -------
    Registration
        What was written; a score that was not finite comes back as NaN.

    Raises
    ------
    InputError
        If a key is missing or holds something else.
    """
    content = read_json(json_path)
    try:
        runner_up = content["runner_up"]
        return Registration(
            map=AffineMap(np.array(content["matrix"], dtype=np.float64)),
            method=content["method"],
            verdict=content["verdict"],
            reasons=tuple(content["reasons"]),
            score=_number(content["score"]),
            runner_up=None
            if runner_up is None
            else RunnerUp(*(_number(runner_up[k]) for k in ("score", "differs_by_um", "differs_by_deg"))),
            se_um=StandardError(*(content["se_um"][k] for k in ("u", "v", "normal"))),
            unobservable=tuple(content["unobservable"]),
            tre_um=content["tre_um"],
            fre_um=content["fre_um"],
            diagnostics=content.get("diagnostics", {}),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            str(json_path), f"no registration ({error!r})", "the keys of to_reference.json"
        ) from error


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)
