from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image as PilImage

from spallmap.report import CellReport, Picture, RegistrationEntry, render_report
from spallmap.report.pictures import fit, half_of, pack, size_px
from tests.unit.report.page_parts import parsed, png, registration


def pair(width: int = 60, height: int = 40, seed: int = 0) -> Picture:
    return Picture(
        "In turn", png(2 * width, height, seed), "How to.", "in the same place", ("section", "tomogram")
    )


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(PilImage.open(io.BytesIO(data)))


def page_of(*pictures: Picture) -> str:
    entry = RegistrationEntry("sem-a", "the tomogram", registration("accepted"), pictures=pictures)
    return render_report(CellReport("c", "s", registrations=(entry,)))


def test_a_pair_is_separated_in_the_middle() -> None:
    picture = pair(31, 20)
    whole = pixels(picture.png)
    np.testing.assert_array_equal(pixels(half_of(picture.png, right=False)), whole[:, :31])
    np.testing.assert_array_equal(pixels(half_of(picture.png, right=True)), whole[:, 31:])
    packed = pack(picture)
    assert (packed.width, packed.height) == (31, 20)
    assert packed.names == ("section", "tomogram")


@pytest.mark.parametrize("width", [701, 702, 703])
def test_a_shrunk_pair_is_still_separated_in_the_middle(width: int) -> None:
    # A bright half beside a dark one: where they meet is seen to a pixel.
    values = np.zeros((500, 2 * width, 3), np.uint8)
    values[:, width:] = np.random.default_rng(0).integers(200, 255, (500, width, 3))
    buffer = io.BytesIO()
    PilImage.fromarray(values).save(buffer, format="PNG")
    picture = Picture("a", buffer.getvalue(), "", "", ("one", "other"))
    (small,) = fit([picture], len(picture.png) // 2)
    left, right = (pixels(half_of(small.png, right=r)) for r in (False, True))
    assert left.shape == right.shape
    assert left.shape[1] < width
    assert left[:, :-4].max() < 30
    assert right[:, 4:].min() > 150


def test_the_page_shows_a_pair_in_turn_by_keyboard_and_by_click() -> None:
    picture = pair()
    page = page_of(picture)
    tree = parsed(page)
    inside = page[page.index('<figure class="turns">') : page.index("</figure>")]
    # A box within its label: a click anywhere on the picture and the space bar both flip it.
    assert inside.index("<label>") < inside.index("<input") < inside.index("<img") < inside.index("</label>")
    box = next(a for tag, a in tree.tags if tag == "input")
    assert box["type"] == "checkbox"
    assert box["aria-label"] == "Show the tomogram in place of the section"
    one, two = (a for tag, a in tree.tags if tag == "img")
    assert (one["class"], two["class"]) == ("one", "two")
    assert (one["width"], one["height"]) == (two["width"], two["height"]) == ("60", "40")
    assert one["alt"] == "section in the same place"
    assert two["alt"] == "tomogram in the same place"
    whole = pixels(picture.png)
    for image, half in ((one, whole[:, :60]), (two, whole[:, 60:])):
        data = base64.b64decode(str(image["src"]).removeprefix("data:image/png;base64,"))
        assert size_px(data) == (60, 40)
        np.testing.assert_array_equal(pixels(data), half)


def test_nothing_on_the_page_moves_by_itself() -> None:
    page = page_of(pair())
    style = page[page.index("<style>") : page.index("</style>")]
    assert not re.search(r"animation|transition|@keyframes", style)
    assert not re.search(r"<script|autoplay|http-equiv", page)
    assert "prefers-reduced-motion: reduce" in style
    # On paper both stand side by side.
    assert ".turns .view img, .turns .view .two { position: static; visibility: visible" in style


def test_a_page_of_many_pairs_stays_small() -> None:
    pictures = [pair(800, 600, seed) for seed in range(5)]
    assert sum(len(p.png) for p in pictures) > 13e6
    assert len(page_of(*pictures).encode()) < 15e6
