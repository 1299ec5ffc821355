from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spallmap.errors import InputError
from spallmap.readers import input_files, open_image, probe_image

TE_MS = {"11": 20.0, "9": 2.0, "10": 6.5}


def frames(seed: int, n: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 30000, (n, 6, 4)).astype(np.int16)


def write_series(write_scan, **changes) -> tuple[Path, dict[str, np.ndarray]]:
    """One scan for each echo time, each with its own slope; ``changes`` apply to scan 10."""
    stored = {name: frames(int(name)) for name in TE_MS}
    for i, (name, te) in enumerate(TE_MS.items()):
        arguments = {"groups": "", "te_ms": (te,), "extent_mm": (0.8, 0.6), "slope": 1.0 + i, "name": name}
        scan = write_scan(**{"stored": stored[name], **arguments, **(changes if name == "10" else {})})
        stored[name] = stored[name] * (1.0 + i)
    return scan.parent, stored


def write_gain(scan: Path, gain: float, more: str = "") -> None:
    (scan / "acqp").write_text(f"##TITLE=Parameter List\n##JCAMPDX=4.24\n##$RG={gain}\n{more}##END=\n")


def test_one_scan_for_each_echo_time_is_a_series_of_separate_echoes(write_scan):
    folder, stored = write_series(write_scan)
    image = open_image(folder, "mri")
    assert image.meta["te_ms"] == (2.0, 6.5, 20.0)
    assert image.meta["train"] == "separate"
    assert image.meta["scans"] == ("9", "10", "11")
    assert image.spacing_um == pytest.approx((100, 200))
    np.testing.assert_allclose(image.data, np.concatenate([stored["9"], stored["10"], stored["11"]]))
    assert probe_image(folder, "mri").shape == image.data.shape
    assert [p.name for p in input_files(folder, "mri")] == ["2dseq", "visu_pars"] * 3


def test_several_trains_are_repetitions_of_a_train(write_scan):
    echoes = "(3, <FG_ECHO>, <>, 0, 1)"
    stored = [frames(seed, 3) for seed in (1, 2)]
    for name, data in zip("12", stored, strict=True):
        folder = write_scan(data, echoes, (2, 6, 10), (1, 1), name=name).parent
    image = open_image(folder, "mri")
    assert image.meta["te_ms"] == (2, 2, 6, 6, 10, 10)
    assert (image.meta["train"], image.meta["repetitions"]) == ("cpmg", 2)
    np.testing.assert_array_equal(image.data, np.stack(stored, axis=1).reshape(6, 6, 4))


def test_a_train_among_single_echoes_is_unknown(write_scan):
    echoes = {"groups": "(2, <FG_ECHO>, <>, 0, 1)", "te_ms": (4, 8), "stored": frames(1, 2)}
    folder, _ = write_series(write_scan, **echoes)
    image = open_image(folder, "mri")
    assert image.meta["te_ms"] == (2, 4, 8, 20)
    assert image.meta["train"] == "unknown"


def test_the_same_echo_again_and_again_is_no_series_of_echo_times(write_scan):
    for name in "12":
        folder = write_scan(frames(int(name)), "", (5,), (1, 1), name=name).parent
    image = open_image(folder, "mri")
    assert (image.meta["te_ms"], image.meta["train"]) == ((5, 5), "unknown")


def test_a_folder_with_one_scan_is_that_scan(write_scan):
    scan = write_scan(frames(1), "", (5,), (1, 1), name="1")
    np.testing.assert_array_equal(open_image(scan.parent, "mri").data, open_image(scan, "mri").data)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stored": np.ones((1, 6, 5), np.int16)}, "6 x 5 pixels"),
        ({"extent_mm": (0.8, 0.7)}, "pixel size"),
        ({"positions": ((0, 0, 0.5),)}, "500 um away"),
        ({"orientation": (0, 1, 0, -1, 0, 0, 0, 0, 1)}, "another orientation"),
        ({"frame_type": "REAL_IMAGE"}, "another kind"),
        ({"more": {"VisuAcqImagedNucleus": "( 65 )\n<1H>"}}, "nucleus 1H"),
        ({"skip": ("VisuCorePosition",)}, "VisuCorePosition"),
    ],
)
def test_a_scan_that_does_not_belong_is_named(write_scan, change, words):
    folder, _ = write_series(write_scan, **change)
    with pytest.raises(InputError, match=words) as caught:
        probe_image(folder, "mri")
    assert caught.value.source_label.startswith(str(folder / "10"))


def test_an_echo_time_of_another_unit_is_named(write_scan):
    folder, _ = write_series(write_scan, te_ms=(0.002,))
    with pytest.raises(InputError, match=r"of which 0\.002 probably seconds"):
        probe_image(folder, "mri")


@pytest.mark.parametrize(
    ("key", "words"),
    [("VisuAcqRepetitionTime", "repetition times of 300"), ("VisuAcqNumberOfAverages", "averages of 300")],
)
def test_scans_with_other_settings_are_refused(write_scan, key, words):
    for name, value in (("1", 200), ("2", 300)):
        folder = write_scan(
            frames(1), "", (int(name),), (1, 1), name=name, more={key: f"( 1 )\n{value}"}
        ).parent
    with pytest.raises(InputError, match=words):
        probe_image(folder, "mri")


def test_other_receiver_gains_are_divided_out(write_scan):
    folder, stored = write_series(write_scan)
    gains = {"9": 101.0, "10": 36.0, "11": 50.5}
    for name, gain in gains.items():
        write_gain(folder / name, gain)
    image = open_image(folder, "mri")
    assert image.meta["receiver_gains"] == (101.0, 36.0, 50.5)
    expected = [stored[name] * gains["9"] / gains[name] for name in ("9", "10", "11")]
    np.testing.assert_allclose(image.data, np.concatenate(expected), rtol=1e-6)
    assert folder / "9" / "acqp" in input_files(folder, "mri")
    (folder / "10" / "acqp").unlink()
    with pytest.raises(InputError, match="no receiver gain"):
        open_image(folder, "mri")


def test_equal_or_normalised_receiver_gains_change_nothing(write_scan):
    folder, stored = write_series(write_scan)
    settings = "(2, STORE_32bit_signed, STORE_processed, NORMALIZE_divide_by_4rg)"
    divided = f"##$ACQ_ScanPipeJobSettings=( 1 )\n{settings}\n"
    for gains, more in (((101, 101, 101), ""), ((101, 36, 50), divided)):
        for name, gain in zip(TE_MS, gains, strict=True):
            write_gain(folder / name, gain, more)
        image = open_image(folder, "mri")
        assert "receiver_gains" not in image.meta
        np.testing.assert_array_equal(image.data[0], stored["9"][0])


def test_two_reconstructions_of_one_scan_are_no_series(write_scan):
    more = {"VisuAcqDate": "<2016-07-18T12:40:03,752+0200>"}
    for name in "12":
        scan = write_scan(frames(1), "", (int(name),), (1, 1), name=name, more=more)
    with pytest.raises(InputError, match="acquisition of 1 again"):
        probe_image(scan.parent, "mri")
    with pytest.raises(InputError, match="ParaVision"):
        probe_image(scan / "pdata", "mri")


def test_a_scan_without_a_reconstruction_is_named(write_scan):
    folder, _ = write_series(write_scan)
    (folder / "10" / "pdata" / "1" / "2dseq").unlink()
    with pytest.raises(InputError, match="no 2dseq") as caught:
        probe_image(folder, "mri")
    assert caught.value.source_label == str(folder / "10")


@pytest.mark.parametrize("name", ["12", "any name"])
def test_a_link_to_nothing_beside_the_scans_is_reported(write_scan, name):
    folder, _ = write_series(write_scan)
    (folder / name).symlink_to("gone")
    for call in (probe_image, open_image, input_files):
        with pytest.raises(InputError, match="a link to gone") as caught:
            call(folder, "mri")
        assert caught.value.source_label == str(folder / name)


def test_a_numbered_folder_without_a_scan_is_reported_and_others_are_not(write_scan):
    folder, _ = write_series(write_scan)
    (folder / "AdjResult").mkdir()
    (folder / "subject").write_text("")
    assert probe_image(folder, "mri").meta["scans"] == ("9", "10", "11")
    (folder / "12").mkdir()
    with pytest.raises(InputError, match="a folder without a ParaVision scan among scans"):
        probe_image(folder, "mri")


def test_a_broken_gain_file_is_reported(write_scan):
    folder, _ = write_series(write_scan)
    (folder / "10" / "acqp").symlink_to("gone")
    for call in (probe_image, input_files):
        with pytest.raises(InputError, match="a link to gone"):
            call(folder, "mri")


def test_clipped_samples_go_with_their_scan(write_scan):
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:40, :40] / 40 - 0.5
    disc = (x**2 + y**2 < 0.1) * (1 + 0.3 * x)
    masks = []
    for name, te, top in (("1", 11.0, 20_000), ("2", 2.0, 50_000), ("3", 6.5, 30_000)):
        echo = np.abs(top * disc + rng.normal(0, 900, (1, 40, 40)))
        folder = write_scan(np.minimum(echo, 32767).astype(np.int16), "", (te,), (1, 1), name=name).parent
        masks.append(echo[0] >= 32767)
    image = open_image(folder, "mri")
    np.testing.assert_array_equal(image.clipped, [masks[1], masks[2], masks[0]])
    assert {w.source_label for w in image.warnings} == {
        str(folder / n / "pdata" / "1" / "2dseq") for n in "23"
    }
