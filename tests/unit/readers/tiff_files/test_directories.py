"""Headers that ask for memory, time or files without end are refused at once."""

from __future__ import annotations

import zlib

import imagecodecs
import numpy as np
import pytest

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image
from spallmap.readers.tiff_files import directories
from tests.unit.readers.tiff_files.lying_tiff import ASCII, LONG, SHORT, Tag, grey_tags, write_pages

SAMPLES = bytes(range(256)) * 2


def page(*other: Tag, without: tuple[int, ...] = ()) -> list[Tag]:
    codes = {tag[0] for tag in other} | set(without)
    return [tag for tag in grey_tags(16, 32, 8, 512) if tag[0] not in codes] + list(other)


def text(content: str) -> Tag:
    return 270, ASCII, len(content), content.encode()


def packed(compression: int, content: bytes) -> list[Tag]:
    return page((259, SHORT, 1, compression), (279, LONG, 1, len(content)))


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        (page((273, LONG, 4_000_000_000, 8)), r"tag 273.*4000000000 strips"),
        (page((270, ASCII, 4_000_000_000, 8)), r"tag 270.*4000000000 bytes"),
        (page((270, ASCII, 900, 8)), r"tag 270"),
        (page((330, LONG, 100, bytes(400))), r"tag 330.*100 sub-directories"),
        (page((256, LONG, 1, 60_000), (257, LONG, 1, 60_000), (278, LONG, 1, 60_000)), r"3600 MB|axes YX"),
        (page((256, LONG, 1, 0)), "at least one"),
        (page((258, SHORT, 1, 24)), "samples of 24 bits"),
        (page((322, LONG, 1, 1 << 30), (323, LONG, 1, 1 << 30), without=(273, 278, 279)), "bytes|strips"),
        (page((322, LONG, 1, 0), (323, LONG, 1, 0), (324, LONG, 1, 8), (325, LONG, 1, 512)), "at least one"),
        (page(text("ImageJ=1.53t\nimages=1000000000\nslices=1000000000\n")), "1000000000 images"),
        (page(text("ImageJ=1.53t\nimages=40\nslices=40\n")), "40 images of 512 bytes"),
        (page(text("ImageJ=1.53t\nimages=-1\nslices=x\n")), "images: found '-1'"),
        (page(text('{"shape": [1000000000, 16, 32]}')), "1000000000 images"),
    ],
)
def test_one_page_that_lies(tmp_path, tags, words):
    write_pages(tmp_path / "a.tif", [tags], SAMPLES)
    for modality in ("sem", "xct"):
        with pytest.raises(InputError, match=rf"a\.tif.*({words})"):
            open_image(tmp_path / "a.tif", modality, 1.0)


@pytest.mark.parametrize("n_pages", [1, 3])
def test_a_chain_that_closes(tmp_path, n_pages):
    write_pages(tmp_path / "a.tif", [page()] * n_pages, SAMPLES, following=8 + 512)
    with pytest.raises(InputError, match=r"a\.tif.*followed by page 0 again"):
        probe_image(tmp_path / "a.tif", "xct")


def test_more_pages_than_any_tomogram_has(tmp_path, monkeypatch):
    monkeypatch.setattr(directories, "MOST_PAGES", 5)
    write_pages(tmp_path / "a.tif", [page()] * 6, SAMPLES)
    with pytest.raises(InputError, match="more than 5 pages"):
        probe_image(tmp_path / "a.tif", "xct")


def test_text_of_gigabytes(tmp_path):
    """Sparse, so that the file is as large as it says."""
    write_pages(tmp_path / "a.tif", [page((270, ASCII, 3_000_000_000, 1000))], SAMPLES)
    with (tmp_path / "a.tif").open("r+b") as stream:
        stream.truncate(3_500_000_000)
    with pytest.raises(InputError, match=r"tag 270.*at most 67108864 bytes"):
        probe_image(tmp_path / "a.tif", "sem")


@pytest.mark.parametrize(
    ("compression", "encode"),
    [
        (8, lambda: zlib.compress(bytes(50_000_000), 9)),
        (50000, lambda: imagecodecs.zstd_encode(bytes(50_000_000))),
        (34887, lambda: imagecodecs.lerc_encode(np.zeros((5000, 9000), np.uint8))),
        (34712, lambda: imagecodecs.jpeg2k_encode(np.zeros((2000, 3000), np.uint8))),
        (7, lambda: imagecodecs.jpeg8_encode(np.zeros((5000, 9000), np.uint8))),
    ],
)
def test_strips_that_unpack_to_more_than_the_page_says(tmp_path, compression, encode):
    content = encode()
    write_pages(tmp_path / "a.tif", [packed(compression, content)], content)
    with pytest.raises(InputError, match=r"a\.tif"):
        open_image(tmp_path / "a.tif", "sem", 1.0)


def test_a_tile_far_larger_than_its_bytes(tmp_path):
    content = zlib.compress(bytes(10_000), 9)
    tags = page(
        (259, SHORT, 1, 8),
        (322, LONG, 1, 16384),
        (323, LONG, 1, 16384),
        (324, LONG, 1, 8),
        (325, LONG, 1, len(content)),
        without=(273, 278, 279),
    )
    write_pages(tmp_path / "a.tif", [tags], content)
    with pytest.raises(InputError, match="announces 268435456 bytes"):
        open_image(tmp_path / "a.tif", "sem", 1.0)


@pytest.mark.parametrize(
    "content", [b"", b"II", b"II*\0", b"II+\0\x08\0\0\0", b"MM\0*\xff\xff\xff\xff", b"II*\0\0\0\0\0"]
)
def test_beginnings_of_files(tmp_path, content):
    (tmp_path / "a.tif").write_bytes(content)
    for modality in ("sem", "xct"):
        with pytest.raises(InputError, match=r"a\.tif"):
            probe_image(tmp_path / "a.tif", modality)
