from __future__ import annotations

import pytest
from page import write_section

PAGE = "# A\n\n<!-- one: begin -->\nold\n<!-- one: end -->\nkept\n<!-- two: begin --><!-- two: end -->\n"


def test_only_what_lies_between_the_markers_changes(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE, encoding="utf-8")
    write_section(page, "one", "| µ |\n\n")
    write_section(page, "two", "new")
    expected = PAGE.replace("old", "| µ |").replace("begin --><!-- two", "begin -->\nnew\n<!-- two")
    assert page.read_text(encoding="utf-8") == expected
    write_section(page, "two", "new")
    assert page.read_text(encoding="utf-8") == expected


@pytest.mark.parametrize(
    "content",
    [
        "nothing",
        "<!-- one: begin -->",
        "<!-- one: end -->\n<!-- one: begin -->",
        PAGE + "<!-- one: begin --><!-- one: end -->",
    ],
)
def test_missing_or_doubled_markers_leave_the_page_as_it_was(tmp_path, content):
    page = tmp_path / "page.md"
    page.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match="one: begin"):
        write_section(page, "one", "text")
    assert page.read_text(encoding="utf-8") == content
