"""The index in a browser, or its path."""

from __future__ import annotations

import webbrowser

import pytest

from spallmap.cli import main


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "config.yaml").write_text("results: out\n")
    return "config.yaml"


def test_without_an_index_the_command_that_makes_it_is_said(config, capsys):
    assert main(["view", config]) == 1
    said = capsys.readouterr().err
    assert "out/index.html" in said
    assert "spallmap run config.yaml" in said


@pytest.mark.parametrize("opens", [True, False])
def test_it_is_opened_where_there_is_a_browser_and_named_in_any_case(
    config, tmp_path, monkeypatch, capsys, opens
):
    asked = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(webbrowser, "open", lambda address: asked.append(address) or opens)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "index.html").write_text("")
    assert main(["view", config]) == 0
    said = capsys.readouterr().out
    assert asked == [(tmp_path / "out" / "index.html").as_uri()]
    assert str(tmp_path / "out" / "index.html") in said
    assert ("No browser" in said) is not opens


def test_without_a_screen_no_browser_is_asked(config, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(webbrowser, "open", lambda address: pytest.fail("a text browser would open"))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "index.html").write_text("")
    assert main(["view", config]) == 0
    assert "No browser" in capsys.readouterr().out


def test_a_wrong_key_is_named(config, tmp_path, capsys):
    (tmp_path / "config.yaml").write_text("reslts: out\n")
    assert main(["view", config]) == 1
    assert "reslts" in capsys.readouterr().err
