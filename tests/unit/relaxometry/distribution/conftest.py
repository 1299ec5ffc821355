from __future__ import annotations

import pytest

from spallmap.relaxometry.distribution import longtest


@pytest.fixture(autouse=True)
def few_simulations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(longtest, "MAX_SIMULATED", 39)
    monkeypatch.setattr(longtest, "ENOUGH_ABOVE", 4)
