"""Registers a section image (SEM) to a tomogram: search, refinement, known answers, verdict.

`register` is the whole method. `appearance` and `materials` read the image, `target` prepares the tomogram,
and `resolutions` brings the two together. `search` finds the pose: `plane_search` lists candidates, `starts`
and `refine` lead to the deepest minimum. `judge` decides and reports; its conditions are in `conditions`, its
evidence comes from `certainty`, `known_answer` and `warp`.
"""

from __future__ import annotations

from spallmap.registration.section.register import register_section

__all__ = ["register_section"]
