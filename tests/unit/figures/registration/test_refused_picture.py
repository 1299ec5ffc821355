from __future__ import annotations

import pytest

from spallmap.figures import (
    refused_picture,
)
from spallmap.frames import AffineMap
from spallmap.registration.compose import refused as not_tried
from tests.unit.figures.picture_checks import assert_inside, head, known, words


def test_refused_picture_says_why() -> None:
    reason = "there is no tomogram of this cell to register it to; " * 6 + "so $nothing$ was tried"
    for why in (reason, not_tried(reason)):
        figure = refused_picture(why, "mri-t2")
        assert head(figure).startswith("mri-t2: REFUSED")
        assert words(figure).count("there is no tomogram of this cell") == 6
        assert_inside(figure)
    with pytest.raises(ValueError, match="accepted"):
        refused_picture(known(AffineMap.identity()))
