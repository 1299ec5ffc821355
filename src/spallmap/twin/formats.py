"""Writes what was simulated the way the instruments do; the same arrays always give the same bytes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

# TIFF tag in which Zeiss SEM software keeps its settings as text.
ZEISS_TAG = 34118

# Larmor frequency of 23Na at 9.4 T.
SODIUM_MHZ = 105.84

# Largest stored value of a ParaVision image, a little below what 16 signed bits hold.
FULL_SCALE = 30000


def write_tiff_folder(folder: Path, volume: NDArray[np.unsignedinteger]) -> None:
    """Write a volume as one TIFF per slice, without any pixel size.

    Parameters
    ----------
    folder : Path
        Made if need be.
    volume : ndarray of uint16 or uint8, shape (nz, ny, nx)
        Grey values.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for k, slice_ in enumerate(volume):
        tifffile.imwrite(
            folder / f"slice_{k:04d}.tif",
            slice_,
            compression="zlib",
            predictor=True,
            metadata=None,
            software="twin",
        )


def write_ome_volume(
    path: Path, volume: NDArray[np.unsignedinteger], spacing_um: float, identity: str
) -> None:
    """Write a volume as OME-TIFF with its voxel size.

    Parameters
    ----------
    path : Path
        File name, ending in ``.ome.tif``.
    volume : ndarray of uint16 or uint8, shape (nz, ny, nx)
        Grey values.
    spacing_um : float
        Voxel size.
    identity : str
        The file's UUID, given so that it does not change from run to run.
    """
    tifffile.imwrite(
        path,
        volume,
        ome=True,
        compression="zlib",
        predictor=True,
        photometric="minisblack",
        metadata=_ome_metadata(spacing_um, identity),
    )


def write_ome_pages(
    path: Path,
    pages: Iterable[NDArray[np.uint16]],
    shape: tuple[int, int, int],
    spacing_um: float,
    identity: str,
) -> None:
    """Write a volume of any size as uncompressed OME-TIFF with 64-bit offsets, holding one slice at a time.

    Parameters
    ----------
    path : Path
        File name, ending in ``.ome.tif``.
    pages : iterable of ndarray of uint16, shape (ny, nx)
        The slices in order.
    shape : tuple of int
        Slices, rows, columns.
    spacing_um : float
        Voxel size.
    identity : str
        The file's UUID, given so that it does not change from run to run.
    """
    tifffile.imwrite(
        path,
        iter(pages),
        shape=shape,
        dtype=np.uint16,
        bigtiff=True,
        ome=True,
        photometric="minisblack",
        metadata=_ome_metadata(spacing_um, identity),
    )


def _ome_metadata(spacing_um: float, identity: str) -> dict[str, Any]:
    size = {f"PhysicalSize{a}": spacing_um for a in "XYZ"} | {f"PhysicalSize{a}Unit": "µm" for a in "XYZ"}
    return {"axes": "ZYX", "UUID": identity, **size}


def write_zeiss_tiff(path: Path, image: NDArray[np.uint8], spacing_um: float) -> None:
    """Write an electron image with its pixel size in the tag of Zeiss instruments.

    Parameters
    ----------
    path : Path
        File name.
    image : ndarray of uint8, shape (n_rows, n_columns)
        Grey values.
    spacing_um : float
        Pixel size.
    """
    lines = [
        "",
        "AP_IMAGE_PIXEL_SIZE",
        f"Image Pixel Size = {spacing_um * 1000.0:.4g} nm",
        "AP_ACTUALKV",
        "EHT = 10.00 kV",
        "DP_DETECTOR_TYPE",
        "Signal A = BSD",
    ]
    text = ("\r\n".join(lines) + "\r\n\0").encode("latin-1")
    tifffile.imwrite(
        path,
        image,
        photometric="minisblack",
        metadata=None,
        extratags=[(ZEISS_TAG, 2, len(text), text, True)],
    )


def write_element_maps(folder: Path, elements: Sequence[str], counts: NDArray[np.uint16]) -> None:
    """Write one TIFF of counts per element, named after it.

    Parameters
    ----------
    folder : Path
        Made if need be.
    elements : sequence of str
        Symbols.
    counts : ndarray of uint16, shape (n_elements, n_rows, n_columns)
        Counts.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for element, image in zip(elements, counts, strict=True):
        tifffile.imwrite(folder / f"{element}.tif", image, compression="zlib", metadata=None)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON with sorted indentation."""
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _parameter(name: str, value: Any) -> str:
    """Write one JCAMP-DX parameter as ParaVision does: `( n )` before lists and texts, `<>` around texts."""
    if isinstance(value, str):
        return f"##${name}={value}"
    if isinstance(value, Text):
        return f"##${name}=( 65 )\n<{value.text}>"
    array = np.atleast_1d(np.asarray(value))
    if np.ndim(value) == 0:
        return f"##${name}={value}"
    shape = ", ".join(str(n) for n in array.shape)
    return f"##${name}=( {shape} )\n" + " ".join(f"{v:.12g}" for v in array.ravel())


class Text:
    """A string parameter, which ParaVision writes in angle brackets; bare words are enumerations."""

    def __init__(self, text: str) -> None:
        self.text = text


def _write_parameters(path: Path, parameters: Mapping[str, Any]) -> None:
    head = [
        "##TITLE=Parameter List, ParaVision 6.0.1",
        "##JCAMPDX=4.24",
        "##DATATYPE=Parameter Values",
        "##ORIGIN=Bruker BioSpin MRI GmbH",
        "##OWNER=nmr",
    ]
    body = [_parameter(name, value) for name, value in parameters.items()]
    path.write_text("\n".join([*head, *body, "##END="]) + "\n", encoding="ascii")


def write_paravision(
    folder: Path,
    magnitude: NDArray[np.float64],
    te_ms: Sequence[float],
    spacing_um: tuple[float, float],
    acquired_shape: tuple[int, int] | None = None,
) -> None:
    """Write a multi-echo magnitude image as a ParaVision 6 scan folder.

    Parameters
    ----------
    folder : Path
        The scan's folder (ParaVision numbers them); made if need be.
    magnitude : ndarray, shape (n_echo, n_rows, n_columns)
        Magnitudes.
    te_ms : sequence of float
        Echo times.
    spacing_um : tuple of float
        Rows, columns.
    acquired_shape : tuple of int, optional
        Rows and columns that were acquired; the image's own where k-space was not filled with zeros.
    """
    n_echo, n_rows, n_columns = magnitude.shape
    processed = folder / "pdata" / "1"
    processed.mkdir(parents=True, exist_ok=True)
    slope = float(magnitude.max()) / FULL_SCALE
    stored = np.rint(magnitude / slope).astype("<i2")
    (processed / "2dseq").write_bytes(stored.tobytes())
    fov_mm = (n_columns * spacing_um[1] / 1000.0, n_rows * spacing_um[0] / 1000.0)
    size = np.array([n_columns, n_rows])
    acquired_size = size if acquired_shape is None else np.array(acquired_shape[::-1])
    te = np.array(te_ms, dtype=np.float64)
    each = np.ones(n_echo)
    acquired = {
        "ACQ_sw_version": Text("PV 6.0.1"),
        "ACQ_method": Text("Bruker:MSME"),
        "ACQ_dim": 2,
        "ACQ_size": acquired_size * np.array([2, 1]),
        "NI": n_echo,
        "NSLICES": 1,
        "NR": 1,
        "NECHOES": n_echo,
        "ACQ_echo_time": te,
        "ACQ_repetition_time": np.array([300.0]),
        "BF1": SODIUM_MHZ,
        "NUC1": Text("23Na"),
    }
    method = {
        "Method": Text("Bruker:MSME"),
        "PVM_EchoTime": float(te[0]),
        "PVM_NEchoImages": n_echo,
        "EffectiveTE": te,
        "PVM_RepetitionTime": 300,
        "PVM_NAverages": 4096,
        "PVM_Matrix": acquired_size,
        "PVM_Fov": np.array(fov_mm),
        "PVM_SpatDimEnum": "<2D>",
        "PVM_Nucleus1Enum": "<23Na>",
    }
    reco = {
        "RECO_inp_size": acquired_size,
        "RECO_size": size,
        "RECO_fov": np.array(fov_mm) / 10.0,
        "RECO_wordtype": "_16BIT_SGN_INT",
        "RECO_byte_order": "littleEndian",
        "RECO_image_type": "MAGNITUDE_IMAGE",
        "RECO_transposition": 0 * each.astype(int),
        "RECO_map_slope": each / slope,
        "RECO_map_offset": 0 * each,
    }
    _write_parameters(folder / "acqp", acquired)
    _write_parameters(folder / "method", method)
    _write_parameters(processed / "reco", reco)
    _write_parameters(processed / "visu_pars", _visu_parameters(stored, slope, te, fov_mm))


def _visu_parameters(
    stored: NDArray[np.int16], slope: float, te_ms: NDArray[np.float64], fov_mm: tuple[float, float]
) -> dict[str, Any]:
    n_echo, n_rows, n_columns = stored.shape
    each = np.ones(n_echo)
    return {
        "VisuVersion": 4,
        "VisuCreator": Text("ParaVision"),
        "VisuCreatorVersion": Text("6.0.1"),
        "VisuInstanceModality": Text("MR"),
        "VisuCoreFrameCount": n_echo,
        "VisuCoreDim": 2,
        "VisuCoreSize": np.array([n_columns, n_rows]),
        "VisuCoreDimDesc": "( 2 )\nspatial spatial",
        "VisuCoreExtent": np.array(fov_mm),
        "VisuCoreFrameThickness": np.array([10.0]),
        "VisuCoreUnits": "( 2, 65 )\n<mm> <mm>",
        "VisuCoreOrientation": np.eye(3).reshape(1, 9),
        "VisuCorePosition": np.array([[-fov_mm[0] / 2.0, -fov_mm[1] / 2.0, 0.0]]),
        "VisuCoreDataMin": stored.min(axis=(1, 2)),
        "VisuCoreDataMax": stored.max(axis=(1, 2)),
        "VisuCoreDataOffs": 0 * each,
        "VisuCoreDataSlope": slope * each,
        "VisuCoreFrameType": "MAGNITUDE_IMAGE",
        "VisuCoreWordType": "_16BIT_SGN_INT",
        "VisuCoreByteOrder": "littleEndian",
        "VisuCoreDiskSliceOrder": "disk_normal_slice_order",
        "VisuFGOrderDescDim": 1,
        "VisuFGOrderDesc": f"( 1 )\n({n_echo}, <FG_ECHO>, <>, 0, 1)",
        "VisuGroupDepVals": "( 1 )\n(<VisuAcqEchoTime>, 0)",
        "VisuAcqSequenceName": Text("Bruker:MSME"),
        "VisuAcqEchoTime": te_ms,
        "VisuAcqRepetitionTime": np.array([300.0]),
        "VisuAcqNumberOfAverages": 4096,
        "VisuAcqImagingFrequency": SODIUM_MHZ,
        "VisuAcqImagedNucleus": Text("23Na"),
        "VisuAcqPixelBandwidth": 390.625,
    }
