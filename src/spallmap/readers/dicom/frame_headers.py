"""What a DICOM header says of each of its frames, across vendors and across single- and multi-frame files."""

from __future__ import annotations

import contextlib
import math
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spallmap.errors import InputError
from spallmap.readers.echo_train import EchoOrigin, refuse_gradient_echoes

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

# What pydicom raises when it meets nonsense; it parses most elements only when they are asked for.
DAMAGE = (ValueError, TypeError, KeyError, AttributeError, IndexError, NotImplementedError, struct.error)
# Echo times come as decimal text or as float32 widened to float64; a tenth of a microsecond is finer than
# any timing and coarser than either rounding.
TE_DECIMALS = 4
COMPONENTS = ("magnitude", "phase", "real", "imaginary")
COMPUTED = "computed map"
# Value 3 or later of ImageType (0008,0008), as Siemens, Philips, Bruker and United Imaging write it.
_IMAGE_TYPES = {
    "M": "magnitude",
    "MAGNITUDE": "magnitude",
    "MAGNITUDE_IMAGE": "magnitude",
    "M_SE": "magnitude",
    "M_FFE": "magnitude",
    "P": "phase",
    "PHASE": "phase",
    "PHASE MAP": "phase",
    "PHASE_IMAGE": "phase",
    "P_SE": "phase",
    "R": "real",
    "REAL": "real",
    "REAL_IMAGE": "real",
    "R_SE": "real",
    "I": "imaginary",
    "IMAGINARY": "imaginary",
    "IMAGINARY_IMAGE": "imaginary",
    "I_SE": "imaginary",
}
# Value 3 or later of the ImageType of what was computed from echoes and is none itself. Alone they may also
# name an echo's contrast, so that they count where value 1 is DERIVED.
_MAPS = ("T2", "R2", "T1", "R1", "T2_STAR", "R2_STAR", "B0", "B1")
# SOP classes of MR images, single-frame and enhanced, begin so; reports and presentations do not.
MR_IMAGES = "1.2.840.10008.5.1.4.1.1.4"
# Private tag of General Electric, (0043,xx2F): 0 to 3.
_GE_COMPONENTS = ("magnitude", "phase", "real", "imaginary")
COMPUTED = "computed map"
RESCALED, REAL_WORLD, STORED = "rescale slope and intercept", "real world value mapping", "stored values"
PHILIPS = "Philips private scale slope (2005,xx0E)"


@dataclass(frozen=True)
class Frame:
    """One image of a DICOM file.

    Parameters
    ----------
    path : Path
        Its file.
    index : int
        Its number in the file, from 0.
    instance : str
        SOPInstanceUID of the file.
    series : str
        SeriesInstanceUID.
    component : str
        One of `COMPONENTS`, or `COMPUTED`.
    origin : EchoOrigin
        Its echo time, and what distinguishes a train from separate echoes.
    slope, intercept : float
        Scaled value = slope * stored value + intercept.
    scaling : str
        Where these two come from.
    shape : tuple of int
        Rows and columns.
    spacing_mm : tuple of float or None
        Between rows and between columns.
    position_mm : tuple of float or None
        Of the first sample, towards the patient's left, back and head.
    directions : tuple of float or None
        Of rising column index, then of rising row index.
    repetition : tuple
        Sorts repetitions of one slice and echo.
    vendor, nucleus, sequence : str
        As far as the header says.
    """

    path: Path
    index: int
    instance: str
    series: str
    component: str
    origin: EchoOrigin
    slope: float
    intercept: float
    scaling: str
    shape: tuple[int, int]
    spacing_mm: tuple[float, ...] | None
    position_mm: tuple[float, ...] | None
    directions: tuple[float, ...] | None
    repetition: tuple[Any, ...]
    vendor: str
    nucleus: str
    sequence: str


def read_frames(path: Path, header: Dataset) -> tuple[Frame, ...]:
    """Describe the frames of one file.

    Parameters
    ----------
    path : Path
        The file, for messages.
    header : pydicom.Dataset
        Its header.

    Returns
    -------
    tuple of Frame
        In stored order; none for a file without an image.

    Raises
    ------
    InputError
        If the header lacks what an echo needs, or a value in it is damaged.
    """
    if "Rows" not in header or "Columns" not in header:
        kind = str(header.get("SOPClassUID", ""))
        if not kind or kind.startswith(MR_IMAGES):
            raise InputError(str(path), "a DICOM header without Rows and Columns", "a complete DICOM file")
        return ()
    try:
        return tuple(_frames(path, header))
    except DAMAGE as error:
        raise InputError(str(path), f"a damaged DICOM header ({error})", "a complete DICOM file") from error


def _frames(path: Path, header: Dataset) -> Iterator[Frame]:
    modality = str(header.get("Modality", "MR") or "MR")
    if modality != "MR":
        raise InputError(str(path), f"modality {modality}", "MR images")
    if int(header.get("SamplesPerPixel", 1)) != 1:
        raise InputError(str(path), f"{header.SamplesPerPixel} samples per pixel", "grey images")
    refuse_gradient_echoes(str(path), header.get("ScanningSequence"), header.get("EchoPulseSequence"))
    per_frame = header.get("PerFrameFunctionalGroupsSequence") or []
    n_frames = int(header.get("NumberOfFrames") or 1)
    if per_frame and len(per_frame) != n_frames:
        found = f"descriptions of {len(per_frame)} frames"
        raise InputError(str(path), found, f"as many as NumberOfFrames, {n_frames}")
    vendor, nucleus = str(header.get("Manufacturer", "")), _nucleus(header)
    sequence = _sequence(header)
    for index in range(n_frames):
        look = _Look(header, per_frame[index] if per_frame else None)
        slope, intercept, scaling = _scaling(path, look)
        te_ms = look.value("MREchoSequence", "EffectiveEchoTime")
        te_ms = look.value("", "EchoTime") if te_ms is None else te_ms
        if te_ms is None:
            raise InputError(f"{path}, frame {index + 1}", "no echo time", "EchoTime or EffectiveEchoTime")
        number = look.value("", "EchoNumbers")
        if number is not None and not isinstance(number, (int, float, str)):
            number = number[0]
        yield Frame(
            path=path,
            index=index,
            instance=str(header.get("SOPInstanceUID", path)),
            series=str(header.get("SeriesInstanceUID", "")),
            component=_component(look),
            origin=EchoOrigin(
                te_ms=round(float(te_ms), TE_DECIMALS),
                echo_number=None if number is None else int(number),
                train_length=_train_length(look),
                acquired=_acquired(look),
                sequence=sequence,
            ),
            slope=slope,
            intercept=intercept,
            scaling=scaling,
            shape=(int(header.Rows), int(header.Columns)),
            spacing_mm=_floats(path, look.value("PixelMeasuresSequence", "PixelSpacing"), 2),
            position_mm=_floats(path, look.value("PlanePositionSequence", "ImagePositionPatient"), 3),
            directions=_floats(path, look.value("PlaneOrientationSequence", "ImageOrientationPatient"), 6),
            repetition=_repetition(look, index),
            vendor=vendor,
            nucleus=nucleus,
            sequence=sequence,
        )


class _Look:
    """Finds an attribute of a frame: in its own functional groups, in the shared ones, in the header."""

    def __init__(self, header: Dataset, own: Dataset | None) -> None:
        self.header = header
        shared = header.get("SharedFunctionalGroupsSequence") or []
        self.groups = [group for group in (own, shared[0] if shared else None) if group is not None]

    def item(self, sequence: str) -> Dataset | None:
        """First item of a functional group's sequence."""
        found = (group.get(sequence) for group in self.groups)
        item: Dataset | None = next((items[0] for items in found if items), None)
        return item

    def value(self, sequence: str, keyword: str) -> Any:
        """Value of an attribute; None where absent or empty."""
        # The last two hold what a classic file became when it was converted to a multi-frame one.
        for name in (
            sequence,
            "UnassignedPerFrameConvertedAttributesSequence",
            "UnassignedSharedConvertedAttributesSequence",
        ):
            item = self.item(name) if name else None
            if item is not None and keyword in item and item[keyword].value not in (None, ""):
                return item[keyword].value
        value = self.header.get(keyword)
        return None if value is None or value == "" else value


def _scaling(path: Path, look: _Look) -> tuple[float, float, str]:
    """Slope, intercept and their source.

    The rescale slope of a Philips scanner makes the display's values, which differ between series; its
    private scale makes the floating-point values, (stored * slope + intercept) / (slope * scale). Chenevert
    et al., Translational Oncology 7 (2014) 65.
    """
    slope = look.value("PixelValueTransformationSequence", "RescaleSlope")
    intercept = look.value("PixelValueTransformationSequence", "RescaleIntercept") or 0.0
    rescale = 1.0 if slope is None else float(slope), float(intercept)
    if rescale[0] <= 0.0:
        raise InputError(str(path), f"rescale slope {rescale[0]:g}", "a positive slope")
    private = _philips_scale(look)
    mapping = look.item("RealWorldValueMappingSequence")
    if mapping is None and look.header.get("RealWorldValueMappingSequence"):
        mapping = look.header.RealWorldValueMappingSequence[0]
    if private is not None:
        found = (1.0 / private, rescale[1] / (rescale[0] * private), PHILIPS)
    elif slope is not None:
        found = (*rescale, RESCALED)
    elif mapping is not None and "RealWorldValueSlope" in mapping:
        found = (float(mapping.RealWorldValueSlope), float(mapping.RealWorldValueIntercept), REAL_WORLD)
    else:
        found = (1.0, 0.0, STORED)
    if not (math.isfinite(found[0]) and math.isfinite(found[1]) and found[0] > 0.0):
        raise InputError(str(path), f"slope {found[0]:g}, intercept {found[1]:g}", "a positive slope")
    return found


def _philips_scale(look: _Look) -> float | None:
    places = [look.header]
    for group in look.groups:
        places += [item for element in group if element.tag == 0x2005140F for item in element.value]
    for place in places:
        try:
            block = place.private_block(0x2005, "Philips MR Imaging DD 001")
        except KeyError:
            continue
        if 0x0E in block:
            scale = float(block[0x0E].value)
            return scale if scale > 0.0 else None
    return None


def _component(look: _Look) -> str:
    frame_type = look.value("MRImageFrameTypeSequence", "FrameType") or []
    words = [str(w).upper() for w in (*frame_type, *(look.header.get("ImageType") or []))]
    if component_of_words(words) == COMPUTED:
        return COMPUTED
    said = look.value("MRImageFrameTypeSequence", "ComplexImageComponent")
    if said and str(said).lower() in COMPONENTS:
        return str(said).lower()
    with contextlib.suppress(KeyError):
        block = look.header.private_block(0x0043, "GEMS_PARM_01")
        if 0x2F in block and 0 <= int(block[0x2F].value) < len(_GE_COMPONENTS):
            return _GE_COMPONENTS[int(block[0x2F].value)]
    return component_of_words(words)


def component_of_words(words: list[str]) -> str:
    """Distinguish magnitude, phase, real, imaginary and computed maps by the words of an image type.

    Parameters
    ----------
    words : list of str
        ImageType's values, upper case, in any order.

    Returns
    -------
    str
        One of `COMPONENTS` or `COMPUTED`; magnitude where nothing else is said, as nearly all images are.
    """
    mapped = any(re.search(r"\bMAP\b", word.replace("_", " ")) and word not in _IMAGE_TYPES for word in words)
    if mapped or ("DERIVED" in words and any(word in _MAPS for word in words)):
        return COMPUTED
    return next((_IMAGE_TYPES[word] for word in words if word in _IMAGE_TYPES), "magnitude")


def _train_length(look: _Look) -> int | None:
    # multi-frame files count read-outs and refocusing pulses apart; either may be the train
    timing = "MRTimingAndRelatedParametersSequence"
    said = [look.value(timing, key) for key in ("EchoTrainLength", "RFEchoTrainLength")]
    return max((int(length) for length in said if length is not None), default=None)


def _nucleus(header: Dataset) -> str:
    said = header.get("ImagedNucleus") or header.get("ResonantNucleus") or ""
    # code strings are upper case, 23NA; ParaVision and chemistry write 23Na
    letters = "".join(c for c in str(said) if c.isalpha())
    return "".join(c for c in str(said) if c.isdigit()) + letters.capitalize()


def _sequence(header: Dataset) -> str:
    names = [header.get(k) for k in ("SequenceName", "PulseSequenceName", "ScanningSequence", "ProtocolName")]
    with contextlib.suppress(KeyError):
        names.append(header.private_block(0x0019, "GEMS_ACQU_01")[0x9C].value)
    if header.get("MultipleSpinEcho") == "YES":
        names.append("MESE")
    texts = [n if isinstance(n, str) else "/".join(str(v) for v in n) for n in names if n]
    return "; ".join(dict.fromkeys(t for t in texts if t))


def _acquired(look: _Look) -> str:
    moment = look.value("FrameContentSequence", "FrameAcquisitionDateTime")
    moment = moment or look.header.get("AcquisitionDateTime")
    if moment:
        return str(moment)
    parts = [look.header.get(k) for k in ("AcquisitionDate", "AcquisitionTime", "AcquisitionNumber")]
    return " ".join(str(p) for p in parts if p) if parts[1] else ""


def _repetition(look: _Look, index: int) -> tuple[Any, ...]:
    temporal = look.value("FrameContentSequence", "TemporalPositionIndex")
    if temporal is None:
        temporal = look.value("", "TemporalPositionIdentifier")
    numbers = [temporal, look.header.get("AcquisitionNumber"), look.header.get("InstanceNumber")]
    return (_acquired(look), *(int(n) if n else 0 for n in numbers), index)


def _floats(path: Path, values: Any, count: int) -> tuple[float, ...] | None:
    if values is None:
        return None
    numbers = tuple(float(v) for v in values)
    if len(numbers) != count or not all(math.isfinite(n) for n in numbers):
        raise InputError(str(path), f"{numbers}", f"{count} finite numbers")
    return numbers
