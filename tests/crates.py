"""RO-Crates held to their profiles by the validator of the RO-Crate community, without a network."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace

import pytest
from rocrate_validator import services
from rocrate_validator.models import Severity, ValidationSettings
from rocrate_validator.utils.http import HttpRequester

RUN_TERMS = "https://w3id.org/ro/terms/workflow-run"
# The terms of RO-Crate come with rocrate: those of 1.3, which has all of 1.1 and names these otherwise.
BIOSCHEMAS = {
    "ComputationalWorkflow": "https://bioschemas.org/ComputationalWorkflow",
    "FormalParameter": "https://bioschemas.org/FormalParameter",
    "input": "https://bioschemas.org/ComputationalWorkflow#input",
    "output": "https://bioschemas.org/ComputationalWorkflow#output",
}
TERMS = json.loads(files("rocrate").joinpath("data", "ro-crate.jsonld").read_text(encoding="utf-8"))[
    "@context"
]
CONTEXTS = {
    "https://w3id.org/ro/crate/1.1/context": {"@context": TERMS | BIOSCHEMAS},
    f"{RUN_TERMS}/context": {
        "@context": {
            term: f"{RUN_TERMS}#{term}"
            for term in ("ParameterConnection", "connection", "sourceParameter", "targetParameter", "sha256")
        }
    },
}


def check_crate(folder: Path, profile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail with what the validator says where a crate misses something that its profile requires."""

    def get(_self, url, **_options):
        content = CONTEXTS[url]
        return SimpleNamespace(
            status_code=200,
            ok=True,
            url=url,
            headers={"Content-Type": "application/ld+json"},
            text=json.dumps(content),
            content=json.dumps(content).encode(),
            json=lambda: content,
        )

    monkeypatch.setattr(HttpRequester, "get", get, raising=False)
    settings = ValidationSettings(
        rocrate_uri=folder,
        profile_identifier=profile,
        requirement_severity=Severity.REQUIRED,
        skip_availability_check=True,
        no_cache=True,
    )
    found = services.validate(settings)
    assert found.passed(), "\n".join(f"{i.check.identifier}: {i.message}" for i in found.get_issues())
