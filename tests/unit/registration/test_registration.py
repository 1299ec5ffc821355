"""The four methods as one package shows them."""

from __future__ import annotations

import inspect
import subprocess
import sys

import numpy as np
import pytest

from spallmap import registration
from spallmap.image import Image

METHODS = [name for name in registration.__all__ if name.startswith("register_")]
# What is registered, and what to: images as they are, tomograms by three arguments.
OWN = (["image"], ["moving_grey", "moving_phases", "moving_spacing_um"])
FIXED = (
    ["overview"],
    ["fixed_phases", "fixed_spacing_um"],
    ["fixed_grey", "fixed_phases", "fixed_spacing_um"],
)


def test_each_method_has_its_function() -> None:
    assert sorted(METHODS) == ["register_inset", "register_projection", "register_section", "register_volume"]
    with pytest.raises(AttributeError, match="register_nothing"):
        registration.register_nothing  # noqa: B018


@pytest.mark.parametrize("name", METHODS)
def test_methods_have_one_grammar(name: str) -> None:
    parameters = inspect.signature(getattr(registration, name)).parameters.values()
    positional = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert positional in [own + fixed for own in OWN for fixed in FIXED]
    assert all(p.default is p.empty for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD)
    words = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    assert len(positional) + len(words) == len(parameters)
    assert words["seed"] == 1
    # What a method needs to know comes first, and has no default.
    assert next(iter(words)) in ("prior", "kind")
    assert words.get("threads", 1) == 1


def test_reading_a_result_loads_no_method() -> None:
    code = (
        "import sys, spallmap.registration.result; print([m for m in sys.modules if m.endswith('register')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_inset_lies_in_a_plane_image() -> None:
    plane = Image(np.ones((5, 5)), ("y", "x"), (1.0, 1.0))
    volume = Image(np.ones((5, 5, 5)), ("z", "y", "x"), (1.0, 1.0, 1.0))
    for pair in ((plane, volume), (volume, plane)):
        with pytest.raises(ValueError, match="plane images"):
            registration.register_inset(*pair, kind="sem")
