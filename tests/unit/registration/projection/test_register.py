from __future__ import annotations

import numpy as np
import pytest

from spallmap.axes import AxesPrior
from spallmap.frames import AffineMap, grid_points
from spallmap.image import Image
from spallmap.registration.projection import fitted_projection, register_projection
from spallmap.registration.result import Registration
from spallmap.results.registration import diagnostics_content
from spallmap.sampling import AcquiredSampling
from tests.schemas import check_registration
from tests.unit.registration.projection.projection_phantom import (
    BARS,
    IMAGE_SHAPE,
    IMAGE_SPACING_UM,
    OTHER_BARS,
    PRIOR,
    SPACING_UM,
    image,
    magnitude,
    phases,
    pose,
    stack_image,
)

SLICE_UM = 110.0


POINTS = grid_points(IMAGE_SHAPE, IMAGE_SPACING_UM)


def image_of(data: np.ndarray, mask: np.ndarray | None = None) -> Image:
    axes, spacing = ("z", "y", "x")[-data.ndim :], (SLICE_UM, *IMAGE_SPACING_UM)[-data.ndim :]
    return Image(data, axes, spacing, mask)


def register(data: np.ndarray, sigma: float, **options: object) -> Registration:
    arguments = {"phases": phases(), "prior": PRIOR, "known_answer_trials": 0, **options}
    exclude = arguments.pop("exclude", None)
    seen = image_of(data, None if exclude is None else ~exclude)
    found = register_projection(seen, arguments.pop("phases"), SPACING_UM, sigma=sigma, **arguments)
    check_registration(found)
    return found


def in_plane(found: AffineMap, truth: AffineMap) -> np.ndarray:
    """Displacement of the field along the true image's own axes, shape (..., 2)."""
    return ((found(POINTS) - truth(POINTS)) @ truth.linear)[..., :2]


def scan(seed: int, snr: float = 25.0) -> tuple[AffineMap, np.ndarray, np.ndarray, float]:
    rng = np.random.default_rng(seed)
    truth = pose(rng)
    clean = image(truth)
    sigma = float(np.median(clean[clean > 0.3 * clean.max()])) / snr
    return truth, clean, magnitude(clean, sigma, rng), sigma


@pytest.mark.parametrize("seed", range(10, 13))
def test_pose_is_found_within_its_stated_error(seed: int) -> None:
    truth, _, data, sigma = scan(seed, snr=15.0 + 3.0 * (seed - 10))
    found = register(data, sigma)
    assert found.accepted, found.reasons
    error = in_plane(found.map, truth)
    assert np.hypot(error[..., 0], error[..., 1]).mean() < 3.0
    assert found.se_um.u is not None
    assert found.se_um.v is not None
    assert abs(error[..., 0].mean()) < 4.0 * found.se_um.u
    assert abs(error[..., 1].mean()) < 4.0 * found.se_um.v
    assert found.se_um.normal is None
    assert "depth along the projection" in found.unobservable
    assert found.runner_up is not None


def test_a_coil_whose_sensitivity_changes_does_not_move_the_image() -> None:
    truth, clean, _, _ = scan(30)
    y, x = np.meshgrid(*(np.linspace(-1.0, 1.0, n) for n in IMAGE_SHAPE), indexing="ij")
    seen = clean * (1.0 + 0.2 * x - 0.2 * y + 0.1 * x * y)
    sigma = float(np.median(seen[seen > 0.3 * seen.max()])) / 25.0
    found = register(magnitude(seen, sigma, np.random.default_rng(30)), sigma)
    assert found.accepted, found.reasons
    assert np.linalg.norm(in_plane(found.map, truth), axis=-1).mean() < 3.0
    model = fitted_projection(found, image_of(seen), phases(), SPACING_UM)
    assert model is not None
    assert np.linalg.norm(model - seen) < 0.06 * np.linalg.norm(seen)


def filled(data: np.ndarray, factor: int) -> np.ndarray:
    """Fill a complex image with zeros beyond its k-space."""
    rows, columns = data.shape
    spectrum = np.fft.fftshift(np.fft.fft2(data))
    pad = [((factor - 1) * n // 2,) * 2 for n in (rows, columns)]
    return np.fft.ifft2(np.fft.ifftshift(np.pad(spectrum, pad))) * factor**2


def test_an_image_filled_with_zeros_is_placed_as_the_acquired_one() -> None:
    truth, clean, _, sigma = scan(32)
    rng = np.random.default_rng(32)
    noise = rng.normal(scale=sigma, size=(2, *IMAGE_SHAPE))
    acquired = clean + noise[0] + 1j * noise[1]
    data = np.abs(filled(acquired, 2))
    np.testing.assert_allclose(data[::2, ::2], np.abs(acquired), atol=1e-9)
    half_um = (IMAGE_SPACING_UM[0] / 2.0, IMAGE_SPACING_UM[1] / 2.0)
    seen = Image(data, ("y", "x"), half_um)
    options = {"prior": PRIOR, "sigma": sigma, "known_answer_trials": 0}
    twice = AcquiredSampling.filled((2.0, 2.0), "known")
    found = register_projection(seen, phases(), SPACING_UM, sampling=twice, **options)
    check_registration(found)
    assert found.accepted, found.reasons
    again = register(np.abs(acquired), sigma)
    np.testing.assert_allclose(found.map.matrix, again.map.matrix, atol=0.01)
    assert np.linalg.norm(in_plane(found.map, truth), axis=-1).mean() < 3.0
    model = fitted_projection(found, seen, phases(), SPACING_UM)
    assert model is not None
    assert model.shape == data.shape
    assert np.linalg.norm(model[::2, ::2] - clean) < 0.06 * np.linalg.norm(clean)


def test_magnitude_of_several_coils_is_placed() -> None:
    truth, clean, _, sigma = scan(31)
    data = magnitude(clean, sigma, np.random.default_rng(31), n_coils=4)
    found = register(data, sigma, n_coils=4)
    assert found.accepted, found.reasons
    assert found.score < 1.5
    assert np.linalg.norm(in_plane(found.map, truth), axis=-1).mean() < 3.0


def test_a_stack_of_slices_is_placed_in_depth_too() -> None:
    n_slices, slice_um = 5, SLICE_UM
    rng = np.random.default_rng(33)
    flat = pose(rng)
    linear = flat.linear
    start = AffineMap.from_parts(linear, flat.translation_um - linear @ [0.0, 0.0, 2.1 * slice_um])
    clean = stack_image(start, n_slices, slice_um)
    sigma = float(np.median(clean[clean > 0.3 * clean.max()])) / 20.0
    axes = AxesPrior.parse("-x,-z,y")
    assert np.linalg.det(axes.linear()) > 0
    found = register_projection(
        image_of(magnitude(clean, sigma, rng)),
        phases(),
        SPACING_UM,
        prior=axes,
        sigma=sigma,
        known_answer_trials=1,
    )
    assert found.accepted, found.reasons
    points = grid_points(clean.shape, (slice_um, *IMAGE_SPACING_UM))
    assert np.linalg.norm(found.map(points) - start(points), axis=-1).mean() < 4.0
    assert found.se_um.normal is not None
    assert found.unobservable == ()


BLOB = np.zeros(IMAGE_SHAPE, dtype=bool)


BLOB[19:24, 10:14] = True


@pytest.fixture(scope="module")
def without_blob() -> Registration:
    _, _, data, sigma = scan(20)
    return register(data, sigma, exclude=BLOB, seed=5)


def test_excluded_pixels_do_not_steer_the_fit(without_blob: Registration) -> None:
    truth, _, data, sigma = scan(20)
    masked = register(np.where(BLOB, 60.0 * sigma, data), sigma, exclude=BLOB, seed=5)
    assert masked.accepted, masked.reasons
    np.testing.assert_allclose(masked.map.matrix, without_blob.map.matrix, atol=1e-9)
    assert np.hypot(*np.moveaxis(in_plane(masked.map, truth), -1, 0)).mean() < 3.0


def test_known_answers_are_reported_and_count(without_blob: Registration) -> None:
    _, _, data, sigma = scan(20)
    found = register(data, sigma, exclude=BLOB, seed=5, known_answer_trials=3)
    (answers,) = found.diagnostics.known_answers
    assert answers.n == 3
    assert np.isnan(answers.errors_um[:, 2]).all()
    assert 0.0 < answers.errors_um[:, 0].max() < 6.0
    assert without_blob.diagnostics.known_answers == ()
    assert np.array_equal(without_blob.map.matrix, found.map.matrix)
    for name, errors in zip(("u", "v"), answers.errors_um.T, strict=False):
        seen = np.sqrt(np.mean(np.square(errors)))
        alone = getattr(without_blob.se_um, name)
        assert getattr(found.se_um, name) == pytest.approx(max(seen, alone), abs=1e-3)


def test_same_seed_gives_the_same_answer(without_blob: Registration) -> None:
    _, _, data, sigma = scan(20)
    again = register(data, sigma, exclude=BLOB, seed=5)
    assert np.array_equal(again.map.matrix, without_blob.map.matrix)
    assert again.se_um == without_blob.se_um
    assert diagnostics_content(again.diagnostics) == diagnostics_content(without_blob.diagnostics)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data[::-1], "rows reversed"),
        (lambda data: data[:, ::-1], "columns reversed"),
    ],
)
def test_reversed_image_is_refused(change: object, words: str) -> None:
    _, _, data, sigma = scan(22)
    found = register(change(data), sigma)  # type: ignore[operator]
    assert not found.accepted
    assert any(words in reason for reason in found.reasons)


def test_wrong_cell_is_refused() -> None:
    _, _, data, sigma = scan(23)
    found = register(data, sigma, phases=phases(OTHER_BARS))
    assert not found.accepted
    assert any("does not explain the image" in reason for reason in found.reasons)


def test_rows_and_columns_swapped_in_the_table_are_refused() -> None:
    _, _, data, sigma = scan(24)
    assert not register(data, sigma, prior=AxesPrior.parse("y,-z")).accepted


def test_noise_is_refused_for_showing_no_metal() -> None:
    data = magnitude(np.zeros(IMAGE_SHAPE), 1.0, np.random.default_rng(25))
    found = register(data, 1.0)
    assert not found.accepted
    assert any("too little metal" in reason for reason in found.reasons)


@pytest.mark.parametrize(
    ("data", "options", "words"),
    [
        (np.full(IMAGE_SHAPE, 3.0), {}, "constant"),
        (np.full(IMAGE_SHAPE, np.nan), {}, "less than half"),
        (np.eye(*IMAGE_SHAPE), {"phases": np.where(phases() == 2, 5, phases())}, "no sodium"),
    ],
)
def test_hopeless_input_is_refused_with_its_reason(
    data: np.ndarray, options: dict[str, object], words: str
) -> None:
    found = register(data, 1.0, **options)
    assert not found.accepted
    assert words in found.reasons[0]


def test_axes_that_do_not_belong_to_the_image_are_an_error() -> None:
    with pytest.raises(ValueError, match="do not belong together"):
        register(np.eye(4)[None], 1.0)


@pytest.mark.parametrize("sigma", [0.0, -1.0, float("nan")])
def test_a_noise_level_that_makes_no_sense_is_an_error(sigma: float) -> None:
    with pytest.raises(ValueError, match="sigma"):
        register(np.eye(*IMAGE_SHAPE), sigma)


def test_the_phantom_has_two_sides() -> None:
    # The other tests mean nothing on a cell that looks the same when it is reversed.
    truth, clean, _, _ = scan(26)
    assert len(BARS) == 3
    for mirrored in (clean[::-1], clean[:, ::-1]):
        best = np.fft.ifft2(np.fft.fft2(mirrored) * np.conj(np.fft.fft2(clean))).real.max()
        assert best < 0.97 * (clean**2).sum()
    assert truth.linear.shape == (3, 3)
