"""Tomograms of any size, one module a format; none holds more than what is asked for.

A format is a module with a ``READER`` made by :func:`~spallmap.readers.volumes.source.volume_reader`, or by
:func:`~spallmap.readers.volumes.raw_reader.raw_reader` where the voxels are plain numbers in one file.
"""

from __future__ import annotations

from spallmap.readers.info import Reader
from spallmap.readers.volumes import metaimage, nifti, nrrd, tiff, txm, vgi
from spallmap.readers.volumes.hdf5 import hdf5_reader
from spallmap.readers.volumes.ngff import ome_ngff

__all__ = ["READERS"]

READERS: tuple[Reader, ...] = (
    ome_ngff.READER,
    tiff.READER,
    metaimage.READER,
    nrrd.READER,
    nifti.READER,
    hdf5_reader.READER,
    vgi.READER,
    txm.READER,
)
