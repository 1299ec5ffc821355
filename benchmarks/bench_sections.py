"""Place sections beside two common tools that are given a start: SimpleITK and itk-elastix.

    pip install itk-elastix
    python benchmarks/bench_sections.py --work <folder>

itk-elastix is not among this project's requirements; ``--methods simpleitk ours`` does without it. The peers
register the section as an image of one slice by Mattes mutual information, from a start near the truth and
from the table's axes with the azimuth; register_section gets the axes without it. What is done is kept in the
folder, so that a run that was stopped goes on. The table goes into benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import importlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813
from numpy.typing import NDArray
from page import write_section
from scipy import ndimage
from scipy.spatial.transform import Rotation
from section_cases import SPACING_UM, VOXEL_UM, SectionCase, Tomogram, section, tomogram

from spallmap.axes import AxesPrior
from spallmap.frames import AffineMap, grid_centre, rotation_map
from spallmap.registration.section import register_section

README = Path(__file__).with_name("README.md")
SEEDS = range(601, 606)
PLANES = 4
RIGHT_VOXELS = 1.0
WRONG_VOXELS = 3.0
PRIOR = AxesPrior.parse("-z,r")
# What a person who rotates the volume by hand may reach, and how well an azimuth is known from a mark.
NEAR_DEG = 3.0
NEAR_UM = 25.0
AZIMUTH_DEG = 15.0
BINS = 50
# Smoothing and shrinking of the pyramid's levels, in voxels.
LEVELS = (8, 4, 2, 1)
MISSING = "itk-elastix is not installed: pip install itk-elastix, or give --methods simpleitk ours"
# What differs from elastix's own defaults for rigid registration, apart from what stays on disk.
ELASTIX = {
    "Transform": "SimilarityTransform",
    "NumberOfHistogramBins": str(BINS),
    "ImageSampler": "Random",
    "NumberOfSpatialSamples": "10000",
    "MaximumStepLength": str(VOXEL_UM),
    "MaximumNumberOfIterations": "500",
    "FixedImagePyramid": "FixedShrinkingImagePyramid",
    "MovingImagePyramid": "MovingShrinkingImagePyramid",
    "AutomaticTransformInitialization": "false",
    "RandomSeed": "1",
    "WriteResultImage": "false",
}
ROWS = "sections-beside.jsonl"
NAMES = {
    "simpleitk": "SimpleITK, Mattes mutual information",
    "elastix": "itk-elastix, Mattes mutual information",
    "ours": "register_section",
}
GIVEN = {
    "near": "a pose near the truth",
    "axes, azimuth": "axes, azimuth to 15 degrees",
    "axes": "axes, no azimuth",
}
METHODS = ("simpleitk", "elastix", "ours")

Grey = NDArray[np.float32]


@dataclass(frozen=True)
class Slice:
    """A section averaged to about the tomogram's voxels.

    Parameters
    ----------
    grey : ndarray of float32
        Rows and columns.
    mask : ndarray of uint8
        1 on the specimen.
    pixel_um : float
        Spacing of both axes.
    origin_um : ndarray, shape (3,)
        The first pixel in the section's frame.
    """

    grey: Grey
    mask: NDArray[np.uint8]
    pixel_um: float
    origin_um: NDArray[np.float64]

    def placed(self, data: NDArray[Any], start: AffineMap, shrink: int = 1) -> sitk.Image:
        """Lay blocks of `shrink` pixels into the volume's frame as an image of one slice a voxel thick."""
        first = (shrink - 1) / 2.0 * self.pixel_um * np.array([1.0, 1.0, 0.0])
        image = sitk.GetImageFromArray(_averaged(data, shrink)[None].astype(data.dtype))
        lengths = np.linalg.norm(start.linear, axis=0)
        spacing = lengths * np.array([self.pixel_um * shrink, self.pixel_um * shrink, VOXEL_UM])
        image.SetSpacing(spacing.tolist())
        image.SetOrigin(start(self.origin_um + first).tolist())
        image.SetDirection((start.linear / lengths).ravel().tolist())
        return image

    def centre(self, start: AffineMap) -> list[float]:
        """Middle of the slice in the volume's frame."""
        middle: list[float] = start(
            self.origin_um + grid_centre(self.grey.shape, (self.pixel_um,) * 2)
        ).tolist()
        return middle


def _averaged(data: NDArray[Any], block: int) -> NDArray[Any]:
    rows, columns = (n // block for n in data.shape)
    blocks = data[: rows * block, : columns * block].reshape(rows, block, columns, block)
    means: NDArray[Any] = blocks.mean(axis=(1, 3))
    return means


def as_slice(case: SectionCase) -> Slice:
    """Average a section to pixels of about a voxel; the peers gain from it in time and in robustness."""
    image = case.image
    pixel = image.spacing_um[1]
    block = max(1, int(VOXEL_UM / pixel))
    seen = np.ones(image.data.shape, bool) if image.mask is None else image.mask
    mask = (_averaged(seen, block) == 1.0).astype(np.uint8)
    first = (block - 1) / 2.0 * pixel
    return Slice(
        _averaged(image.data, block).astype(np.float32), mask, pixel * block, np.array([first, first, 0.0])
    )


def near_start(case: SectionCase, rng: np.random.Generator) -> AffineMap:
    """Rotate the true pose about the field's middle and shift it, at random; nominal pixel size."""
    rigid = case.truth.linear / np.linalg.norm(case.truth.linear, axis=0)
    own = grid_centre(case.image.spatial_shape, case.image.spacing_um)
    middle = case.truth(own)
    axis, way = (v / np.linalg.norm(v) for v in rng.normal(size=(2, 3)))
    moved = rotation_map(Rotation.from_rotvec(np.deg2rad(NEAR_DEG) * axis), middle, NEAR_UM * way)
    return moved @ AffineMap.from_parts(rigid, middle - rigid @ own)


def axes_start(case: SectionCase, shape: tuple[int, ...], rng: np.random.Generator) -> AffineMap:
    """Follow the table's axes, with the azimuth known to 15 degrees; centre on centre."""
    columns = case.truth.linear[:, 0]
    azimuth = float(np.rad2deg(np.arctan2(columns[1], columns[0]))) + rng.uniform(-AZIMUTH_DEG, AZIMUTH_DEG)
    return PRIOR.map(case.image.spatial_shape, case.image.spacing_um, shape, SPACING_UM, azimuth)


def by_simpleitk(plane: Slice, volume: Grey, start: AffineMap) -> AffineMap:
    """Mattes mutual information with a similarity transform by regular-step gradient descent, coarse to fine.

    SimpleITK's own pyramid cannot smooth an image of one slice, so each level is prepared here.
    """
    transform = sitk.Similarity3DTransform()
    transform.SetCenter(plane.centre(start))
    for level in LEVELS:
        moving = sitk.GetImageFromArray(smoothed(volume, level))
        moving.SetSpacing(SPACING_UM)
        method = sitk.ImageRegistrationMethod()
        method.SetMetricAsMattesMutualInformation(BINS)
        method.SetMetricFixedMask(plane.placed(plane.mask, start, level))
        method.SetInterpolator(sitk.sitkLinear)
        method.SetOptimizerAsRegularStepGradientDescent(
            learningRate=2.0 * level, minStep=0.01, numberOfIterations=300, relaxationFactor=0.7
        )
        method.SetOptimizerScalesFromPhysicalShift()
        method.SetInitialTransform(transform, inPlace=True)
        method.Execute(plane.placed(plane.grey, start, level), moving)
    return AffineMap.from_itk(transform) @ start


def by_elastix(plane: Slice, volume: Grey, start: AffineMap) -> AffineMap:
    """Run elastix's rigid defaults with a similarity transform, more samples and more steps, coarse to fine.

    Its generic and recursive pyramids, too, stop at images of one slice, so each level is a run of its own.
    """
    itk = elastix()
    for level in LEVELS:
        fixed = _in_itk(itk, plane.placed(plane.grey, start, level))
        moving = itk.image_from_array(smoothed(volume, level))
        moving.SetSpacing(SPACING_UM)
        parameters = itk.ParameterObject.New()
        chosen = parameters.GetDefaultParameterMap("rigid", 1)
        for name, value in ELASTIX.items():
            chosen[name] = (value,)
        parameters.AddParameterMap(chosen)
        method = itk.ElastixRegistrationMethod[type(fixed), type(moving)].New(fixed, moving)
        method.SetFixedMask(_in_itk(itk, plane.placed(plane.mask, start, level)))
        method.SetParameterObject(parameters)
        method.SetNumberOfThreads(1)
        method.Update()
        found = method.GetTransformParameterObject().GetParameterMap(0)
        step = sitk.Similarity3DTransform()
        step.SetCenter([float(v) for v in found["CenterOfRotationPoint"]])
        step.SetParameters([float(v) for v in found["TransformParameters"]])
        start = AffineMap.from_itk(step) @ start
    return start


def elastix() -> Any:
    """Import itk with elastix in it, or say how to get it."""
    try:
        itk = importlib.import_module("itk")
    except ImportError as missing:
        raise SystemExit(MISSING) from missing
    if not hasattr(itk, "ElastixRegistrationMethod"):
        raise SystemExit(MISSING)
    itk.MultiThreaderBase.SetGlobalDefaultNumberOfThreads(1)
    return itk


def _in_itk(itk: Any, image: sitk.Image) -> Any:
    same = itk.image_from_array(sitk.GetArrayFromImage(image))
    same.SetSpacing(image.GetSpacing())
    same.SetOrigin(image.GetOrigin())
    same.SetDirection(itk.matrix_from_array(np.array(image.GetDirection()).reshape(3, 3)))
    return same


def smoothed(volume: Grey, level: int) -> Grey:
    """Blur the volume as much as blocks of `level` pixels are blurred."""
    smooth: Grey = volume if level == 1 else ndimage.gaussian_filter(volume, level / 2.0)
    return smooth


def place(method: str, case: SectionCase, volume: Tomogram, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Register one plane by one method, from each start that the method is given."""
    if method == "ours":
        began = time.process_time()
        found = register_section(
            case.image, volume.grey, volume.phases, SPACING_UM, prior=PRIOR, seed=1, threads=1
        )
        spent = time.process_time() - began
        error = case.error_um(found.map) / VOXEL_UM
        return [{"start": "axes", "error": error, "verdict": found.verdict, "seconds": spent}]
    peer = {"simpleitk": by_simpleitk, "elastix": by_elastix}[method]
    grey = volume.grey.astype(np.float32)
    rows: list[dict[str, Any]] = []
    starts = {"near": near_start(case, rng), "axes, azimuth": axes_start(case, grey.shape, rng)}
    for name, start in starts.items():
        began = time.process_time()
        reached: float | None = None
        try:
            reached = case.error_um(peer(as_slice(case), grey, start)) / VOXEL_UM
        except RuntimeError as stopped:
            print(method, name, stopped, flush=True)
        rows.append(
            {
                "start": name,
                "start_error": case.error_um(start) / VOXEL_UM,
                "error": reached,
                "verdict": "stopped" if reached is None else "none",
                "seconds": time.process_time() - began,
            }
        )
    return rows


def run(methods: list[str], work: Path) -> None:
    """Register what is not yet in the folder, a line of JSON for each."""
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    if "elastix" in methods:
        elastix()
    done = {(r["method"], r["seed"], r["plane"]) for r in kept(work)}
    for method in methods:
        for number in range(PLANES):
            for seed in SEEDS:
                if (method, seed, number) in done:
                    continue
                volume = tomogram(seed, work)
                case = section(seed, number, volume.to_cell)
                rows = place(method, case, volume, np.random.default_rng([seed, number, 5]))
                with (work / ROWS).open("a", encoding="utf-8") as lines:
                    for row in rows:
                        lines.write(
                            json.dumps({"method": method, "seed": seed, "plane": number, **row}) + "\n"
                        )


def kept(work: Path) -> list[dict[str, Any]]:
    """Rows of earlier runs."""
    file = work / ROWS
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []


def table(rows: list[dict[str, Any]]) -> str:
    """One line for each method and start, over the planes that all of them have been given."""
    named: dict[tuple[str, str], dict[tuple[int, int], dict[str, Any]]] = {}
    for r in rows:
        named.setdefault((r["method"], r["start"]), {})[r["seed"], r["plane"]] = r
    planes = set.intersection(*(set(found) for found in named.values())) if named else set()
    if not planes:
        return "No plane has been placed by every method yet."
    missing = [NAMES[method] for method in METHODS if method not in {m for m, _ in named}]
    lines = [
        f"Planes: {len(planes)}, of cells: {len({seed for seed, _ in planes})}."
        + (f" Not run yet: {'; '.join(missing)}." if missing else ""),
        "",
        "| method | given | start off by (voxels): median | within 1 voxel | beyond 3 voxels, or stopped "
        "| beyond 3 voxels and not said | error (voxels): median, worst | CPU seconds: median, most |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for (method, start), found in named.items():
        lines.append(_line(method, start, [found[plane] for plane in sorted(planes)]))
    return "\n".join(lines)


def _line(method: str, start: str, rows: list[dict[str, Any]]) -> str:
    error = np.array([np.inf if r["error"] is None else r["error"] for r in rows])
    silent = np.array([r["verdict"] in ("none", "accepted") for r in rows])
    seconds = [r["seconds"] for r in rows]
    begun = "-" if method == "ours" else f"{np.median([r['start_error'] for r in rows]):.1f}"
    wrong = error > WRONG_VOXELS
    return (
        f"| {NAMES[method]} | {GIVEN[start]} | {begun} | {np.sum(error <= RIGHT_VOXELS)} | {np.sum(wrong)} "
        f"| {np.sum(wrong & silent)} | {np.median(error):.2f}, {error.max():.2f} "
        f"| {np.median(seconds):.0f}, {max(seconds):.0f} |"
    )


def main() -> None:
    """Run what is missing, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("validation/sections"))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    run(options.methods, options.work)
    text = table(kept(options.work))
    print(text)
    write_section(README, "sections", text)


if __name__ == "__main__":
    main()
