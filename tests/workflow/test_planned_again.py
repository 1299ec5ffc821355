"""Every change of a file or of a key plans what depends on it, and nothing else."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os

import pytest

from tests.workflow.runs import run

pytestmark = [pytest.mark.workflow, pytest.mark.long]

PAGES = {"report_page", "index", "provenance"}
MRI = {"t2", "register_projection", "link", "overlays", "cell_figures"}


def flipped(content):
    """Change one bit in the middle, where the samples are."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def planned(folder, *arguments):
    """Rules that a dry run names."""
    ended = run(folder, "--dry-run", *arguments)
    assert ended.returncode == 0, ended.stderr[-2000:]
    said = ended.stdout + ended.stderr
    return {
        line.split()[1].rstrip(":") for line in said.splitlines() if line.startswith(("rule ", "localrule "))
    }


@contextlib.contextmanager
def edited(path, content, like=None):
    """Change a file for a while; afterwards it is as it was, its time included."""
    before, status = path.read_bytes(), path.stat()
    assert content(before) != before
    path.write_bytes(content(before))
    if like is not None:
        os.utime(path, ns=(like, like))
    try:
        yield
    finally:
        path.write_bytes(before)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize(
    ("file", "content", "wanted", "left"),
    [
        # other samples of the same size
        ("mri_shorted/5/pdata/1/2dseq", lambda b: b[::-1], MRI, {"phases", "sem_image"}),
        # other echo times
        ("mri_shorted/5/pdata/1/visu_pars", lambda b: b.replace(b"2 6 10", b"2 7 10"), MRI, {"phases"}),
        (
            "xct_pristine/slice_0007.tif",
            flipped,
            {"phases", "cracks"},
            {"t2", "sem_image"},
        ),
        ("sem_detail.tif", flipped, {"sem_image", "register_inset"}, {"t2", "phases"}),
        ("edx/Na.tif", flipped, {"edx_net", "register_inset"}, {"sem_image"}),
        ("../marks.csv", lambda b: b.replace(b"440", b"441"), {"register_projection", "link"}, {"t2"}),
    ],
)
@pytest.mark.parametrize("older", [False, True])
def test_a_file_that_changes_in_place_plans_what_depends_on_it(whole_run, file, content, wanted, left, older):
    path = whole_run / "cell" / file
    # a copy that keeps the time of an older original
    with edited(path, content, like=10**18 if older else None):
        rules = planned(whole_run)
    assert rules >= wanted | PAGES
    assert not rules & left
    assert planned(whole_run) == set()


@pytest.mark.parametrize(
    ("key", "wanted", "left"),
    [
        ("random_seed=2", {"t2", "crack_thresholds", "register_section", "link"}, {"phases"}),
        ("t2={long_ms: 14}", MRI, {"phases"}),
        ("t2={model: offset}", MRI, {"phases"}),
        ("t2={sigma: 3}", MRI, {"phases"}),
        ("mri={skin_depth_um: 11}", {"register_projection", "link"}, {"t2", "phases"}),
        ("links={n_null: 99}", {"link", "overlays"}, {"t2", "register_projection"}),
        ("figures={cell: xct-only}", {"paper_figures"}, {"t2", "link"}),
        ("xct={slabs: 3}", {"crack_slab", "cracks"}, {"t2", "phases"}),
    ],
)
def test_a_key_that_changes_plans_what_depends_on_it(whole_run, key, wanted, left):
    rules = planned(whole_run, "--config", key)
    assert rules >= wanted | PAGES
    assert not rules & left


@pytest.mark.parametrize(
    ("file", "rule"),
    [
        ("whole/shorted/xct-scan/thresholds.json", "crack_thresholds"),
        ("whole/shorted/xct-scan/cracks.vtp", "cracks"),
        ("whole/shorted/mri-t2/echoes.json", "t2"),
        ("whole/shorted/sem-overview/registration.png", "register_section"),
        ("whole/figures/figure2.pdf", "cell_figures"),
        ("index.html", "index"),
    ],
)
def test_a_result_that_was_removed_is_made_again(whole_run, tmp_path, file, rule):
    path = whole_run / "out" / file
    path.rename(tmp_path / "kept")
    try:
        assert rule in planned(whole_run)
    finally:
        (tmp_path / "kept").rename(path)
    assert planned(whole_run) == set()


def test_what_was_made_anew_says_so_everywhere(whole_run):
    """Provenance and page hold the new digest and the new key, and provenance is older than no result."""
    sem, out = whole_run / "cell" / "sem_detail.tif", whole_run / "out"
    wanted = ("out/provenance.json", "--config", "links={n_null: 99}")
    with edited(sem, flipped):
        new = hashlib.sha256(sem.read_bytes()).hexdigest()
        ended = run(whole_run, *wanted)
        assert ended.returncode == 0, ended.stderr[-2000:]
    provenance = json.loads((out / "provenance.json").read_text())
    assert [d for name, d in provenance["inputs"].items() if name.endswith("sem_detail.tif")] == [new]
    assert provenance["parameters"]["links"]["n_null"] == 99
    assert json.loads((out / "whole" / "shorted" / "links.json").read_text())["null"]["n"] == 99
    page = (out / "whole" / "shorted" / "report.html").read_text()
    assert new in page
    assert new not in (out / "mri-only" / "shorted" / "report.html").read_text()
    made = [
        p for p in out.rglob("*") if p.is_file() and "logs" not in p.parts and "benchmarks" not in p.parts
    ]
    assert max(made, key=lambda p: p.stat().st_mtime_ns).name == "provenance.json"
    # and back again for the tests that follow
    assert run(whole_run).returncode == 0
