"""What the tests of pages need: a reader of pages, a picture of noise, a known registration."""

from __future__ import annotations

import io
from html.parser import HTMLParser

import numpy as np
from PIL import Image as PilImage

from spallmap.frames import AffineMap
from spallmap.registration.result import Registration, RunnerUp, StandardError

VOID = {"meta", "link", "img", "br", "hr", "input"}


class Tree(HTMLParser):
    """Checks nesting, and keeps tags and text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.text += data


def parsed(page: str) -> Tree:
    tree = Tree()
    tree.feed(page)
    tree.close()
    assert tree.open == []
    return tree


def png(width: int, height: int, seed: int = 0) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    PilImage.fromarray(noise).save(buffer, format="PNG")
    return buffer.getvalue()


def registration(verdict: str, *reasons: str) -> Registration:
    return Registration(
        AffineMap.identity(),
        "known",
        verdict,
        reasons,
        0.9,
        RunnerUp(0.7, 120.0, 3.0),
        StandardError(2.0, None, None),  # type: ignore[arg-type]
    )
