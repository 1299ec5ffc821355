from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from spallmap.readers.sem.data_bar import find_data_bar, specimen_mask


def scan(rng: np.random.Generator, shape: tuple[int, int], noise: float = 12.0) -> np.ndarray:
    """A bright specimen with blobs and a dark outside, tilted like a real one."""
    rows, columns = np.indices(shape)
    tilt = rng.uniform(-0.1, 0.1)
    specimen = rows + tilt * columns > 0.2 * shape[0]
    blobs = ndimage.gaussian_filter(rng.normal(size=shape), 6) * 300
    image = np.where(specimen, 150 + blobs, 25) + rng.normal(0, noise, shape)
    return np.clip(image, 0, 255).astype(np.uint8)


def draw_bar(
    image: np.ndarray, rng: np.random.Generator, height: int, paper: int, ink: int, frame: bool
) -> None:
    bar = image[-height:]
    bar[...] = paper
    if frame:
        bar[0] = bar[-1] = ink
    n_lines = max(1, height // 25)
    for line in range(n_lines):
        top = 6 + line * 22
        for _ in range(rng.integers(2, 12)):
            left = rng.integers(0, image.shape[1] - 20)
            bar[top : top + 8, left : left + 14] = np.where(
                rng.random((min(8, height - top), 14)) < 0.5, ink, paper
            )
    left = rng.integers(5, 40)
    bar[-6:-3, left : left + image.shape[1] // 2] = ink


@pytest.mark.parametrize("seed", range(20))
def test_drawn_bars_start_where_they_were_drawn(seed):
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(300, 900)), int(rng.integers(300, 1000)))
    image = scan(rng, shape)
    height = int(rng.uniform(0.04, 0.15) * shape[0]) + 12
    paper, ink = [(0, 255), (255, 0), (96, 255), (243, 0)][seed % 4]
    draw_bar(image, rng, height, paper, ink, frame=bool(seed % 2))
    assert find_data_bar(image) == shape[0] - height


@pytest.mark.parametrize("seed", range(20))
def test_no_bar_where_none_was_drawn(seed):
    rng = np.random.default_rng(100 + seed)
    shape = (int(rng.integers(300, 900)), int(rng.integers(300, 1000)))
    assert find_data_bar(scan(rng, shape, noise=rng.uniform(1.5, 20))) is None


@pytest.mark.parametrize("seed", range(5))
def test_clipped_outside_below_the_specimen_is_no_bar(seed):
    rng = np.random.default_rng(seed)
    image = scan(rng, (500, 600))
    rows, columns = np.indices(image.shape)
    image[rows > 420 + 0.02 * columns + 5 * np.sin(columns / 50)] = 0
    assert find_data_bar(image) is None
    image[440:460, 100:120] = 200  # a piece of dust on the clipped area
    assert find_data_bar(image) is None


def test_drawn_area_without_ink_is_no_bar():
    image = scan(np.random.default_rng(0), (400, 400))
    image[-40:] = 0
    assert find_data_bar(image) is None


@pytest.mark.parametrize("clipped_fraction", [0.3, 0.7])
def test_bar_below_a_partly_clipped_image(clipped_fraction):
    rng = np.random.default_rng(7)
    image = scan(rng, (500, 600))
    image[:, : int(clipped_fraction * 600)] = 0
    draw_bar(image, rng, 50, 0, 255, frame=False)
    assert find_data_bar(image) == 450


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_other_types(dtype):
    rng = np.random.default_rng(3)
    image = (rng.normal(20000, 3000, (400, 500))).astype(dtype)
    image[-40:] = 0
    image[-30:-26, 50:200] = 60000
    assert find_data_bar(image) == 360


@pytest.mark.parametrize("image", [np.zeros((100, 100)), np.full((50, 60), 7, np.uint8), np.zeros((2, 2))])
def test_constant_and_tiny_images_have_no_bar(image):
    assert find_data_bar(image) is None


def test_mask_is_false_in_the_bar_alone():
    mask = specimen_mask((5, 3), 4)
    assert mask[:4].all()
    assert not mask[4].any()
    assert specimen_mask((5, 3), None).all()
