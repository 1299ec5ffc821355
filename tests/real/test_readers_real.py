"""The readers on the instruments' own files."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from spallmap.errors import InputError
from spallmap.image import Image
from spallmap.readers import input_files, open_image, probe_image

pytestmark = pytest.mark.real

PHANTOM = "data/mri/bruker-msme-phantom/20160718_115906_plateforme_fantome_nouille_other_1_7"
CORNER = np.s_[:, :, :24, :24]  # air, far from the phantom
TE_MS = tuple(7.7 * n for n in range(1, 8))


@pytest.fixture(scope="session")
def scan9(shared) -> Image:
    return open_image(shared(f"{PHANTOM}/9"), "mri")


@pytest.fixture(scope="session")
def scan10(shared) -> Image:
    return open_image(shared(f"{PHANTOM}/10"), "mri")


def scanner_points(image: Image, indices: np.ndarray) -> np.ndarray:
    """Scanner coordinates (mm) of array indices (n, 3), by the scan's own position and direction."""
    rows = np.reshape(image.meta["orientation"], (3, 3))
    steps = np.array(image.spacing_um)[::-1] / 1000
    return np.array(image.meta["position_mm"]) + (indices[:, ::-1] * steps) @ rows


def scanner_values(image: Image, echo: int, points: np.ndarray) -> np.ndarray:
    """Value of one echo at scanner coordinates (n, 3) in mm."""
    rows = np.reshape(image.meta["orientation"], (3, 3))
    steps = np.array(image.spacing_um)[::-1] / 1000
    indices = ((points - np.array(image.meta["position_mm"])) @ rows.T / steps)[:, ::-1]
    return ndimage.map_coordinates(image.data[echo], indices.T, order=1)


def test_scan_of_slices_and_echoes(scan9, shared):
    assert scan9.axes == ("echo", "z", "y", "x")
    assert scan9.data.shape == (7, 9, 160, 192)
    assert scan9.spacing_um == pytest.approx((1000, 218.75, 208.3333), rel=1e-5)
    assert scan9.meta["te_ms"] == pytest.approx(TE_MS)
    assert scan9.meta["magnitude"] is True
    assert scan9.meta["train"] == "cpmg"
    assert scan9.meta["nucleus"] == "1H"
    stored = np.fromfile(shared(f"{PHANTOM}/9/pdata/1/2dseq"), "<i2").reshape(9, 7, 160, 192)
    np.testing.assert_allclose(scan9.data, stored.swapaxes(0, 1) * 0.00117642443558478, rtol=1e-6)


def test_noise_in_the_corner_is_rayleigh(scan9):
    corner = scan9.data[CORNER].astype(float)
    assert corner.mean() / np.sqrt((corner**2).mean()) == pytest.approx(0.883, abs=0.004)


def test_dicom_twin_holds_the_same_integers(scan9, shared):
    """The twin's pixels are the end of its file, uncompressed: frames with the echoes fastest."""
    content = shared("data/mri/bruker-msme-phantom/dicom_baseline/scan9_multiframe.dcm").read_bytes()
    integers = np.rint(scan9.data.astype(float) / 0.00117642443558478).astype("<u2").swapaxes(0, 1)
    assert integers.tobytes() in content


def test_transposed_scan_is_the_right_way_round(scan9, scan10):
    """Both scans show one phantom in planes at right angles: along the lines where they meet, they agree."""
    assert scan10.data.shape == (7, 9, 192, 160)
    assert scan10.spacing_um == pytest.approx((1000, 208.3333, 218.75), rel=1e-5)
    indices = np.stack(np.meshgrid(range(9), range(160), range(192), indexing="ij"), axis=-1).reshape(-1, 3)
    points = scanner_points(scan9, indices)
    own = scanner_points(scan10, np.array([[0, 0, 0], [8, 191, 159]]))
    inside = np.all((points > own.min(axis=0)) & (points < own.max(axis=0)), axis=1)
    assert inside.sum() > 5000
    here = scan9.data[0].reshape(-1)[inside]

    def agreement(signs: tuple[int, int, int]) -> float:
        return float(np.corrcoef(here, scanner_values(scan10, 0, points[inside] * np.array(signs)))[0, 1])

    assert agreement((1, 1, 1)) > 0.94
    # the phantom is nearly a cylinder, so that a mirror image across it still agrees in its outline
    assert agreement((-1, 1, 1)) < agreement((1, 1, 1)) - 0.03
    assert agreement((1, 1, -1)) < 0.5
    assert agreement((1, -1, 1)) < 0.5


def test_single_echo_with_raw_data_beside_it(shared):
    path = shared(f"{PHANTOM}/32")
    image = open_image(path, "mri")
    assert image.axes == ("echo", "y", "x")
    assert image.data.shape == (1, 256, 256)
    assert image.spacing_um == pytest.approx((136.71875, 136.71875))
    assert image.meta["te_ms"] == (20.0,)
    assert image.meta["train"] == "unknown"
    assert input_files(path, "mri")[0].name == "2dseq"


def test_foreign_mri_is_refused(shared):
    for foreign in ("data/mri/topspin-7li-cpmg/38", "data/mri/bruker-msme-phantom/dicom_baseline", PHANTOM):
        with pytest.raises(InputError, match="ParaVision"):
            probe_image(shared(foreign), "mri")


@pytest.mark.parametrize(
    ("name", "size_um", "bar_row"), [("zeiss-crack.tif", 0.01165, 349), ("zeiss-grains.tif", 2.615, 691)]
)
def test_zeiss_images(shared, name, size_um, bar_row):
    image = open_image(shared(f"data/sem/{name}"), "sem")
    assert image.spacing_um == pytest.approx((size_um, size_um), rel=1e-3)
    assert abs(image.meta["data_bar_row"] - bar_row) <= 2
    assert image.mask is not None
    assert image.mask[: bar_row - 3].all()
    assert not image.mask[bar_row + 2 :].any()
    assert image.mask.shape == image.data.shape


def test_other_vendors(shared):
    fei = open_image(shared("data/sem/fei-blank-8bit.tif"), "sem")
    assert fei.spacing_um == pytest.approx((3.3724, 3.3724))
    assert fei.meta["data_bar_row"] == 442
    for name, bar_row in (("fei-navcam-no-scan-section", 512), ("tescan", 768), ("jeol_example_sem", None)):
        path = shared(f"data/sem/{name}.tif")
        assert probe_image(path, "sem").spacing_um is None
        with pytest.raises(InputError, match="pixel size"):
            open_image(path, "sem")
        assert open_image(path, "sem", 1.0).meta["data_bar_row"] == bar_row


def test_tomogram_without_a_pixel_size(shared):
    path = shared("data/xct/cylindrical-cell/cell_vol")
    with pytest.raises(InputError, match="pixel size"):
        open_image(path, "xct")
    image = open_image(path, "xct", 3.5)
    assert image.data.shape == (24, 728, 728)
    assert image.data.dtype == np.uint8
    assert image.spacing_um == (3.5, 3.5, 3.5)
    assert image.data.std() > 5
    with pytest.raises(InputError, match="stack"):
        open_image(shared("data/xct/cylindrical-cell/im_1.tif"), "xct", 3.5)


def test_edx_of_a_vendor_is_refused_with_what_is_read(shared):
    for foreign in ("data/edx", "data/edx/mineral-p45.bcf"):
        with pytest.raises(InputError, match="one TIFF of counts for each element"):
            probe_image(shared(foreign), "edx")
