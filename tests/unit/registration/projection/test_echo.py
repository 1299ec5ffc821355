from __future__ import annotations

import numpy as np
import pytest

from spallmap.image import Image
from spallmap.registration.projection.echo import least_weighted_echo

RNG = np.random.default_rng(1)


@pytest.mark.parametrize("shape", [(3, 6, 5), (3, 2, 6, 5)])
def test_the_shortest_echo_time_is_taken_with_its_grid(shape: tuple[int, ...]) -> None:
    spacing = (60.0, 46.0, 23.0)[-len(shape) + 1 :]
    train = Image(
        RNG.uniform(size=shape), ("echo", "z", "y", "x")[:1] + ("z", "y", "x")[-len(shape) + 1 :], spacing
    )
    exclude = RNG.uniform(size=shape[1:]) > 0.8
    echo = least_weighted_echo(train, (9.0, 3.0, 6.0), exclude)
    np.testing.assert_array_equal(echo.data, train.data[1])
    np.testing.assert_array_equal(echo.mask, ~exclude)
    assert (echo.axes, echo.spacing_um) == (train.axes[1:], spacing)
    assert least_weighted_echo(train, (9.0, 3.0, 6.0)).mask is None


def test_a_spoiled_echo_is_passed_over() -> None:
    train = Image(RNG.uniform(size=(3, 4, 5)), ("echo", "y", "x"), (46.0, 23.0))
    echo = least_weighted_echo(train, (9.0, 3.0, 6.0), spoiled_te_ms=(3.0,))
    np.testing.assert_array_equal(echo.data, train.data[2])
    with pytest.raises(ValueError, match="no echo is left of those at 9, 3, 6 ms"):
        least_weighted_echo(train, (9.0, 3.0, 6.0), spoiled_te_ms=(3.0, 6.0, 9.0))


def test_every_echo_needs_its_time() -> None:
    train = Image(np.ones((3, 4, 4)), ("echo", "y", "x"), (1.0, 1.0))
    with pytest.raises(ValueError, match="2 echo times"):
        least_weighted_echo(train, (1.0, 2.0))
    with pytest.raises(ValueError, match="do not belong together"):
        least_weighted_echo(Image(np.ones((3, 4)), ("y", "x"), (1.0, 1.0)), (1.0, 2.0, 3.0))
