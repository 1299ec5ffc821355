"""Writes small DICOM files for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, EnhancedMRImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid

SERIES = generate_uid(entropy_srcs=["series"])
AXIAL = np.eye(3)
TE_MS = (2.0, 6.5, 11.0)


def _file(sop_class: str, stored: np.ndarray, series: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = UID(sop_class)
    meta.MediaStorageSOPInstanceUID = generate_uid()
    ds = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class, meta.MediaStorageSOPInstanceUID
    ds.Modality, ds.SeriesInstanceUID = "MR", series
    ds.Rows, ds.Columns = stored.shape[-2:]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated = ds.BitsStored = 16
    ds.HighBit, ds.PixelRepresentation = 15, int(stored.dtype.kind == "i")
    ds.PixelData = stored.astype(stored.dtype.newbyteorder("<")).tobytes()
    return ds


def write_slice(
    path: Path,
    stored: np.ndarray,
    te_ms: float | None = 2.0,
    position: Any = (0.0, 0.0, 0.0),
    axes: np.ndarray = AXIAL,
    series: str = SERIES,
    skip: tuple[str, ...] = (),
    **said: Any,
) -> FileDataset:
    """Write a single image; `axes` has own x, y and z as columns."""
    ds = _file(MRImageStorage, stored, series)
    if te_ms is not None:
        ds.EchoTime = te_ms
    ds.PixelSpacing = [0.2, 0.1]
    ds.ImagePositionPatient = [float(f"{v:.10g}") for v in position]
    ds.ImageOrientationPatient = [float(f"{v:.10g}") for v in axes.T[:2].ravel()]
    for key, value in said.items():
        setattr(ds, key, value)
    for key in skip:
        delattr(ds, key)
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)
    return ds


def write_multiframe(
    path: Path, frames: list[dict[str, Any]], stored: np.ndarray, axes: np.ndarray = AXIAL, **said: Any
) -> None:
    """Write an enhanced file; each frame says te_ms, position, slope, intercept and perhaps component."""
    ds = _file(EnhancedMRImageStorage, stored, SERIES)
    ds.NumberOfFrames = len(frames)
    shared, measures, plane = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = [0.2, 0.1]
    plane.ImageOrientationPatient = [float(f"{v:.10g}") for v in axes.T[:2].ravel()]
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [plane]
    ds.SharedFunctionalGroupsSequence = [shared]
    ds.PerFrameFunctionalGroupsSequence = []
    for frame in frames:
        group, echo, position, value = Dataset(), Dataset(), Dataset(), Dataset()
        echo.EffectiveEchoTime = float(np.float32(frame["te_ms"]))
        position.ImagePositionPatient = [float(f"{v:.10g}") for v in frame["position"]]
        value.RescaleSlope, value.RescaleIntercept = frame.get("slope", 1), frame.get("intercept", 0)
        group.MREchoSequence, group.PlanePositionSequence = [echo], [position]
        group.PixelValueTransformationSequence = [value]
        if "component" in frame:
            kind = Dataset()
            kind.ComplexImageComponent = frame["component"]
            group.MRImageFrameTypeSequence = [kind]
        ds.PerFrameFunctionalGroupsSequence.append(group)
    for key, other in said.items():
        setattr(ds, key, other)
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)


def images(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 4000, (*shape, 5, 4)).astype(np.uint16)
