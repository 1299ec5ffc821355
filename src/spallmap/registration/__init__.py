"""Finds each acquisition's map to the reference frame, and says how well it is known.

Four methods, one for each kind of pair::

    register_volume      a tomogram to another tomogram of the cell
    register_projection  an image of the metal, in projection or in slices, to the tomogram of its state
    register_section     a section image to the tomogram of its state, at an azimuth that nobody gives
    register_inset       a detail or element maps to the section image that they lie in

Each takes first what is registered, an :class:`~spallmap.image.Image` with its mask, or a tomogram as grey
values, phases and spacing; then what it is registered to, in the same form; then, by keyword, what else is
known (``prior``, ``kind``, ``sigma``, ``landmarks``), ``seed`` and ``threads``. Each returns a
:class:`Registration`: map, verdict, standard errors and the evidence, in one shape for all
(:mod:`~spallmap.registration.diagnostics`).

A method is a room of the same five modules:

``register``
    The public function: it prepares, calls the others in this order, and makes a refusal of
    :class:`~spallmap.registration.verdict.Refused`.
``search``
    Coarsely, over everything that the prior leaves open.
``refine``
    From the best of the search to the maximum, with what the fit leaves open beside the pose.
``known_answer``
    The same search and refinement on copies of the user's own data whose map is known.
``judge``
    The conditions of an acceptance, each with what was seen right and wrong, and the evidence.

What they need together stands beside the rooms: ``interpolation``, ``gauss_newton`` and ``block_errors``
(small motions and their standard errors), ``scale``, ``known_answers``, ``verdict`` (differences between
maps, bootstrap, conditions), ``diagnostics`` and ``result`` (what is returned), ``feasibility`` (what cannot
be tried), ``compose`` (chains, refusals) and ``landmark_fit``.

A fifth method is a fifth room with these five modules that returns a :class:`Registration`; its function is
named below, and one script and one rule call it. Result files, pages and figures' headings take it as it is;
a picture of its own is one module in :mod:`spallmap.figures.registration`. Rooms import what they need
together by its whole path, never from here.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from spallmap.registration.result import Registration

if TYPE_CHECKING:
    from spallmap.registration.inset.register import register_inset
    from spallmap.registration.projection.register import register_projection
    from spallmap.registration.section.register import register_section
    from spallmap.registration.volume.register import register_volume

__all__ = [
    "Registration",
    "register_inset",
    "register_projection",
    "register_section",
    "register_volume",
]

# Whoever reads a result needs no method: a room, with what it compiles, is loaded when its function is used.
_ROOMS = {f"register_{room}": room for room in ("inset", "projection", "section", "volume")}


def __getattr__(name: str) -> Any:
    """Load a method's room when its function is asked for."""
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ROOMS[name]}.register"), name)
