from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from spallmap.errors import InputError
from spallmap.readers.echo_files import EchoFiles, choose_echo_files
from spallmap.readers.te_sidecar import natural_order

MESE = [f"sub-1_echo-{n}_MESE.nii.gz" for n in range(1, 6)]


def choose(
    folder: Path, names: Sequence[str], bids: dict[str, Any] | None = None, long: Sequence[str] = ()
) -> EchoFiles:
    """Choose among files of these names, of which `long` hold several echoes."""
    paths = sorted((folder / name for name in names), key=natural_order)
    said = [(bids or {}).get(path.name, {}) for path in paths]
    return choose_echo_files(folder, paths, said, lambda path: 5 if path.name in long else 1, "echoes")


def names_of(chosen: EchoFiles) -> list[str]:
    return [path.name for path in chosen.images]


@pytest.mark.parametrize(
    "other",
    [
        "sub-1_T2w.nii.gz",
        "sub-1_acq-hires_T2w.nii.gz",
        "sub-1_T1w.nii.gz",
        "sub-1_FLAIR.nii.gz",
        "sub-1_run-2_MESE.nii.gz",
        "sub-1_T2map.nii.gz",
        "sub-1_label-electrode_mask.nii.gz",
        "sub-1_desc-t2_dseg.nii.gz",
        "sub-1_inv-1_MESE.nii.gz",
        "sub-1_echo-1_MEGRE.nii.gz",
        "localiser.nii",
        "electrode_mask.nii",
        "t2map.nii",
    ],
)
def test_what_lies_beside_the_only_series_is_left_out_and_named(tmp_path, other):
    chosen = choose(tmp_path, [*MESE, other])
    assert names_of(chosen) == MESE
    [warning] = chosen.warnings
    assert f"1 other image(s) beside the echoes: {other}" in warning.found
    assert "sub-1_echo-1_MESE.nii.gz" in warning.advice
    assert warning.source_label == str(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        ("sub-1_", "sub-1_run-2_"),
        ("sub-1_", "sub-1_acq-hires_"),
        ("sub-1_", "sub-2_"),
        ("sub-1_", "sub-1_ses-2_"),
        ("sub-1_", "sub-1_rec-norm_"),
        ("sub-1_", "sub-1_inv-2_"),
        ("MESE", "T2w"),
    ],
)
def test_of_two_series_none_is_chosen_and_both_are_named(tmp_path, change):
    others = [name.replace(*change) for name in MESE]
    with pytest.raises(InputError, match="2 series side by side") as caught:
        choose(tmp_path, [*MESE, *others])
    assert MESE[0] in caught.value.found
    assert others[0] in caught.value.found
    assert "a folder with the images of one series alone" in caught.value.allowed


def test_gradient_echoes_beside_spin_echoes_are_left_out(tmp_path):
    others = [name.replace("MESE", "MEGRE") for name in MESE]
    assert names_of(choose(tmp_path, [*MESE, *others])) == MESE
    with pytest.raises(InputError, match="no spin echoes by their names"):
        choose(tmp_path, others)
    with pytest.raises(InputError, match="no spin echoes by their names"):
        choose(tmp_path, ["sub-1_T2starw.nii"])


def test_maps_alone_are_no_series(tmp_path):
    with pytest.raises(InputError, match="no spin echoes by their names"):
        choose(tmp_path, ["sub-1_T2map.nii", "sub-1_desc-fit_S0map.nii"])


def test_processed_echoes_stand_behind_those_as_acquired(tmp_path):
    processed = [name.replace("_echo", "_desc-denoised_echo") for name in MESE]
    assert names_of(choose(tmp_path, [*MESE, *processed])) == MESE
    assert names_of(choose(tmp_path, processed)) == processed


def test_parts_other_than_magnitude_are_counted(tmp_path):
    parts = [name.replace("_MESE", f"_part-{part}_MESE") for part in ("mag", "phase") for name in MESE]
    chosen = choose(tmp_path, parts)
    assert names_of(chosen) == parts[:5]
    assert (chosen.left_out, chosen.warnings) == ({"phase": 5}, ())
    said = {MESE[1]: {"ImageType": ["ORIGINAL", "PRIMARY", "P"]}}
    assert choose(tmp_path, MESE, said).left_out == {"phase": 1}
    with pytest.raises(InputError, match="5 phase images alone"):
        choose(tmp_path, parts[5:])


def test_one_file_with_all_echoes_beside_others(tmp_path):
    names = ["sub-1_MESE.nii.gz", "sub-1_T2w.nii.gz"]
    assert names_of(choose(tmp_path, names, long=names[:1])) == names[:1]
    with pytest.raises(InputError, match="2 series side by side"):
        choose(tmp_path, names, long=names)
    with pytest.raises(InputError, match="may belong to different series"):
        choose(tmp_path, names)


def test_separate_echoes_may_differ_in_a_number_of_acq_and_in_nothing_else(tmp_path):
    times = [f"sub-1_acq-te{te}_T2w.nii" for te in ("2", "6p5", "11")]
    assert names_of(choose(tmp_path, times)) == times
    for others in (
        ["sub-1_acq-hires_T2w.nii", "sub-1_acq-lowres_T2w.nii"],
        ["sub-1_run-1_T2w.nii", "sub-1_run-2_T2w.nii"],
        [*times, "sub-1_T2w.nii"],
        [*times, "sub-1_acq-te11_PDw.nii"],
    ):
        with pytest.raises(InputError, match="may belong to different series"):
            choose(tmp_path, others)


@pytest.mark.parametrize(
    "pattern", ["5_mese_e{}.nii", "te{}.tif", "cell_TE-{}ms_a.nii", "echo_{}.nii.gz", "scan-echo{}-mag.nii"]
)
def test_names_of_other_programs(tmp_path, pattern):
    echoes = [pattern.format(n) for n in range(1, 5)]
    chosen = choose(tmp_path, [*echoes, "6_t2w.nii"])
    assert names_of(chosen) == echoes
    assert "6_t2w.nii" in chosen.warnings[0].found
    with pytest.raises(InputError, match="2 series side by side"):
        choose(tmp_path, [*echoes, *(f"again_{name}" for name in echoes)])


def test_names_that_say_nothing_are_all_taken_unless_some_are_numbered_and_some_are_not(tmp_path):
    assert names_of(choose(tmp_path, ["a.nii", "b.nii", "short.nii"])) == ["a.nii", "b.nii", "short.nii"]
    assert len(choose(tmp_path, [f"scan{n}.nii" for n in range(12)]).images) == 12
    mixed = ["scan1.nii", "scan2.nii", "scan3.nii", "reference.nii"]
    with pytest.raises(InputError, match="may belong to different series") as caught:
        choose(tmp_path, mixed)
    assert "one echo time for each of the 4 images" in caught.value.allowed
    (tmp_path / "echo_times_ms.txt").write_text("2 6.5 11 20")
    assert len(choose(tmp_path, mixed).images) == 4


def test_a_folder_for_each_echo_says_what_its_names_do_not(tmp_path):
    inside = ["te2/scan1.nii", "te6/scan2.nii", "te11/other.nii"]
    assert len(choose(tmp_path, inside).images) == 3
    assert len(choose(tmp_path, ["te2/scan.nii", "te6/scan.nii"]).images) == 2


def test_two_files_for_one_echo_are_refused(tmp_path):
    for double in ("sub-1_echo-2_MESE.nii", "sub-1_echo-2_part-mag_MESE.nii.gz", "sub-1_echo-02_MESE.nii"):
        with pytest.raises(InputError, match="two files for one echo"):
            choose(tmp_path, [*MESE, double])


@pytest.mark.parametrize(
    ("kept", "missing"),
    [((1, 2, 4, 5), "3"), ((2, 3, 4), "1"), ((1, 3, 5), "2, 4"), ((15, 1), ""), ((3,), "")],
)
def test_missing_echoes_are_named(tmp_path, kept, missing):
    for pattern in ("sub-1_echo-{}_MESE.nii", "x_e{}.nii"):
        warnings = choose(tmp_path, [pattern.format(n) for n in kept]).warnings
        assert [w.found for w in warnings] == (
            [f"no image of echo {missing} among {len(kept)}"] if missing else []
        )
    assert choose(tmp_path, [f"te{n}.nii" for n in kept]).warnings == ()


def test_a_file_that_was_asked_for_is_taken(tmp_path):
    path = tmp_path / "sub-1_echo-1_MESE.nii"
    path.write_bytes(b"")
    assert choose_echo_files(path, (path,), ({},), lambda _: 5, "").images == (path,)
