"""Files that lie end with the right value, a warning, or words; never in silence, a traceback or a hang."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.bad_inputs import (
    cases_chunked_volumes,
    cases_echo_files,
    cases_images,
    cases_mri,
    cases_raw_volumes,
    cases_tables,
    cases_volumes,
    cases_words,
)
from tests.unit.bad_inputs.case import Case, bounded
from tests.unit.bad_inputs.examine import Examiner, check, look

COLLECTIONS = (
    cases_mri,
    cases_echo_files,
    cases_volumes,
    cases_raw_volumes,
    cases_chunked_volumes,
    cases_images,
    cases_words,
)
FILES: list[Case] = [case for collection in COLLECTIONS for case in collection.CASES]
# No fewer are to be held: a case that is lost, by a name that hides another, is a fault.
LEAST_FILES, LEAST_TABLES = 310, 75


@pytest.fixture(scope="module")
def examiner() -> Iterator[Examiner]:
    one = Examiner()
    yield one
    one.stop()


def named(cases: list[Case]) -> list[object]:
    return [pytest.param(case, id=f"{case.kind}: {case.name}") for case in cases]


@pytest.mark.parametrize("case", named(FILES))
def test_a_bad_file_is_read_right_or_refused_in_words(case, tmp_path, examiner):
    ending = examiner.examine(look, *case.make(tmp_path))
    case.right(ending)
    bounded(ending)


@pytest.mark.parametrize("case", named(cases_tables.CASES))
def test_a_bad_table_is_read_right_or_refused_in_words(case, tmp_path, examiner):
    ending = examiner.examine(check, *case.make(tmp_path))
    case.right(ending)
    bounded(ending)


def test_no_case_is_lost():
    assert len(FILES) >= LEAST_FILES
    assert len(cases_tables.CASES) >= LEAST_TABLES
    names = [f"{case.kind}: {case.name}" for case in [*FILES, *cases_tables.CASES]]
    assert len(set(names)) == len(names)
