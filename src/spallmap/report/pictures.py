"""Pictures for a page: measured, shrunk until the page is small enough, and packed as text."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import Image as PilImage

from spallmap.report.context import Picture

# Packed as text a picture grows by a third; 10.5 MB of pictures leave room for words below 15 MB.
BUDGET_BYTES = 10_500_000
SHRINK = 0.75
SMALLEST_PX = 200


@dataclass(frozen=True)
class PackedPicture:
    """A picture as it stands in the page.

    Parameters
    ----------
    title, caption, alt : str
        As in :class:`~spallmap.report.context.Picture`.
    source : str
        A ``data:`` address.
    width, height : int
        Pixels.
    other : str
        A ``data:`` address of the picture to be seen in turn with it; none where empty.
    names : tuple of str
        Of both.
    """

    title: str
    caption: str
    alt: str
    source: str
    width: int
    height: int
    other: str = ""
    names: tuple[str, str] = ("", "")


def size_px(png: bytes) -> tuple[int, int]:
    """Width and height of a PNG in pixels."""
    with PilImage.open(io.BytesIO(png)) as image:
        return image.size


def shrunk(png: bytes, factor: float = SHRINK) -> bytes:
    """Return the same PNG with fewer pixels.

    Parameters
    ----------
    png : bytes
        Content of a PNG file.
    factor : float
        Of both sides.

    Returns
    -------
    bytes
        Content of a smaller PNG file.
    """
    with PilImage.open(io.BytesIO(png)) as image:
        flat = image.convert("RGB")
    # An even width, so that a pair's halves stay one over the other.
    size = (max(2 * int(flat.width * factor / 2), 1), max(int(flat.height * factor), 1))
    buffer = io.BytesIO()
    flat.resize(size, PilImage.Resampling.LANCZOS).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def half_of(png: bytes, right: bool) -> bytes:
    """Return the left or the right half of a PNG as a PNG."""
    with PilImage.open(io.BytesIO(png)) as image:
        middle = image.width // 2
        half = image.crop((middle, 0, 2 * middle, image.height) if right else (0, 0, middle, image.height))
    buffer = io.BytesIO()
    half.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def fit(pictures: Sequence[Picture], budget_bytes: int = BUDGET_BYTES) -> list[Picture]:
    """Shrink the largest pictures, one step at a time, until all together fit.

    Parameters
    ----------
    pictures : sequence of Picture
        In any order.
    budget_bytes : int
        For all of them together.

    Returns
    -------
    list of Picture
        In the same order; unchanged where they fit already. Pictures are never made smaller than 200 pixels a
        side, so a budget below that is not kept.
    """
    fitted = list(pictures)
    stuck: set[int] = set()
    while sum(len(p.png) for p in fitted) > budget_bytes and len(stuck) < len(fitted):
        k = max((i for i in range(len(fitted)) if i not in stuck), key=lambda i: len(fitted[i].png))
        smaller = shrunk(fitted[k].png)
        if len(smaller) >= len(fitted[k].png) or min(size_px(smaller)) < SMALLEST_PX:
            stuck.add(k)
            continue
        fitted[k] = replace(fitted[k], png=smaller)
    return fitted


def pack(picture: Picture) -> PackedPicture:
    """Convert a picture to text that stands in a page."""
    if picture.halves is None:
        return PackedPicture(
            picture.title, picture.caption, picture.alt, _address(picture.png), *size_px(picture.png)
        )
    left, right = half_of(picture.png, right=False), half_of(picture.png, right=True)
    return PackedPicture(
        picture.title,
        picture.caption,
        picture.alt,
        _address(left),
        *size_px(left),
        other=_address(right),
        names=picture.halves,
    )


def _address(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")
