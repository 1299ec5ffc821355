"""Which crack each long-T2 region lies on.

Everything happens in the plane of the MRI, which is a projection: the depth along its normal is unknown and
is never used. :mod:`~spallmap.links.crack_footprints` brings cracks and phases into that plane,
:mod:`~spallmap.links.null_placements` lists where a region could have lain,
:mod:`~spallmap.links.position_likelihood` weighs the cracks against each other and against none,
:mod:`~spallmap.links.chance` tests all links against chance, and :mod:`~spallmap.links.link` puts these
together.
"""

from __future__ import annotations

from spallmap.links.link import Links, link_acquisition, link_regions, unlinked

__all__ = ["Links", "link_acquisition", "link_regions", "unlinked"]
