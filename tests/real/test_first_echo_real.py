from __future__ import annotations

import numpy as np
import pytest
from validate_real_mri import SITES, fit_of_mean, measure

from spallmap.readers import open_image
from spallmap.relaxometry import estimate_noise, get_model
from spallmap.relaxometry.first_echo import ClassChanges, examine_first_echo, first_echo_warnings

pytestmark = pytest.mark.real

MRI = "data/mri"
SCAN9 = f"{MRI}/bruker-msme-phantom/20160718_115906_plateforme_fantome_nouille_other_1_7/9"
RICIAN = get_model("rician")
# Agreement with the peer's own fits, percent, in spheres whose T2 the echoes can distinguish: the signal
# falls by half until the last echo, and is not in the noise's floor, which is that of several coils, after
# the first few.
LIMIT_PERCENT = 1.5


@pytest.mark.parametrize(("folder", "sign"), [("site3_ge", 1.0), ("site5_philips_3T", -1.0)])
def test_the_first_echo_of_a_phantoms_train_is_left_out(shared, folder: str, sign: float) -> None:
    site = next(s for s in SITES if s.folder == folder)
    m = measure(shared(f"{MRI}/nist-plate4-dicom"), site)
    te_ms = np.array(m.te_ms)
    found = examine_first_echo(m.echoes, te_ms, RICIAN, m.sigma, train="cpmg")
    assert (found.decision, found.used) == ("skip", "skip")
    assert np.sign(found.deviation) == sign
    (warning,) = first_echo_warnings(found, ClassChanges(), 12.0)
    assert warning.advice.startswith("left out: median T2")
    kept = np.abs(fit_of_mean(m, "rician", m.sigma, skip=0))
    used = np.abs(fit_of_mean(m, "rician", m.sigma, skip=1 if found.used == "skip" else 0))
    peer = np.array(site.peer_ms)
    judged = (peer >= 4.0 * te_ms[0]) & (peer <= 1.5 * te_ms[-1])
    assert judged.sum() >= 4
    assert used[judged].max() <= LIMIT_PERCENT < kept[judged].max()
    if folder == "site5_philips_3T":
        # 11.0 and 7.1 ms would read 16 and 13
        short = np.isin(peer, (11.0, 7.1))
        assert used[short].max() <= LIMIT_PERCENT
        assert np.all((1.0 + kept / 100.0)[short] * peer[short] > 12.0)


def test_the_first_echo_of_a_bruker_train(shared) -> None:
    image = open_image(shared(SCAN9), "mri")
    echoes, te_ms = np.asarray(image.data, dtype=np.float64), np.array(image.meta["te_ms"])
    sigma = estimate_noise(echoes, 1, te_ms).sigma
    found = examine_first_echo(echoes, te_ms, RICIAN, sigma, train=image.meta["train"])
    # a T2 ten times the last echo: a first echo 2 % low changes it by a sixth
    assert (found.decision, found.used) == ("skip", "skip")
    assert -0.04 < found.deviation < -0.01
    assert found.t2_skipped_ms == pytest.approx(430.0, abs=20.0)
    assert found.t2_kept_ms == pytest.approx(503.0, abs=20.0)


@pytest.mark.parametrize("state", ["pristine", "shorted"])
def test_separate_echoes_of_a_cell_are_as_before(shared, state: str) -> None:
    image = open_image(shared(f"cells/cell-a/mri_{state}/5"), "mri")
    echoes, te_ms = np.asarray(image.data, dtype=np.float64), np.array(image.meta["te_ms"])
    sigma = estimate_noise(echoes, 1, te_ms).sigma
    found = examine_first_echo(echoes, te_ms, RICIAN, sigma, train=image.meta["train"])
    assert (found.decision, found.used) == ("keep", "keep")
    assert found.used_series(echoes, te_ms, RICIAN)[0] is echoes
    assert first_echo_warnings(found, ClassChanges(), 12.0) == ()
