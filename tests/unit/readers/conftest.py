from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

WORDS = {
    "uint8": "_8BIT_UNSGN_INT",
    "int16": "_16BIT_SGN_INT",
    "int32": "_32BIT_SGN_INT",
    "float32": "_32BIT_FLOAT",
}


def _listed(values: Any) -> str:
    return " ".join(f"{v:.10g}" for v in np.ravel(values))


@pytest.fixture
def write_scan(tmp_path: Path) -> Callable[..., Path]:
    """Writes a ParaVision scan from stored frames of shape (frames, [z,] y, x) and returns its folder."""

    def write(
        stored: np.ndarray,
        groups: str,
        te_ms: tuple[float, ...],
        extent_mm: tuple[float, ...],
        slope: Any = 1.0,
        offset: Any = 0.0,
        positions: Any = ((0, 0, 0),),
        orientation: tuple[float, ...] = (1, 0, 0, 0, 1, 0, 0, 0, 1),
        frame_type: str = "MAGNITUDE_IMAGE",
        name: str = "5",
        skip: tuple[str, ...] = (),
        big_endian: bool = False,
        more: dict[str, str] | None = None,
    ) -> Path:
        n_frames, *shape = stored.shape
        size = shape[::-1]
        positions = np.atleast_2d(np.array(positions, dtype=float))
        slopes, offsets = (np.broadcast_to(v, n_frames) for v in (slope, offset))
        n_groups = groups.count("(")
        parameters = {
            "VisuCreatorVersion": "( 65 )\n<6.0.1>",
            "VisuCoreFrameCount": f"{n_frames}",
            "VisuCoreDim": f"{len(size)}",
            "VisuCoreSize": f"( {len(size)} )\n{_listed(size)}",
            "VisuCoreDimDesc": f"( {len(size)} )\n{' '.join(['spatial'] * len(size))}",
            "VisuCoreExtent": f"( {len(size)} )\n{_listed(extent_mm)}",
            "VisuCoreUnits": f"( {len(size)}, 65 )\n{' '.join(['<mm>'] * len(size))}",
            "VisuCoreOrientation": f"( {len(positions)}, 9 )\n{_listed([orientation] * len(positions))}",
            "VisuCorePosition": f"( {len(positions)}, 3 )\n{_listed(positions)}",
            "VisuCoreDataOffs": f"( {n_frames} )\n{_listed(offsets)}",
            "VisuCoreDataSlope": f"( {n_frames} )\n{_listed(slopes)}",
            "VisuCoreFrameType": frame_type,
            "VisuCoreWordType": WORDS[stored.dtype.name],
            "VisuCoreByteOrder": "bigEndian" if big_endian else "littleEndian",
            "VisuFGOrderDescDim": f"{n_groups}",
            "VisuFGOrderDesc": f"( {n_groups} )\n{groups}",
            "VisuAcqSequenceName": "( 65 )\n<Bruker:MSME>",
            "VisuAcqEchoTime": f"( {len(te_ms)} )\n{_listed(te_ms)}",
            "VisuAcqImagedNucleus": "( 65 )\n<23Na>",
        }
        if n_groups == 0:
            parameters.pop("VisuFGOrderDesc")
            parameters.pop("VisuFGOrderDescDim")
        parameters |= more or {}
        lines = ["##TITLE=Parameter List, ParaVision 6.0.1", "##JCAMPDX=4.24", "##DATATYPE=Parameter Values"]
        lines += [f"##${key}={value}" for key, value in parameters.items() if key not in skip]
        folder = tmp_path / name / "pdata" / "1"
        folder.mkdir(parents=True)
        (folder / "visu_pars").write_text("\n".join([*lines, "##END="]) + "\n")
        order = ">" if big_endian else "<"
        (folder / "2dseq").write_bytes(stored.astype(stored.dtype.newbyteorder(order)).tobytes())
        return tmp_path / name

    return write
