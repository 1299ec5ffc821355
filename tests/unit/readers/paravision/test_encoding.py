"""What ParaVision's parameters say of zero filling and partial Fourier."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spallmap.readers.paravision.encoding import parameter_files, read_encoding
from spallmap.readers.paravision.reconstruction import probe
from spallmap.twin.formats import write_paravision


def scan(folder: Path, shape: tuple[int, int], **method: str) -> Path:
    """Write a scan, and replace parameters of its method."""
    write_paravision(folder, np.ones((2, *shape)), (2.0, 6.0), (23.0, 46.0))
    path = folder / "method"
    text = path.read_text(encoding="ascii")
    lines = [f"##${key}={value}" for key, value in method.items()]
    kept = "\n##".join(
        part for part in text.split("\n##") if not part.startswith(tuple(f"${k}=" for k in method))
    )
    path.write_text(kept.replace("##END=", "\n".join([*lines, "##END="])), encoding="ascii")
    return folder / "pdata" / "1" / "2dseq"


def test_nothing_filled_is_plain(tmp_path: Path) -> None:
    image = scan(tmp_path, (64, 48))
    found = read_encoding(image, (64, 48)).sampling
    assert found is not None
    assert found.is_plain
    assert [path.name for path in parameter_files(image)] == ["method", "reco"]


def test_zero_filling_and_partial_fourier_are_along_read_and_phase(tmp_path: Path) -> None:
    image = scan(tmp_path, (64, 48), PVM_EncZf="( 2 )\n2 1", PVM_EncPft="( 2 )\n1 1.25")
    found = read_encoding(image, (64, 48)).sampling
    assert found is not None
    assert found.factor == pytest.approx((1.25, 2.0))
    assert probe(image).meta["sampling"] == found


def test_a_reconstruction_to_another_matrix_counts(tmp_path: Path) -> None:
    image = scan(tmp_path, (128, 96), PVM_Matrix="( 2 )\n48 64")
    found = read_encoding(image, (128, 96)).sampling
    assert found is not None
    assert found.factor == pytest.approx((2.0, 2.0))


def test_a_method_that_cannot_be_read_is_said_and_the_image_read(tmp_path: Path) -> None:
    image = scan(tmp_path, (64, 48), PVM_EncZf="( 2 )\nYes No")
    info = probe(image)
    assert "sampling" not in info.meta
    assert "readout" not in info.meta
    assert "asked of its noise alone" in str(info.warnings[0])


def test_without_a_method_nothing_is_said(tmp_path: Path) -> None:
    image = scan(tmp_path, (64, 48))
    (tmp_path / "method").unlink()
    assert read_encoding(image, (64, 48)).sampling is None


@pytest.mark.parametrize(("transposed", "axis"), [(False, "x"), (True, "y")])
def test_the_readout_runs_along_the_first_axis_unless_it_is_transposed(
    tmp_path: Path, transposed: bool, axis: str
) -> None:
    image = scan(tmp_path, (64, 48))
    if transposed:
        reco = image.parent / "reco"
        before, after = reco.read_text(encoding="ascii").split("##$RECO_transposition=")
        head, zeros, rest = after.split("\n", 2)
        reco.write_text(f"{before}##$RECO_transposition={head}\n{zeros.replace('0', '1')}\n{rest}")
    assert read_encoding(image, (64, 48)).readout == axis
    assert probe(image).meta["readout"] == axis
    (tmp_path / "method").unlink()
    assert read_encoding(image, (64, 48)).readout is None
