"""What the package answers to any path."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import tifffile

from spallmap.errors import InputError
from spallmap.readers import READERS, input_files, open_image, probe_image


@pytest.mark.parametrize("modality", ["mri", "xct", "sem", "edx"])
def test_missing_and_foreign_files_say_what_is_read(tmp_path, modality):
    for call in (open_image, probe_image, input_files):
        with pytest.raises(InputError, match="no such file"):
            call(tmp_path / "none", modality)
    foreign = tmp_path / "map.bcf"
    foreign.write_bytes(b"x")
    for path, found in ((foreign, r"'\.bcf'"), (tmp_path, r"folder with \.bcf")):
        with pytest.raises(InputError, match=found) as caught:
            open_image(path, modality)
        accepted = [reader.accepts for reader in READERS if modality in reader.modalities]
        assert all(text in caught.value.allowed for text in accepted)


def test_unknown_modality(tmp_path):
    with pytest.raises(InputError, match="mri, xct, sem, edx"):
        open_image(tmp_path, "cryo")


@pytest.mark.parametrize(
    "spacing", [0, -1.0, float("nan"), float("inf"), (1.0, 2.0, 3.0), (1.0, -2.0), "4.66 um", ""]
)
def test_absurd_spacings(tmp_path, spacing):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((30, 30), np.uint8))
    for call in (open_image, probe_image):
        with pytest.raises(InputError, match="pixel size"):
            call(tmp_path / "a.tif", "sem", spacing)


def test_importing_the_door_loads_no_heavy_library():
    code = (
        "import sys, spallmap.readers; print(sorted({'tifffile', 'brukerapi', 'pandas'} & set(sys.modules)))"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"
