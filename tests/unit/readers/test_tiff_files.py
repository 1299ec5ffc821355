from __future__ import annotations

import pytest

from spallmap.errors import InputError
from spallmap.readers import probe_image


def test_a_text_named_tif_is_no_tiff(tmp_path):
    (tmp_path / "a.tif").write_text("no TIFF at all")
    for modality in ("sem", "xct"):
        with pytest.raises(InputError, match=r"a\.tif"):
            probe_image(tmp_path / "a.tif", modality)
