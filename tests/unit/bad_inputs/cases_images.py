"""Bad electron images and element maps."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from spallmap.twin.formats import write_element_maps, write_zeiss_tiff
from tests.unit.bad_inputs.case import Cases, either, reads, refused
from tests.unit.bad_inputs.spoilt import SPOIL

CASES = Cases()
N_ROWS, N_COLUMNS = 120, 160
FEI_TAG = 34682


def picture() -> np.ndarray:
    """Grains, no two rows alike, none at an end of the range."""
    rng = np.random.default_rng(8)
    coarse = rng.integers(40, 200, (N_ROWS // 8, N_COLUMNS // 8))
    noise = rng.integers(0, 20, (N_ROWS, N_COLUMNS))
    return (np.kron(coarse, np.ones((8, 8), int)) + noise).astype(np.uint8)


def shows(data: np.ndarray) -> Any:
    return lambda seen: np.array_equal(seen["data"], data)


def sem(folder: Path, data: np.ndarray | None = None, **said: Any) -> Path:
    path = folder / "sem.tif"
    tifffile.imwrite(path, picture() if data is None else data, metadata=None, **said)
    return path


@CASES.add("values behind a calibration", "a WhiteIsZero SEM image", reads(shows(picture())))
def white_is_zero(folder: Path) -> Any:
    return sem(folder, 255 - picture(), photometric="miniswhite"), "sem", 0.5


@CASES.add(
    "values behind a calibration",
    "a grey palette that is turned round",
    reads(
        lambda s: (
            np.array_equal(np.argsort(s["data"], None), np.argsort(picture(), None))
            or np.corrcoef(s["data"].ravel(), picture().ravel())[0, 1] > 0.999
        )
    ),
)
def grey_palette(folder: Path) -> Any:
    ramp = (np.arange(256)[::-1] * 257).astype(np.uint16)
    return sem(folder, 255 - picture(), photometric="palette", colormap=np.stack([ramp] * 3)), "sem", 0.5


@CASES.add("pictures", "a colour palette as SEM image", refused("sem.tif", "colour|palette"))
def colour_palette(folder: Path) -> Any:
    palette = np.random.default_rng(0).integers(0, 65535, (3, 256)).astype(np.uint16)
    return sem(folder, photometric="palette", colormap=palette), "sem", 0.5


@CASES.add("pictures", "a coloured SEM image", refused("sem.tif", "colour"))
def coloured(folder: Path) -> Any:
    rgb = np.stack([picture(), picture() // 2, picture()], axis=-1)
    return sem(folder, rgb, photometric="rgb"), "sem", 0.5


@CASES.add(
    "thumbnails",
    "an RGB preview first, the data second",
    either(refused("sem.tif"), reads(lambda s: np.array_equal(s["data"], picture().astype(np.uint16) * 200))),
)
def preview_first(folder: Path) -> Any:
    path = folder / "sem.tif"
    with tifffile.TiffWriter(path) as tif:
        small = np.stack([picture()[::4, ::4]] * 3, axis=-1)
        tif.write(small, photometric="rgb", metadata=None)
        tif.write(picture().astype(np.uint16) * 200, metadata=None)
    return path, "sem", 0.5


@CASES.add(
    "thumbnails",
    "a reduced image first, the data second",
    either(refused("sem.tif"), reads(shows(picture()))),
)
def reduced_first(folder: Path) -> Any:
    path = folder / "sem.tif"
    with tifffile.TiffWriter(path) as tif:
        tif.write(picture()[::4, ::4], subfiletype=1, metadata=None)
        tif.write(picture(), metadata=None)
    return path, "sem", 0.5


def fei(folder: Path, text: str, data: np.ndarray | None = None) -> Path:
    tag = (FEI_TAG, "s", 0, text.encode(), True)
    return sem(folder, data, extratags=[tag])


@CASES.add(
    "images stored at another size",
    "FEI at half its size",
    reads(lambda s: np.allclose(s["spacing_um"], 0.05), "field|size"),
)
def halved_fei(folder: Path) -> Any:
    text = (
        "[Scan]\r\nPixelWidth=2.5e-08\r\nPixelHeight=2.5e-08\r\nHorFieldsize=8e-06\r\nVerFieldsize=6e-06\r\n"
        "[Image]\r\nResolutionX=320\r\nResolutionY=240\r\n"
    )
    return fei(folder, text), "sem", None


for label, text in (
    ("no number", "[Scan]\r\nPixelWidth=wide\r\nPixelHeight=2.5e-08\r\n"),
    ("zero", "[Scan]\r\nPixelWidth=0\r\nPixelHeight=0\r\n"),
    ("infinite", "[Scan]\r\nPixelWidth=inf\r\nPixelHeight=inf\r\n"),
    ("in nm as m", "[Scan]\r\nPixelWidth=25\r\nPixelHeight=25\r\n"),
    ("no text", "\x00\x01\x02"),
):

    @CASES.add("vendors' tags", f"FEI pixel width: {label}", refused("sem.tif|pixel size"), text=text)
    def lying_fei(folder: Path, text: str) -> Any:
        return fei(folder, text), "sem", None


@CASES.add("units of ImageJ", "an SEM image at 96 dpi", refused("pixel size"))
def screen_sem(folder: Path) -> Any:
    return sem(folder, description="ImageJ=1.53\nunit=inch\n", resolution=(96, 96)), "sem", None


@CASES.add("clipped samples", "an SEM image with a fifth at 255", reads(None, "255|clipped|saturat"))
def clipped_sem(folder: Path) -> Any:
    data = picture()
    data[data > np.percentile(data, 80)] = 255
    return sem(folder, data), "sem", 0.5


for label, shape in (
    ("60 000 x 60 000", (60_000, 60_000)),
    ("2^31 rows", (2**31, 10)),
    ("no rows", (0, 160)),
):

    @CASES.add("TIFF headers", f"an SEM image of {label}", refused("sem.tif"), shape=shape)
    def announced(folder: Path, shape: tuple[int, int]) -> Any:
        path = folder / "sem.tif"
        data = picture().tobytes()
        entries = [
            (256, 4, 1, shape[1]), (257, 4, 1, shape[0]), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1),
            (273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, shape[0]), (279, 4, 1, len(data)),
        ]  # fmt: skip
        ifd = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *e) for e in entries) + bytes(4)
        path.write_bytes(b"II*\0" + struct.pack("<I", 8 + len(data)) + data + ifd)
        return path, "sem", 0.5


@CASES.add("TIFF headers", "60 000 x 60 000 pixels that are there", refused("sem.tif", "crop|bin"))
def truly_large(folder: Path) -> Any:
    path = folder / "sem.tif"
    n = 60_000 * 60_000
    entries = [
        (256, 4, 1, 60_000), (257, 4, 1, 60_000), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1),
        (273, 4, 1, 8 + 2 + 9 * 12 + 4), (277, 3, 1, 1), (278, 4, 1, 60_000), (279, 4, 1, n),
    ]  # fmt: skip
    ifd = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *e) for e in entries) + bytes(4)
    with path.open("wb") as stream:
        stream.write(b"II*\0" + struct.pack("<I", 8) + ifd)
        stream.truncate(len(ifd) + 8 + n)  # holes of zeros, which take no room on the disk
    return path, "sem", 0.5


for how, spoil in SPOIL.items():

    @CASES.add("parts that cannot be read", f"the SEM image is {how}", refused("sem"), spoil=spoil)
    def spoilt_sem(folder: Path, spoil: Any) -> Any:
        path = folder / "sem.tif"
        write_zeiss_tiff(path, picture(), 0.5)
        spoil(path)
        return path, "sem", None


for fraction in (0.3, 0.9):

    @CASES.add(
        "bytes that are missing", f"an SEM image cut to {fraction:.0%}", refused("sem"), fraction=fraction
    )
    def cut_sem(folder: Path, fraction: float) -> Any:
        path = sem(folder)
        content = path.read_bytes()
        path.write_bytes(content[: int(fraction * len(content))])
        return path, "sem", 0.5


for size in (4660.0, 1e-7, (4.0, 66.0, 1.0), -1.0, float("nan")):

    @CASES.add("implausible sizes", f"an SEM image of {size} um", refused("pixel size"), size=size)
    def odd_size(folder: Path, size: Any) -> Any:
        return sem(folder), "sem", size


# --- element maps -------------------------------------------------------------------------------------------


def counts(element: int) -> np.ndarray:
    return np.random.default_rng(element).poisson(3.0 + element, (N_ROWS, N_COLUMNS)).astype(np.uint16)


def maps(folder: Path) -> Path:
    path = folder / "edx"
    write_element_maps(path, ("Na", "Al"), np.stack([counts(1), counts(9)]))
    return path


def replace_map(folder: Path, data: np.ndarray, **said: Any) -> Path:
    path = maps(folder)
    tifffile.imwrite(path / "Na.tif", data, metadata=None, **said)
    return path


def stretched(plane: np.ndarray) -> np.ndarray:
    return np.rint(255.0 * (plane - plane.min()) / (plane.max() - plane.min())).astype(np.uint8)


def rgb_map() -> np.ndarray:
    plane = stretched(counts(1))
    return np.stack([plane, 0 * plane, 0 * plane], axis=-1)


PALETTE = np.stack([np.arange(256) * 257, np.zeros(256), np.zeros(256)]).astype(np.uint16)

for label, data, said in (
    ("8 bits stretched to 255", stretched(counts(1)), {}),
    ("8 bits stretched to 255, counts to 40", stretched(counts(20)), {}),
    ("a palette", stretched(counts(1)), {"photometric": "palette", "colormap": PALETTE}),
    ("three colours", rgb_map(), {"photometric": "rgb"}),
):

    @CASES.add(
        "pictures", f"an element map of {label}", refused("Na.tif|edx", "picture|count"), data=data, **said
    )
    def picture_of_map(folder: Path, data: np.ndarray, **said: Any) -> Any:
        return replace_map(folder, data, **said), "edx", 2.0


for label, data in (
    ("negative", counts(1).astype(np.int16) - 9),
    ("not whole", counts(1) / np.float32(3)),
    ("not a number", np.full((N_ROWS, N_COLUMNS), np.nan, np.float32)),
    ("of another size", counts(1)[:-1]),
    ("infinite", np.full((N_ROWS, N_COLUMNS), np.inf, np.float32)),
):

    @CASES.add("counts", label, refused("Na.tif|edx|Al.tif"), data=data)
    def no_counts(folder: Path, data: np.ndarray) -> Any:
        return replace_map(folder, data), "edx", 2.0


@CASES.add(
    "counts", "8 bits that were never stretched", reads(lambda s: np.array_equal(s["data"][0], counts(1)))
)
def true_counts(folder: Path) -> Any:
    return replace_map(folder, counts(1).astype(np.uint8)), "edx", 2.0


for how, spoil in SPOIL.items():
    if how in ("vanished", "a folder"):
        continue

    @CASES.add("parts that cannot be read", f"an element map is {how}", refused("Na.tif"), spoil=spoil)
    def spoilt_map(folder: Path, spoil: Any) -> Any:
        path = maps(folder)
        spoil(path / "Na.tif")
        return path, "edx", 2.0


for name in ("Map.tif", "na.tif", "Na K.tif", "Xx.tif"):

    @CASES.add("names of elements", name, either(refused("element|Na"), reads()), name=name)
    def odd_element(folder: Path, name: str) -> Any:
        path = maps(folder)
        (path / "Na.tif").rename(path / name)
        return path, "edx", 2.0


for label, data, said in (
    ("16 bits stretched to 65535", np.rint(65535.0 * counts(6) / counts(6).max()).astype(np.uint16), {}),
    ("16 bits, counts times 257", counts(6) * np.uint16(257), {}),
    ("0 shown as white", counts(6), {"photometric": "miniswhite"}),
):

    @CASES.add("pictures", f"an element map of {label}", refused("Na.tif", "picture"), data=data, said=said)
    def other_picture(folder: Path, data: np.ndarray, said: dict[str, Any]) -> Any:
        return replace_map(folder, data, **said), "edx", 2.0


@CASES.add("counts", "two phases of many counts", reads())
def two_phases(folder: Path) -> Any:
    means = np.where(picture() > 120, 600.0, 90.0)
    return replace_map(folder, np.random.default_rng(4).poisson(means).astype(np.uint16)), "edx", 2.0


@CASES.add("pictures", "an SEM image of one grey", reads(None, "all pixels 0"))
def blank_sem(folder: Path) -> Any:
    return sem(folder, 0 * picture()), "sem", 0.5


@CASES.add("vendors' tags", "FEI pixel width twice", refused("pixel size"))
def doubled_fei(folder: Path) -> Any:
    return fei(folder, "[Scan]\r\nPixelWidth=1e-7\r\nPixelWidth=2e-7\r\nPixelHeight=1e-7\r\n"), "sem", None
