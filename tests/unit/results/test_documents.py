from __future__ import annotations

import matplotlib
import pytest
from matplotlib.figure import Figure

from spallmap.results.documents import write_figure, write_text


@pytest.mark.parametrize("suffix", ["png", "pdf"])
def test_equal_figures_are_equal_files(tmp_path, suffix):
    matplotlib.use("agg")
    for name in ("a", "b"):
        figure = Figure()
        figure.subplots().plot([1, 2, 3])
        write_figure(tmp_path / f"{name}.{suffix}", figure)
    assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()
    with pytest.raises(ValueError, match="svg"):
        write_figure(tmp_path / "a.svg", figure)


def test_text_is_utf8(tmp_path):
    write_text(tmp_path / "a.html", "µ")
    assert (tmp_path / "a.html").read_bytes() == "µ".encode()
