"""Pairs of pictures to be seen in turn, cut from a picture that says where they lie in it."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image as PilImage

from spallmap.figures.registration import PAIRS_KEY, Pair, read_notes
from spallmap.report.context import Picture

CAPTION = (
    "Click the picture, or press the space bar on its box, and the {first} and the {second} take turns in "
    "the same place. What keeps still is where it should be; what jumps to and fro is displaced by as much "
    "as it jumps. A change of brightness alone is harmless."
)


def flicker_pictures(png: bytes) -> tuple[Picture, ...]:
    """Cut the marked pairs out of a picture.

    Parameters
    ----------
    png : bytes
        Content of a PNG file whose pairs were noted by `pair_notes`.

    Returns
    -------
    tuple of Picture
        Both ways side by side, with their names as ``halves``, and how to read them with the first; empty
        where no pair was noted.
    """
    with PilImage.open(io.BytesIO(png)) as image:
        image.load()
        notes = image.info.get(PAIRS_KEY)
        flat = image.convert("RGB")
    return tuple(_picture(flat, pair, k == 0) for k, pair in enumerate(read_notes(notes))) if notes else ()


def _picture(image: PilImage.Image, pair: Pair, explained: bool) -> Picture:
    first, second = image.crop(pair.first_box), image.crop(pair.second_box)
    if pair.fused:
        values = np.asarray(first)
        first, second = PilImage.fromarray(values[..., 0]), PilImage.fromarray(values[..., 1])
    both = PilImage.new(first.mode, (2 * first.width, first.height))
    both.paste(first, (0, 0))
    both.paste(second, (first.width, 0))
    buffer = io.BytesIO()
    both.save(buffer, format="PNG", optimize=True)
    where = f", {pair.title}" if pair.title else ""
    return Picture(
        f"In turn: {pair.first} and {pair.second}{where}",
        buffer.getvalue(),
        CAPTION.format(first=pair.first, second=pair.second) if explained else "",
        f"in the place of the registration{where}",
        halves=(pair.first, pair.second),
    )
