"""Profiles of hypothesis: ``pytest --hypothesis-profile=long`` tries each property many times over."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("long", max_examples=10_000, deadline=None)
