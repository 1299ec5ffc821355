from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from spallmap.figures import inset_picture, section_picture, style, volume_picture
from spallmap.figures.registration.residuals import (
    ArrowScale,
    along,
    doubtful,
    draw_key,
    draw_shifts,
    fixed_blocks,
    near_plane,
    own_blocks,
    shift_scale,
    side_um,
)
from spallmap.frames import AffineMap
from spallmap.registration.diagnostics import Blocks, Diagnostics
from tests.unit.figures.picture_checks import assert_inside, known, words

UPRIGHT = AffineMap.from_parts(np.column_stack([(1, 0, 0), (0, 0, -1), (0, 1, 0)]), (0.0, 60.0, 120.0))


def drawn_blocks(rng: np.random.Generator, n: int = 12) -> Blocks:
    position = np.column_stack([rng.uniform(0, 300, (n, 2)), np.zeros(n)])
    return Blocks(position, rng.normal(0, 0.4, (n, 3)), rng.uniform(0.05, 0.6, (n, 3)))


@pytest.mark.parametrize("seed", range(5))
def test_blocks_in_the_fixed_frame_are_carried_into_the_own_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rotation = Rotation.random(random_state=seed).as_matrix()
    pose = AffineMap.from_parts(rotation, rng.uniform(-500, 500, 3))
    own = Blocks(rng.uniform(0, 300, (7, 3)), rng.normal(size=(7, 3)))
    fixed = pose(own.position_um), pose(own.position_um + own.shift_um) - pose(own.position_um)
    found = own_blocks(known(pose, diagnostics=Diagnostics(blocks=Blocks.in_own_frame(*fixed, pose))))
    assert found is not None
    np.testing.assert_allclose(found.position_um, own.position_um, atol=1e-9)
    np.testing.assert_allclose(found.shift_um, own.shift_um, atol=1e-9)
    back = fixed_blocks(known(pose, diagnostics=Diagnostics(blocks=own)))
    assert back is not None
    np.testing.assert_allclose(back.position_um, fixed[0], atol=1e-9)
    np.testing.assert_allclose(back.shift_um, fixed[1], atol=1e-9)


@pytest.mark.parametrize(
    "blocks",
    [
        None,
        Blocks(np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((0, 3))),
        Blocks(np.zeros((0, 3)), np.zeros((0, 3))),
    ],
)
def test_no_blocks_are_none(blocks: Blocks | None) -> None:
    registration = known(AffineMap.identity(), diagnostics=Diagnostics(blocks=blocks))
    assert own_blocks(registration) is None
    assert fixed_blocks(registration) is None


def test_a_shift_is_doubtful_within_two_errors_in_every_direction() -> None:
    shift = np.array([[0.19, -0.19, 0.19], [0.21, 0.0, 0.0], [0.0, 0.0, -0.21]])
    blocks = Blocks(np.zeros((3, 3)), shift, np.full((3, 3), 0.1))
    assert doubtful(blocks).tolist() == [True, False, False]
    assert not doubtful(Blocks(np.zeros((3, 3)), 0.0 * shift)).any()


def test_blocks_near_a_plane_are_those_of_its_layer() -> None:
    centres = np.stack(np.meshgrid(*[np.arange(5) * 40.0] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    blocks = Blocks(centres, np.zeros_like(centres))
    assert side_um(blocks) == 40.0
    near = near_plane(along(blocks, (1, 2, 0)), 85.0)
    assert len(near.position_um) == 25
    assert set(near.position_um[:, 2]) == {80.0}


@pytest.mark.parametrize("seed", range(10))
def test_four_of_five_arrows_are_shorter_than_the_blocks_are_apart(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = 10.0 ** rng.uniform(-3, 2)
    grid = np.stack(np.meshgrid(np.arange(6), np.arange(5), [0]), axis=-1).reshape(-1, 3) * 70.0
    blocks = Blocks(grid, rng.normal(0, size, grid.shape))
    scale = shift_scale(blocks, 400.0)
    drawn = scale.enlarged * np.linalg.norm(blocks.shift_um[:, :2], axis=1)
    assert np.quantile(drawn, 0.8) <= 0.8 * 70.0
    # Steps of 1, 2, 5 lose at most a factor of 2.5.
    assert np.quantile(drawn, 0.8) >= 0.8 * 70.0 / 2.51
    assert 0.3 * 70.0 < scale.enlarged * scale.key_um <= 70.0
    assert scale.across is not None
    assert scale.across.vmin == -scale.across.vmax


def test_blocks_that_stay_are_drawn_as_they_are() -> None:
    lone = Blocks(np.zeros((1, 3)), np.zeros((1, 3)))
    scale = shift_scale(lone, 100.0)
    assert (scale.enlarged, scale.key_um) == (1.0, 10.0)
    assert shift_scale(lone, 100.0, in_plane=True).across is None


def test_arrow_and_key_are_as_long_as_they_say() -> None:
    figure = style.new_figure("single", 85.0)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.imshow(np.zeros((4, 4)), cmap="gray", vmin=0, vmax=1, extent=(0.0, 400.0, 400.0, 0.0))
    axes.axis("off")
    scale = ArrowScale(100.0, 1.0, None)
    # Own columns run to the right, own rows down.
    draw_shifts(axes, Blocks(np.array([[100.0, 100.0, 0.0]]), np.array([[0.0, 2.0, 0.0]])), scale)
    figure.canvas.draw()
    colours = np.asarray(figure.canvas.buffer_rgba())  # type: ignore[attr-defined]
    yellow = colours[..., 2] < colours[..., 0]
    rows, columns = np.nonzero(yellow)
    um = 400.0 / yellow.shape[0]
    assert rows.max() * um == pytest.approx(300.0, abs=5.0)
    assert rows.min() * um == pytest.approx(100.0, abs=8.0)
    assert columns.mean() * um == pytest.approx(100.0, abs=4.0)
    draw_key(axes, scale)
    bar = next(a for a in axes.get_children() if a.get_gid() == "scale-bar")
    assert bar.size_bar.get_children()[0].get_width() == 100.0  # type: ignore[attr-defined]
    assert "shift of 1 µm" in words(figure)


@pytest.mark.parametrize("refused", [False, True])
def test_section_and_volume_show_what_is_left_to_shift(refused: bool) -> None:
    rng = np.random.default_rng(3)
    grey = rng.uniform(0, 60000, (30, 32, 34)).astype(np.uint16)
    blocks = drawn_blocks(rng)
    listed = Blocks(0.3 * blocks.position_um, blocks.shift_um, blocks.se_um)
    verdict = "refused" if refused else "accepted"
    registration = known(UPRIGHT, verdict, diagnostics=Diagnostics(blocks=listed))
    figure = section_picture(rng.uniform(size=(25, 30)), None, (4.0, 4.0), grey, (4.0,) * 3, registration)
    clear = int(np.count_nonzero(~doubtful(blocks)))
    assert f"{clear} of 12 blocks shift more" in words(figure)
    assert "shift across the plane / µm" in words(figure)
    assert_inside(figure)
    left = Blocks(rng.uniform(20, 100, (20, 3)), rng.normal(0, 0.5, (20, 3)))
    same = known(AffineMap.identity(), verdict, diagnostics=Diagnostics(blocks=left))
    figure = volume_picture(grey, (4.0,) * 3, grey, (4.0,) * 3, same)
    assert "shift left in the block, across the plane / µm" in words(figure)
    assert_inside(figure)


def test_inset_shows_shifts_in_its_plane_only() -> None:
    rng = np.random.default_rng(4)
    overview, pose = rng.uniform(size=(60, 80)), AffineMap.from_parts(np.eye(3), (40.0, 30.0, 0.0))
    centres = np.column_stack([rng.uniform(40, 90, 9), rng.uniform(30, 70, 9), np.zeros(9)])
    shifts = np.column_stack([np.full(9, 0.3), np.full(9, -0.4), np.zeros(9)])
    registration = known(pose, diagnostics=Diagnostics(blocks=Blocks.in_own_frame(centres, shifts, pose)))
    figure = inset_picture(
        overview[15:36, 20:46], None, (2.0, 2.0), overview, None, (2.0, 2.0), registration, "sem"
    )
    assert "Median shift 0.5 µm." in words(figure)
    assert "across" not in words(figure)
    assert_inside(figure)
