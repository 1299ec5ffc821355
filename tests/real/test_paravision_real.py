"""The Bruker readers on a spectrometer's own files."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from spallmap.errors import InputError
from spallmap.image import Image
from spallmap.readers import input_files, open_image, probe_image
from spallmap.readers.paravision.acquisition import read_acquisition
from spallmap.readers.paravision.parameters import Parameters

pytestmark = pytest.mark.real

PHANTOM = "data/mri/bruker-msme-phantom/20160718_115906_plateforme_fantome_nouille_other_1_7"


@pytest.fixture(scope="session")
def scans(shared) -> Callable[[int], Image]:
    images: dict[int, Image] = {}

    def read(number: int) -> Image:
        if number not in images:
            images[number] = open_image(shared(f"{PHANTOM}/{number}"), "mri")
        return images[number]

    return read


def to_scanner(image: Image, indices: np.ndarray) -> np.ndarray:
    """Scanner coordinates (mm) of array indices (n, 3), by the scan's own position and direction."""
    rows = np.reshape(image.meta["orientation"], (3, 3))
    steps = np.array(image.spacing_um)[::-1] / 1000
    return np.array(image.meta["position_mm"]) + (indices[:, ::-1] * steps) @ rows


def at_scanner(image: Image, echo: int, points: np.ndarray) -> np.ndarray:
    """Value of one echo at scanner coordinates (n, 3) in mm."""
    rows = np.reshape(image.meta["orientation"], (3, 3))
    steps = np.array(image.spacing_um)[::-1] / 1000
    indices = ((points - np.array(image.meta["position_mm"])) @ rows.T / steps)[:, ::-1]
    return ndimage.map_coordinates(image.data[echo], indices.T, order=1)


def where_they_meet(one: Image, other: Image) -> tuple[np.ndarray, np.ndarray]:
    """Scanner coordinates (n, 3) of one image's pixels inside the other, and its first echo there."""
    axes = [range(n) for n in one.data.shape[1:]]
    points = to_scanner(one, np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3))
    edges = to_scanner(other, np.array([[0, 0, 0], np.array(other.data.shape[1:]) - 1]))
    inside = np.all((points > edges.min(axis=0)) & (points < edges.max(axis=0)), axis=1)
    return points[inside], one.data[0].reshape(-1)[inside]


@pytest.mark.parametrize("number", [9, 10])
def test_every_frame_is_its_integers_times_its_slope(scans, shared, number):
    """The echo is the fastest frame; slopes are read here as plain text, without the reader's parser."""
    image, folder = scans(number), shared(f"{PHANTOM}/{number}/pdata/1")
    text = (folder / "visu_pars").read_text()
    slopes = np.array(text.split("##$VisuCoreDataSlope=( 63 )")[1].split("##")[0].split(), float).reshape(
        9, 7
    )
    stored = np.fromfile(folder / "2dseq", "<i2").reshape(9, 7, *image.data.shape[2:])
    expected = (stored * slopes[:, :, None, None]).swapaxes(0, 1)
    expected = expected[:, ::-1] if image.meta["slices_reversed"] else expected
    np.testing.assert_allclose(image.data, expected, rtol=1e-6)
    assert image.meta["te_ms"] == pytest.approx([7.7 * n for n in range(1, 8)])
    assert (image.meta["train"], image.meta["repetitions"]) == ("cpmg", 1)


@pytest.mark.parametrize("number", [9, 10])
def test_another_library_agrees(scans, shared, number):
    from brukerapi.dataset import Dataset

    theirs = Dataset(shared(f"{PHANTOM}/{number}/pdata/1/2dseq")).data.transpose(2, 3, 1, 0)
    theirs = theirs[:, ::-1] if scans(number).meta["slices_reversed"] else theirs
    np.testing.assert_allclose(scans(number).data, theirs, rtol=1e-6)


def test_transposed_scan_is_the_right_way_round(scans):
    """Scans 9 and 10 show one phantom in planes at right angles: where they meet, they agree."""
    scan9, scan10 = scans(9), scans(10)
    assert scan9.data.shape == (7, 9, 160, 192)
    assert scan10.data.shape == (7, 9, 192, 160)
    assert scan9.spacing_um == pytest.approx((1000, 218.75, 208.3333), rel=1e-5)
    assert scan10.spacing_um == pytest.approx((1000, 208.3333, 218.75), rel=1e-5)
    points, here = where_they_meet(scan9, scan10)
    assert len(points) > 5000

    def agreement(*signs: int) -> float:
        return float(np.corrcoef(here, at_scanner(scan10, 0, points * np.array(signs)))[0, 1])

    assert agreement(1, 1, 1) > 0.94
    # the phantom is nearly a cylinder, so that a mirror image across it still agrees in its outline
    assert agreement(-1, 1, 1) < agreement(1, 1, 1) - 0.03
    assert agreement(1, 1, -1) < 0.5
    assert agreement(1, -1, 1) < 0.5


def test_dicom_twin_holds_the_same_integers(scans, shared):
    """The twin's pixels are the end of its file, uncompressed: frames with the echoes fastest."""
    content = shared("data/mri/bruker-msme-phantom/dicom_baseline/scan9_multiframe.dcm").read_bytes()
    integers = np.rint(scans(9).data.astype(float) / 0.00117642443558478).astype("<u2").swapaxes(0, 1)
    assert integers.tobytes() in content


def test_noise_in_the_corner_is_rayleigh(scans):
    corner = scans(9).data[:, :, :24, :24].astype(float)
    assert corner.mean() / np.sqrt((corner**2).mean()) == pytest.approx(0.883, abs=0.004)


def test_complex_raw_data_is_the_reconstruction(scans, shared):
    """The magnitude differs from the 2dseq by what rounding to its 16 bits takes away, and no more."""
    raw = open_image(shared(f"{PHANTOM}/32/fid"), "mri")
    image = scans(32)
    assert raw.data.shape == image.data.shape == (1, 256, 256)
    assert image.spacing_um == pytest.approx((136.71875, 136.71875))
    assert (image.meta["te_ms"], image.meta["train"]) == ((20.0,), "unknown")
    assert raw.data.dtype == np.complex64
    assert (raw.meta["magnitude"], image.meta["magnitude"]) == (False, True)
    for key in ("te_ms", "train", "orientation", "position_mm", "nucleus"):
        assert raw.meta[key] == image.meta[key]
    assert raw.spacing_um == pytest.approx(image.spacing_um)
    magnitude = np.abs(raw.data).astype(float)
    step = 0.000482214334804379
    assert np.abs(magnitude - image.data).max() < 1.01 * step
    assert np.corrcoef(magnitude.ravel(), image.data.ravel())[0, 1] > 0.999999
    assert [p.name for p in input_files(shared(f"{PHANTOM}/32/fid"), "mri")][:3] == ["fid", "acqp", "method"]


def test_complex_noise_is_normal_and_equal_in_both_channels(shared):
    """In a corner of the image there is air alone."""
    corner = open_image(shared(f"{PHANTOM}/32/fid"), "mri").data[0, 4:28, 4:28]
    real, imaginary = corner.real.std(), corner.imag.std()
    assert real == pytest.approx(imaginary, rel=0.1)
    magnitude = np.abs(corner)
    assert magnitude.mean() / np.sqrt((magnitude.astype(float) ** 2).mean()) == pytest.approx(
        0.886, abs=0.015
    )


def test_what_acqp_says_of_geometry_is_what_visu_pars_says(shared):
    """Handedness of the slices and shift of the field of view, by gradients and by the reconstruction."""
    for number in (9, 10):
        scan = shared(f"{PHANTOM}/{number}")
        acquisition = read_acquisition(scan / "fid")
        info = probe_image(scan, "mri")
        gap_um, reverse = acquisition.slices()
        assert reverse is info.meta["slices_reversed"]
        assert gap_um == pytest.approx(info.spacing_um[0])
        rotation = Parameters(scan / "pdata" / "1" / "reco").numbers("RECO_rotate").reshape(2, 9, 7)
        np.testing.assert_allclose(rotation[0], acquisition.read_shift)
        np.testing.assert_allclose(rotation[1], np.tile(acquisition.phase_shift, (7, 1)).T, atol=1e-6)
        assert acquisition.te_ms == pytest.approx(info.meta["te_ms"])
        n = (acquisition.n_slices, acquisition.n_phase, acquisition.n_read)
        n = (n[0], n[2], n[1]) if acquisition.transposed else n
        assert n == info.shape[1:]


def test_scaled_values_contain_the_receiver_gain(scans, shared):
    """Where two scans of one phantom meet, their signals stand to each other as the gains do."""
    one, other = scans(9), scans(10)
    gains = [Parameters(shared(f"{PHANTOM}/{n}/acqp")).numbers("RG")[0] for n in (9, 10)]
    points, here = where_they_meet(one, other)
    there = at_scanner(other, 0, points)
    bright = (here > 0.3 * here.max()) & (there > 0.3 * there.max())
    assert bright.sum() > 1000
    assert np.median(here[bright] / there[bright]) == pytest.approx(gains[0] / gains[1], rel=0.02)


def test_a_study_of_different_scans_is_no_series(shared):
    with pytest.raises(InputError, match=r"9 x 192 x 160 pixels, unlike scan 9") as caught:
        probe_image(shared(PHANTOM), "mri")
    assert Path(caught.value.source_label).name == "10"


def test_one_folder_for_each_echo_time(shared, tmp_path):
    """The one-echo scan three times over, with other echo times written into it."""
    for name, te in (("1", "20"), ("2", "2"), ("3", "6.5")):
        shutil.copytree(
            shared(f"{PHANTOM}/32"), tmp_path / name, ignore=shutil.ignore_patterns("fid", "rawdata*")
        )
        visu = tmp_path / name / "pdata" / "1" / "visu_pars"
        visu.chmod(0o644)
        text = visu.read_text().replace("VisuAcqEchoTime=( 1 )\n20\n", f"VisuAcqEchoTime=( 1 )\n{te}\n")
        visu.write_text(text.replace("2016-07-19T09:57:19", f"2016-07-19T0{name}:57:19"))
    image = open_image(tmp_path, "mri")
    assert image.meta["te_ms"] == (2.0, 6.5, 20.0)
    assert (image.meta["train"], image.meta["scans"]) == ("separate", ("1", "2", "3"))
    assert image.data.shape == (3, 256, 256)


def test_a_spectrum_of_topspin_is_refused_with_its_reason(shared):
    from nmrglue.fileio.bruker import read

    parameters, signals = read(str(shared("data/mri/topspin-7li-cpmg/38")), read_pulseprogram=False)
    assert (len(signals), parameters["acqus"]["TD"], parameters["acqu2s"]["TD"]) == (9, 25000, 9)
    for path in ("38", "38/ser"):
        with pytest.raises(InputError, match=r"9 rows of 12500 .* cpmg_T2.* loop counts .* no spatial axis"):
            open_image(shared(f"data/mri/topspin-7li-cpmg/{path}"), "mri")
