from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from spallmap.errors import InputError
from spallmap.results.tables import read_json, read_table, write_json, write_table


def test_json_of_numpy_values(tmp_path):
    content = {
        "n": np.int64(3),
        "x": np.float32(0.5),
        "bad": float("nan"),
        "worse": [np.inf, -np.inf, np.float64("nan")],
        "array": np.array([[1.0, np.nan], [2.0, 3.0]]),
        "flag": np.bool_(True),
        "where": Path("a/b"),
        "pair": (1, "µ"),
        "none": None,
    }
    write_json(tmp_path / "a.json", content)
    assert read_json(tmp_path / "a.json") == {
        "n": 3,
        "x": 0.5,
        "bad": None,
        "worse": [None, None, None],
        "array": [[1.0, None], [2.0, 3.0]],
        "flag": True,
        "where": "a/b",
        "pair": [1, "µ"],
        "none": None,
    }
    assert "NaN" not in (tmp_path / "a.json").read_text()


def test_json_refuses_objects_and_leaves_nothing(tmp_path):
    with pytest.raises(TypeError, match="set"):
        write_json(tmp_path / "a.json", {"a": {1}})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["[1]", "{", ""])
def test_what_is_no_json_object(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError, match=r"a\.json"):
        read_json(tmp_path / "a.json")


def test_table_round_trip(tmp_path):
    table = pd.DataFrame({"region": [1, 2], "t2_ms": [12.345678901234, np.nan], "word": ["a,b", "c"]})
    write_table(tmp_path / "a.csv", table)
    pd.testing.assert_frame_equal(read_table(tmp_path / "a.csv"), table)
    assert (tmp_path / "a.csv").read_text().startswith("region,t2_ms,word\n")
    with pytest.raises(InputError, match="none"):
        read_table(tmp_path / "none.csv")


def test_empty_table_keeps_its_header(tmp_path):
    write_table(tmp_path / "a.csv", pd.DataFrame({"region": [], "crack": []}))
    assert list(read_table(tmp_path / "a.csv").columns) == ["region", "crack"]
