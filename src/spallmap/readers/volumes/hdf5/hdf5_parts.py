"""Other files that an HDF5 dataset's samples stand in.

HDF5 reads as zeros whatever part of a virtual dataset is not there, and whatever is missing at the end of
external storage; neither must pass for a tomogram.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spallmap.errors import InputError
from spallmap.readers.volumes.hdf5.hdf5_links import LinkFollower, open_hdf5
from spallmap.readers.volumes.hdf5.stored_chunks import check_written
from spallmap.readers.volumes.named_files import named_file

if TYPE_CHECKING:
    import h5py

_NEAR = (
    "all files that the dataset is put together from, beside its own file or in a folder below; "
    "or put its parts together in one file"
)
_WHOLE = "a dataset of which every part is there"
# Place in a chain of virtual datasets: file and name.
_Seen = tuple[tuple[str, str], ...]


def open_beside(file: h5py.File, name: str) -> h5py.Dataset:
    """Open a dataset whose external storage stands beside its file.

    HDF5 alone would look for relative names in the working directory.

    Parameters
    ----------
    file : h5py.File
        The open file.
    name : str
        The dataset, which must not be open already.

    Returns
    -------
    h5py.Dataset
        The dataset.
    """
    import h5py

    access = h5py.h5p.create(h5py.h5p.DATASET_ACCESS)
    access.set_efile_prefix(os.fsencode(Path(file.filename).absolute().parent))
    return h5py.Dataset(h5py.h5d.open(file.id, name.encode(), dapl=access))


def parts(path: Path, dataset: h5py.Dataset) -> tuple[Path, ...]:
    """List the files that a dataset's samples stand in.

    Parameters
    ----------
    path : Path
        Named in messages.
    dataset : h5py.Dataset
        Opened with :func:`open_beside` if it has external storage.

    Returns
    -------
    tuple of Path
        The dataset's own file first.

    Raises
    ------
    InputError
        If a file or a dataset is missing, lies elsewhere than beside the file that names it or below, was
        never written to its end, or the parts do not cover the dataset.
    """
    return tuple(dict.fromkeys(_parts(str(path), dataset, ())))


def _parts(source_label: str, dataset: h5py.Dataset, seen: _Seen) -> list[Path]:
    home = Path(dataset.file.filename)
    found = [home]
    if not dataset.external and not dataset.is_virtual:
        check_written(source_label, dataset)
    if dataset.external:
        found += _external(source_label, dataset, home, nested=bool(seen))
    if dataset.is_virtual:
        here = (str(home.absolute()), str(dataset.name))
        if here in seen:
            raise InputError(source_label, f"{dataset.name} in {home} is put together from itself", _WHOLE)
        found += _virtual(source_label, dataset, home, (*seen, here))
    return found


def _external(source_label: str, dataset: h5py.Dataset, home: Path, nested: bool) -> list[Path]:
    found: list[Path] = []
    left = int(dataset.size) * dataset.dtype.itemsize
    for name, offset, size in dataset.external:
        part = named_file(source_label, home, str(name), _NEAR)
        if nested and not Path(name).is_absolute():
            what = f"a part in {home} with external storage {name}"
            raise InputError(source_label, what, "external storage named from the root where a part has it")
        needed = min(int(size), left)
        left -= needed
        if part.stat().st_size < int(offset) + needed:
            found_bytes = f"{part.stat().st_size} bytes in {part}"
            raise InputError(source_label, found_bytes, f"{int(offset) + needed} bytes")
        found.append(part)
    return found


def _virtual(source_label: str, dataset: h5py.Dataset, home: Path, seen: _Seen) -> list[Path]:
    import h5py

    found: list[Path] = []
    covered: Any = None
    by_source = groupby(dataset.virtual_sources(), lambda mapping: (mapping.file_name, mapping.dset_name))
    for (file_name, dataset_name), mappings in by_source:
        with _source(source_label, dataset, home, str(file_name), str(dataset_name)) as (source, files):
            found += files
            found += _parts(source_label, source, seen)
            for mapping in mappings:
                _check_fits(source_label, mapping, source)
                selected = _selected(dataset, mapping, source)
                if selected is not None and covered is not None:
                    covered = covered.combine_select(selected, h5py.h5s.SELECT_OR)
                elif selected is not None:
                    covered = selected
    n_covered = 0 if covered is None else int(covered.get_select_npoints())
    if n_covered != dataset.size:
        what = f"parts that give {n_covered} of {dataset.size} samples of {dataset.name}"
        raise InputError(source_label, what, _WHOLE)
    return found


@contextmanager
def _source(
    source_label: str, dataset: h5py.Dataset, home: Path, file_name: str, name: str
) -> Iterator[tuple[h5py.Dataset, list[Path]]]:
    """Open the dataset that a part comes from, and list the files on the way to it."""
    import h5py

    with ExitStack() as stack:
        file, files = dataset.file, []
        if file_name != ".":
            files.append(named_file(source_label, home, file_name, _NEAR))
            file = open_hdf5(source_label, files[0], stack)
        links = LinkFollower(source_label, stack)
        found = links.find(file, name)
        if found is None or not isinstance(found[0], h5py.Dataset):
            raise InputError(source_label, f"no dataset {name} in {file.filename}", _WHOLE)
        yield found[0], [*files, *links.files]


def _unlimited_axis(space: Any) -> int | None:
    """Which axis of a selection goes on as far as the samples do."""
    import h5py

    if space.get_select_type() != h5py.h5s.SEL_HYPERSLABS or not space.is_regular_hyperslab():
        return None
    counts = zip(*space.get_regular_hyperslab()[2:], strict=True)
    endless = [i for i, pair in enumerate(counts) if h5py.h5s.UNLIMITED in pair]
    return endless[0] if endless else None


def _check_fits(source_label: str, mapping: Any, source: h5py.Dataset) -> None:
    """Look whether the source has the samples that are taken from it."""
    import h5py

    taken = mapping.src_space
    if _unlimited_axis(taken) is not None:
        return
    if taken.get_select_type() == h5py.h5s.SEL_ALL:
        endless = _unlimited_axis(mapping.vspace) is not None
        fits = endless or int(mapping.vspace.get_select_npoints()) == source.size
    else:
        last = taken.get_select_bounds()[1]
        fits = len(last) == source.ndim and all(i < n for i, n in zip(last, source.shape, strict=True))
    if not fits:
        what = f"{source.name} in {source.file.filename} of shape {source.shape}"
        raise InputError(source_label, what, "a source as large as the part that is taken from it")


def _selected(dataset: h5py.Dataset, mapping: Any, source: h5py.Dataset) -> Any:
    """Return what a part gives to the dataset, as hyperslabs in its present shape; None where nothing."""
    import h5py

    kind = mapping.vspace.get_select_type()
    if kind == h5py.h5s.SEL_NONE:
        return None
    selected = h5py.h5s.create_simple(dataset.shape)
    if kind == h5py.h5s.SEL_ALL:
        selected.select_hyperslab((0,) * dataset.ndim, dataset.shape)
        return selected
    axis = _unlimited_axis(mapping.vspace)
    if axis is None:
        return mapping.vspace
    start, stride, count, block = (list(v) for v in mapping.vspace.get_regular_hyperslab())
    n = _n_available(mapping.src_space, source)
    if block[axis] == h5py.h5s.UNLIMITED:
        count[axis], block[axis] = 1, n
    else:
        count[axis] = n // block[axis]
    if min(count[axis], block[axis]) < 1:
        return None
    selected.select_hyperslab(tuple(start), tuple(count), tuple(stride), tuple(block))
    return selected


def _n_available(taken: Any, source: h5py.Dataset) -> int:
    """Count the slices that a selection without an end finds in the source."""
    import h5py

    axis = _unlimited_axis(taken)
    if axis is None:
        return 0
    start, stride, _, block = (int(v[axis]) for v in taken.get_regular_hyperslab())
    beyond = max(int(source.shape[axis]) - start, 0)
    if block == h5py.h5s.UNLIMITED:
        return beyond
    return beyond // stride * block + min(beyond % stride, block)
