"""How tests try any bytes on a reader."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A quarter of what properties are tried with otherwise: each example writes a file and reads it twice.
FUZZ = settings(
    max_examples=settings().max_examples // 4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
