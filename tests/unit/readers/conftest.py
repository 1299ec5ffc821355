from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

WORDS = {"int16": "_16BIT_SGN_INT", "int32": "_32BIT_SGN_INT", "float32": "_32BIT_FLOAT"}


def _listed(values: Any) -> str:
    return " ".join(f"{v:.10g}" for v in np.ravel(values))


@pytest.fixture
def write_scan(tmp_path: Path) -> Callable[..., Path]:
    """Writes a ParaVision scan from stored frames of shape (frames, y, x) and returns its folder."""

    def write(
        stored: np.ndarray,
        groups: str,
        te_ms: tuple[float, ...],
        extent_mm: tuple[float, float],
        slope: Any = 1.0,
        offset: Any = 0.0,
        positions: Any = ((0, 0, 0),),
        orientation: tuple[float, ...] = (1, 0, 0, 0, 1, 0, 0, 0, 1),
        frame_type: str = "MAGNITUDE_IMAGE",
        name: str = "5",
        skip: tuple[str, ...] = (),
    ) -> Path:
        n_frames, n_y, n_x = stored.shape
        positions = np.atleast_2d(np.array(positions, dtype=float))
        slopes, offsets = (np.broadcast_to(v, n_frames) for v in (slope, offset))
        n_groups = groups.count("(")
        parameters = {
            "VisuCreatorVersion": "( 65 )\n<6.0.1>",
            "VisuCoreFrameCount": f"{n_frames}",
            "VisuCoreDim": "2",
            "VisuCoreSize": f"( 2 )\n{n_x} {n_y}",
            "VisuCoreDimDesc": "( 2 )\nspatial spatial",
            "VisuCoreExtent": f"( 2 )\n{_listed(extent_mm)}",
            "VisuCoreUnits": "( 2, 65 )\n<mm> <mm>",
            "VisuCoreOrientation": f"( {len(positions)}, 9 )\n{_listed([orientation] * len(positions))}",
            "VisuCorePosition": f"( {len(positions)}, 3 )\n{_listed(positions)}",
            "VisuCoreDataOffs": f"( {n_frames} )\n{_listed(offsets)}",
            "VisuCoreDataSlope": f"( {n_frames} )\n{_listed(slopes)}",
            "VisuCoreFrameType": frame_type,
            "VisuCoreWordType": WORDS[stored.dtype.name],
            "VisuCoreByteOrder": "littleEndian",
            "VisuFGOrderDescDim": f"{n_groups}",
            "VisuFGOrderDesc": f"( {n_groups} )\n{groups}",
            "VisuAcqSequenceName": "( 65 )\n<Bruker:MSME>",
            "VisuAcqEchoTime": f"( {len(te_ms)} )\n{_listed(te_ms)}",
            "VisuAcqImagedNucleus": "( 65 )\n<23Na>",
        }
        if n_groups == 0:
            parameters.pop("VisuFGOrderDesc")
            parameters.pop("VisuFGOrderDescDim")
        lines = ["##TITLE=Parameter List, ParaVision 6.0.1", "##JCAMPDX=4.24", "##DATATYPE=Parameter Values"]
        lines += [f"##${key}={value}" for key, value in parameters.items() if key not in skip]
        folder = tmp_path / name / "pdata" / "1"
        folder.mkdir(parents=True)
        (folder / "visu_pars").write_text("\n".join([*lines, "##END="]) + "\n")
        (folder / "2dseq").write_bytes(stored.astype(stored.dtype.newbyteorder("<")).tobytes())
        return tmp_path / name

    return write
