"""DICOM, NIfTI and TIFF series against the instruments' own files and a peer's fits."""

from __future__ import annotations

import nibabel
import numpy as np
import pydicom
import pytest
import tifffile
from validate_real_mri import (
    LIMIT_PERCENT,
    SITES,
    Measured,
    fit_of_mean,
    measure,
    median_of_pixels,
    peers_formula,
)

from spallmap.image import Image
from spallmap.readers import open_image, probe_image
from spallmap.relaxometry import fit_t2

pytestmark = pytest.mark.real

MRI = "data/mri"
PHANTOM = f"{MRI}/bruker-msme-phantom"
SCAN9 = f"{PHANTOM}/20160718_115906_plateforme_fantome_nouille_other_1_7/9"


@pytest.fixture(scope="module")
def paravision(shared) -> Image:
    return open_image(shared(SCAN9), "mri")


@pytest.fixture(scope="module", params=[site.folder for site in SITES])
def measured(request, shared) -> Measured:
    site = next(s for s in SITES if s.folder == request.param)
    return measure(shared(f"{MRI}/nist-plate4-dicom"), site)


def test_dicom_twin_of_a_paravision_scan(paravision, shared):
    twin = open_image(shared(f"{PHANTOM}/dicom_baseline"), "mri")
    np.testing.assert_allclose(twin.data, paravision.data, rtol=3e-7)
    assert twin.meta["te_ms"] == pytest.approx(paravision.meta["te_ms"], abs=1e-9)
    assert twin.meta["train"] == paravision.meta["train"] == "cpmg"
    assert twin.meta["nucleus"] == "1H"
    np.testing.assert_allclose(twin.meta["orientation"], paravision.meta["orientation"], atol=1e-6)
    np.testing.assert_allclose(twin.meta["position_mm"], paravision.meta["position_mm"], atol=1e-5)
    # the converter that wrote the twin gave PixelSpacing as column, row; DICOM wants row, column
    assert twin.spacing_um[1:] == pytest.approx(paravision.spacing_um[:0:-1], rel=1e-5)


@pytest.mark.parametrize(
    "folder",
    [
        f"{MRI}/nist-plate4-dicom/site3_ge",
        f"{MRI}/nist-plate4-dicom/site5_philips_3T",
        f"{MRI}/nist-plate5-dicom/site3_ge",
        f"{PHANTOM}/dicom_baseline",
        SCAN9,
    ],
)
def test_scanners_own_files_raise_no_alarm(shared, folder):
    """No sample of these is cut off, and nothing in their headers is odd."""
    image = open_image(shared(folder), "mri")
    assert image.clipped is None
    assert image.warnings == ()


@pytest.mark.parametrize("ceiling", [0.3, 0.6])
def test_echoes_of_a_scanner_that_are_cut_off_are_found(shared, tmp_path, ceiling):
    """The GE plate as a scanner with fewer bits would have written it."""
    stored = []
    for number, path in enumerate(sorted(shared(f"{MRI}/nist-plate4-dicom/site3_ge/plate4").iterdir())):
        ds = pydicom.dcmread(path)
        stored.append(ds.pixel_array)
        top = int(ceiling * 4095)
        ds.PixelData = np.minimum(ds.pixel_array, top).astype(ds.pixel_array.dtype).tobytes()
        ds.save_as(tmp_path / f"{number}.dcm")
    image = open_image(tmp_path, "mri")
    cut = sum(int((echo > int(ceiling * 4095)).sum()) for echo in stored)
    assert cut > 100
    assert image.clipped is not None
    assert image.clipped.sum() == pytest.approx(cut, rel=0.02)
    assert len(image.warnings) == 1


def test_twins_have_the_same_t2(paravision, shared):
    twin = open_image(shared(f"{PHANTOM}/dicom_baseline"), "mri")
    maps = [
        fit_t2(image.data[:, 4, 40:120, 40:150], image.meta["te_ms"], "rician", 0.05)
        for image in (paravision, twin)
    ]
    assert maps[0].ok.sum() > 1000
    np.testing.assert_array_equal(maps[0].status, maps[1].status)
    # the slopes agree to eight digits, which T2 far beyond the last echo stretches
    np.testing.assert_allclose(maps[0].t2_ms[maps[0].ok], maps[1].t2_ms[maps[1].ok], rtol=2e-5)


def test_the_same_scan_as_nifti_and_as_tiff(paravision, tmp_path):
    middle = paravision.data[:, 4]
    nifti = nibabel.Nifti1Image(
        middle.transpose(2, 1, 0)[:, :, None], np.diag([0.2083333, 0.21875, 1.0, 1.0])
    )
    nifti.header.set_xyzt_units("mm")
    nibabel.save(nifti, tmp_path / "a.nii.gz")
    tifffile.imwrite(tmp_path / "b.tif", middle, photometric="minisblack")
    times = " ".join(map(str, paravision.meta["te_ms"]))
    for name in ("a.nii.gz", "b.tif"):
        (tmp_path / f"{name}.echo_times_ms.txt").write_text(times)
        image = open_image(tmp_path / name, "mri", paravision.spacing_um[1:])
        np.testing.assert_array_equal(image.data, middle)
        assert image.meta["te_ms"] == paravision.meta["te_ms"]
    assert probe_image(tmp_path / "a.nii.gz", "mri").spacing_um == pytest.approx((218.75, 208.3333))


@pytest.mark.parametrize(
    ("folder", "n_echoes", "size", "vendor", "scaling"),
    [
        ("site3_ge", 8, 256, "GE MEDICAL SYSTEMS", "stored values"),
        ("site5_philips_3T", 32, 192, "Philips Medical Systems", "Philips private scale"),
    ],
)
def test_headers_of_two_vendors(shared, folder, n_echoes, size, vendor, scaling):
    info = probe_image(shared(f"{MRI}/nist-plate4-dicom/{folder}"), "mri")
    assert info.shape == (n_echoes, size, size)
    step = 9.64 if n_echoes == 8 else 8.0
    assert info.meta["te_ms"] == pytest.approx([step * (n + 1) for n in range(n_echoes)])
    assert info.spacing_um == pytest.approx((250_000 / size, 250_000 / size), rel=1e-4)
    assert info.meta["vendor"] == vendor
    assert info.meta["scaling"].startswith(scaling)
    assert info.meta["train"] == "cpmg"
    assert info.meta["nucleus"] == "1H"


def test_spheres_agree_with_the_peer(measured):
    off = np.abs(fit_of_mean(measured, "rician", measured.sigma))[measured.judged]
    assert off.size == 10
    assert off.max() <= LIMIT_PERCENT


def test_the_noise_level_hardly_matters_to_the_agreement(measured):
    for factor in (0.1, 3.0):
        off = np.abs(fit_of_mean(measured, "rician", factor * measured.sigma))[measured.judged]
        assert off.max() <= LIMIT_PERCENT


def test_our_pixels_are_as_good_as_the_peers(measured):
    """The peer's own formula on our pixels: what remains is where the pixels were taken."""
    assert np.abs(peers_formula(measured))[measured.judged].max() <= LIMIT_PERCENT


def test_pixel_by_pixel_most_spheres_agree(measured):
    off = np.abs(median_of_pixels(measured, "rician", measured.sigma))[measured.judged]
    assert np.sum(off > LIMIT_PERCENT) <= 2
    assert np.median(off) < 1.0


def test_the_first_echo_is_too_low(measured):
    """Stimulated echoes: with the first echo the fit is far off, so that leaving it out is tested as well."""
    off = fit_of_mean(measured, "rician", measured.sigma, skip=0)[measured.judged]
    assert np.abs(off).max() > 2 * LIMIT_PERCENT
