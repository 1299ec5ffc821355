from __future__ import annotations

import pytest

from spallmap.errors import InputError
from spallmap.readers.echo_train import EchoOrigin, refuse_gradient_echoes, train_of


def test_slices_acquired_at_their_own_times_do_not_make_separate_echoes():
    """Every slice of a train has its own time, shared by its echoes."""
    train = [
        EchoOrigin(te, train_length=3, acquired=f"slice {z}") for te in (2.0, 4.0, 6.0) for z in range(5)
    ]
    assert train_of(train) == "cpmg"
    apart = [EchoOrigin(te, acquired=f"{te} {z}") for te in (2.0, 4.0, 6.0) for z in range(5)]
    assert train_of(apart) == "separate"


@pytest.mark.parametrize(
    ("scanning", "pulses", "refused"),
    [
        ("GR", None, True),
        (["GR"], None, True),
        ("GR\\IR", None, True),
        (None, "GRADIENT", True),
        ("SE", None, False),
        (["SE", "GR"], None, False),
        ("SE_GR", None, False),
        (None, None, False),
        ("", "SPIN", False),
    ],
)
def test_gradient_echoes_are_distinguished_from_spin_echoes(scanning, pulses, refused):
    if refused:
        with pytest.raises(InputError, match="gradient echoes"):
            refuse_gradient_echoes("here", scanning, pulses)
    else:
        refuse_gradient_echoes("here", scanning, pulses)
