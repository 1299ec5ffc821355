"""One front door to the instruments' files.

A format is one module that describes itself as a :class:`~spallmap.readers.info.Reader`; adding one means
writing the module and naming it in ``READERS``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from spallmap.errors import InputError
from spallmap.image import Image
from spallmap.readers import dicom, edx, mri_nifti, mri_tiff, paravision, sem, topspin, volumes
from spallmap.readers.checks.echo_scales import check_distinct, check_one_scale, negative_magnitudes
from spallmap.readers.checks.file_access import check_readable, reported
from spallmap.readers.checks.memory import check_fits
from spallmap.readers.checks.plausible import UNUSUAL, check_echo_times, check_plausible, size_conflict
from spallmap.readers.checks.sample_values import check_decay, check_not_blank
from spallmap.readers.dataset_path import split_dataset
from spallmap.readers.info import ImageInfo, Loaded, Reader, Spacing, VolumeSource, resolve_spacing

__all__ = [
    "MODALITIES",
    "READERS",
    "UNUSUAL",
    "ImageInfo",
    "Reader",
    "VolumeSource",
    "input_files",
    "open_image",
    "open_volume",
    "probe_image",
    "split_dataset",
]

# Who is asked whether a path is theirs, in this order: the first that claims it reads it.
READERS: tuple[Reader, ...] = (
    paravision.READER,
    topspin.READER,
    dicom.READER,
    mri_nifti.READER,
    mri_tiff.READER,
    *volumes.READERS,
    sem.READER,
    edx.READER,
)
# What an acquisition can be.
MODALITIES = ("mri", "xct", "sem", "edx")


def open_image(
    path: Path | str, modality: str, spacing_um: Spacing = None, *, unusual: Collection[str] = ()
) -> Image:
    """Read an acquisition.

    Parameters
    ----------
    path : Path or str
        A file or folder; for HDF5 with the dataset after a colon, ``scan.nxs:/entry/data/data``.
    modality : {"mri", "xct", "sem", "edx"}
        What it is.
    spacing_um : float or sequence of float, optional
        Pixel size in array order, um; overrides the files' own.
    unusual : collection of str
        What is right although no such instrument has it, of ``UNUSUAL``: ``pixel_size``, ``field_of_view``,
        ``echo_times``, ``grey_scale``.

    Returns
    -------
    Image
        mri: axes (echo, y, x) or (echo, z, y, x), float32 in scaled units (complex64 where the scan was
        saved so), meta ``te_ms`` in ms, ``magnitude``, ``train``. xct: (z, y, x) in the stored type. sem:
        (y, x), the mask False in the data bar. edx: (channel, y, x), counts, meta ``channels``. What is odd
        in the files is in its ``warnings``.

    Raises
    ------
    InputError
        If the path is missing, no format fits, the files are damaged or announce more than they or memory
        can hold, nobody says the pixel size, it or the echo times are none that such an instrument has, or
        an echo shows one value alone.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import tifffile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for element, counts in (("Na", 3), ("Al", 9)):
    ...         tifffile.imwrite(Path(folder, f"{element}.tif"), np.full((20, 30), counts, np.uint16))
    ...     image = open_image(folder, "edx", spacing_um=2.0)
    >>> image.axes, image.data.shape, image.spacing_um
    (('channel', 'y', 'x'), (2, 20, 30), (2.0, 2.0))
    >>> image.meta["channels"], image.meta["format"]
    (('Na', 'Al'), 'EDX folder')
    """
    path = Path(path)
    reader = _reader(path, modality)
    with reported(path):
        announced = reader.probe(path)
        check_fits(str(path), announced.shape, announced.dtype)
        loaded = reader.load(path)
    info = _judged(path, modality, _with_signal(path, loaded), spacing_um, unusual)
    return Image(
        loaded.data,
        info.axes,
        _needed_spacing(path, info),
        mask=loaded.mask,
        meta={**info.meta, "format": info.format},
        clipped=loaded.clipped,
        warnings=info.warnings,
    )


@contextmanager
def open_volume(
    path: Path | str, spacing_um: Spacing = None, *, unusual: Collection[str] = ()
) -> Iterator[VolumeSource]:
    """Open a tomogram that is read part by part.

    Whole slices are what most formats read fastest: a region reads every strip, tile or chunk that it
    touches, and rows of raw files as a whole.

    Parameters
    ----------
    path : Path or str
        As for :func:`open_image`.
    spacing_um : float or sequence of float, optional
        Voxel size in array order, um; overrides the files' own.
    unusual : collection of str
        As for :func:`open_image`.

    Yields
    ------
    VolumeSource
        Headers, spacing and voxels (z, y, x) in the stored type; usable inside the block, on several
        threads at once.

    Raises
    ------
    InputError
        If the path is missing, no format fits, the files are damaged, nobody says the voxel size, or it is
        none that such an instrument has; damage that only shows when voxels are read is reported then.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import tifffile
    >>> stack = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for number, plane in enumerate(stack):
    ...         tifffile.imwrite(Path(folder, f"slice{number}.tif"), plane)
    ...     with open_volume(folder, spacing_um=(5.0, 4.0, 4.0)) as source:
    ...         source.info.format, source.data.shape, source.data[1:2, 0:1, 0:4].tolist()
    ('TIFF folder', (2, 3, 4), [[[12, 13, 14, 15]]])
    """
    path = Path(path)
    reader = _reader(path, "xct")
    if reader.stream is None:
        raise TypeError(f"the reader {reader.name} does not stream")
    with ExitStack() as held:
        with reported(path):
            opened = held.enter_context(reader.stream(path))
        info = _judged(path, "xct", opened.info, spacing_um, unusual)
        yield VolumeSource(info, _needed_spacing(path, info), opened.data)


def probe_image(
    path: Path | str, modality: str, spacing_um: Spacing = None, *, unusual: Collection[str] = ()
) -> ImageInfo:
    """Read an acquisition's headers alone.

    Parameters
    ----------
    path, modality, spacing_um, unusual
        As for :func:`open_image`.

    Returns
    -------
    ImageInfo
        Shape, axes, type, format, metadata and warnings; its ``spacing_um`` is None where nobody says the
        pixel size.

    Raises
    ------
    InputError
        If the path is missing, no format fits, the headers are damaged or announce more than memory can
        hold, or the pixel size or the echo times are none that such an instrument has.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import tifffile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     tifffile.imwrite(Path(folder, "a.tif"), np.zeros((20, 30), np.uint8))
    ...     info = probe_image(Path(folder, "a.tif"), "sem")
    >>> info.shape, info.dtype, info.format, info.spacing_um
    ((20, 30), 'uint8', 'TIFF', None)
    """
    path = Path(path)
    with reported(path):
        reader = _reader(path, modality)
        info = reader.probe(path)
        if reader.stream is None:
            check_fits(str(path), info.shape, info.dtype)
    return _judged(path, modality, info, spacing_um, unusual)


def input_files(path: Path | str, modality: str) -> tuple[Path, ...]:
    """List the files that an acquisition consists of.

    Parameters
    ----------
    path, modality
        As for :func:`open_image`.

    Returns
    -------
    tuple of Path
        The files that are read, in a fixed order.

    Raises
    ------
    InputError
        If the path is missing, or no format fits.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import tifffile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for echo in (1, 2, 10):
    ...         tifffile.imwrite(Path(folder, f"te{echo}.tif"), np.zeros((20, 30), np.uint16))
    ...     _ = Path(folder, "echo_times_ms.txt").write_text("2, 6.5, 20")
    ...     [path.name for path in input_files(folder, "mri")]
    ['te1.tif', 'te2.tif', 'te10.tif', 'echo_times_ms.txt']
    """
    path = Path(path)
    with reported(path):
        return _reader(path, modality).files(path)


def _judged(
    path: Path, modality: str, info: ImageInfo, given: Spacing, unusual: Collection[str]
) -> ImageInfo:
    """Choose the pixel size, hold sizes and times to what instruments have, say where sources differ."""
    label = str(path)
    if "te_ms" in info.meta:
        said_by = f"{label}, {str(info.meta.get('te_source') or 'echo times')[:100]}"
        check_echo_times(said_by, info.meta["te_ms"], unusual, stored_as=info.meta.get("te_unit", "ms"))
    spacing = resolve_spacing(label, info, given)
    if spacing is None:
        return info
    own = given is None and info.meta.get("spacing_from")
    who = f"{label}, {own}" if own else label
    check_plausible(who, modality, info.spatial_shape, spacing, unusual)
    conflict = size_conflict(label, spacing, info.spacing_um)
    warnings = info.warnings if conflict is None else (*info.warnings, conflict)
    return replace(info, spacing_um=spacing, warnings=warnings)


def _with_signal(path: Path, loaded: Loaded) -> ImageInfo:
    """Hold the samples of an echo series to what a decay can be."""
    info = loaded.info
    if "te_ms" not in info.meta:
        return info
    te_ms = info.meta["te_ms"]
    check_not_blank(str(path), loaded.data, te_ms, loaded.clipped)
    odd = [check_distinct(str(path), loaded.data, te_ms), check_decay(str(path), loaded.data, te_ms)]
    if odd[0] is None:
        check_one_scale(str(path), loaded.data, te_ms, loaded.clipped)
    if info.meta.get("magnitude") and loaded.data.dtype.kind != "c":
        odd.append(negative_magnitudes(str(path), loaded.data))
    return replace(info, warnings=(*info.warnings, *(warning for warning in odd if warning is not None)))


def _needed_spacing(path: Path, info: ImageInfo) -> tuple[float, ...]:
    if info.spacing_um is None:
        why = f" ({info.meta['spacing_from']})" if info.meta.get("spacing_from") else ""
        allowed = "a pixel size in um, given in spacing_um"
        raise InputError(str(path), f"no pixel size in the files{why}", allowed)
    return info.spacing_um


def _reader(path: Path, modality: str) -> Reader:
    if modality not in MODALITIES:
        raise InputError(str(path), f"modality {modality!r}", ", ".join(MODALITIES))
    serving = [reader for reader in READERS if modality in reader.modalities]
    allowed = f"for {modality}: " + "; or ".join(reader.accepts for reader in serving)
    with reported(path, allowed):
        file, inside = split_dataset(path)
        check_readable(file, allowed)
        for reader in serving:
            if reader.claims(path):
                return reader
        found = _describe(file) + (f" with a dataset {inside} named after it" if inside else "")
    raise InputError(str(path), found, allowed)


def _describe(path: Path) -> str:
    if path.is_file():
        return f"a file of type {path.suffix or path.name!r}"
    suffixes = sorted({p.suffix or p.name for p in path.iterdir() if not p.name.startswith(".")})
    return f"a folder with {', '.join(suffixes)}" if suffixes else "an empty folder"
