"""What a DICOM header says of each of its frames, across vendors and across single- and multi-frame files."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spallmap.errors import InputError
from spallmap.readers.dicom.frame_attributes import FrameAttributes
from spallmap.readers.dicom.frame_encoding import readout_of, sampling_of
from spallmap.readers.dicom.frame_scaling import scaling_of
from spallmap.readers.dicom.frame_settings import Settings, settings_of
from spallmap.readers.dicom.opened_file import DAMAGE
from spallmap.readers.dicom.stored_pixels import PixelFormat
from spallmap.readers.echo_train import EchoOrigin, refuse_gradient_echoes
from spallmap.sampling import AcquiredSampling

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

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
    form : PixelFormat
        How its file stores pixels.
    settings : mapping
        What must be the same in all frames.
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
    readout : {"x", "y"} or None
        Own axis of its readout, where the header says it.
    sampling : AcquiredSampling or None
        How finely its rows and columns were acquired, where the header says it.
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
    form: PixelFormat
    settings: Settings
    spacing_mm: tuple[float, ...] | None
    position_mm: tuple[float, ...] | None
    directions: tuple[float, ...] | None
    repetition: tuple[Any, ...]
    vendor: str
    nucleus: str
    sequence: str
    readout: str | None
    sampling: AcquiredSampling | None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.form.rows, self.form.columns


def has_image(path: Path, header: Dataset) -> bool:
    """Whether a file is one of images, and not a report, a presentation state or the like.

    Parameters
    ----------
    path : Path
        The file, for messages.
    header : pydicom.Dataset
        Its header.

    Returns
    -------
    bool
        Whether it has rows and columns.

    Raises
    ------
    InputError
        If it should have some.
    """
    if "Rows" in header and "Columns" in header:
        return True
    kind = str(header.get("SOPClassUID", ""))
    announced = str(getattr(header, "file_meta", {}).get("MediaStorageSOPClassUID", kind))
    if not kind or kind != announced or kind.startswith(MR_IMAGES):
        raise InputError(str(path), "a DICOM header without Rows and Columns", "a complete DICOM file")
    return False


def read_frames(path: Path, header: Dataset, form: PixelFormat) -> tuple[Frame, ...]:
    """Describe the frames of one file.

    Parameters
    ----------
    path : Path
        The file, for messages.
    header : pydicom.Dataset
        Its header.
    form : PixelFormat
        How it stores pixels.

    Returns
    -------
    tuple of Frame
        In stored order.

    Raises
    ------
    InputError
        If the header lacks what an echo needs, or a value in it is damaged.
    """
    try:
        return tuple(_frames(path, header, form))
    except DAMAGE as error:
        found = f"a damaged DICOM header ({str(error)[:200] or type(error).__name__})"
        raise InputError(str(path), found, "a complete DICOM file") from error


def check_modality(path: Path, header: Dataset) -> None:
    """Refuse images of other instruments.

    Raises
    ------
    InputError
        If the header says another modality than MR.
    """
    modality = str(header.get("Modality", "MR") or "MR")
    if modality != "MR":
        raise InputError(str(path), f"modality {modality[:64]}", "MR images")


def _frames(path: Path, header: Dataset, form: PixelFormat) -> Iterator[Frame]:
    refuse_gradient_echoes(str(path), header.get("ScanningSequence"), header.get("EchoPulseSequence"))
    per_frame = header.get("PerFrameFunctionalGroupsSequence") or []
    if per_frame and len(per_frame) != form.n_frames:
        found = f"descriptions of {len(per_frame)} frames"
        raise InputError(str(path), found, f"as many as NumberOfFrames, {form.n_frames}")
    vendor, nucleus = str(header.get("Manufacturer", "")), _nucleus(header)
    sequence = _sequence(header)
    for index in range(form.n_frames):
        look = FrameAttributes(header, per_frame[index] if per_frame else None)
        slope, intercept, scaling = scaling_of(path, look)
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
            form=form,
            settings=settings_of(look, _image_type(look)),
            spacing_mm=_lengths(path, look.value("PixelMeasuresSequence", "PixelSpacing")),
            position_mm=_floats(path, look.value("PlanePositionSequence", "ImagePositionPatient"), 3),
            directions=_floats(path, look.value("PlaneOrientationSequence", "ImageOrientationPatient"), 6),
            repetition=_repetition(look, index),
            vendor=vendor,
            nucleus=nucleus,
            sequence=sequence,
            readout=readout_of(look),
            sampling=sampling_of(look, form.rows, form.columns),
        )


def _component(look: FrameAttributes) -> str:
    words = _image_type(look)
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


def _image_type(look: FrameAttributes) -> list[str]:
    """Words of the image type of a frame and of its file, upper case."""
    words: list[str] = []
    for said in (look.value("MRImageFrameTypeSequence", "FrameType"), look.header.get("ImageType")):
        words += [said] if isinstance(said, str) else [str(word) for word in said or []]
    return [word.upper() for word in words]


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


def _train_length(look: FrameAttributes) -> int | None:
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


def _acquired(look: FrameAttributes) -> str:
    moment = look.value("FrameContentSequence", "FrameAcquisitionDateTime")
    moment = moment or look.header.get("AcquisitionDateTime")
    if moment:
        return str(moment)
    parts = [look.header.get(k) for k in ("AcquisitionDate", "AcquisitionTime", "AcquisitionNumber")]
    return " ".join(str(p) for p in parts if p) if parts[1] else ""


def _repetition(look: FrameAttributes, index: int) -> tuple[Any, ...]:
    temporal = look.value("FrameContentSequence", "TemporalPositionIndex")
    if temporal is None:
        temporal = look.value("", "TemporalPositionIdentifier")
    numbers = [temporal, look.header.get("AcquisitionNumber"), look.header.get("InstanceNumber")]
    return (_acquired(look), *(int(n) if n else 0 for n in numbers), index)


def _lengths(path: Path, values: Any) -> tuple[float, ...] | None:
    lengths = _floats(path, values, 2)
    if lengths is not None and min(lengths) <= 0:
        raise InputError(str(path), f"PixelSpacing {lengths} mm", "two positive lengths")
    return lengths


def _floats(path: Path, values: Any, count: int) -> tuple[float, ...] | None:
    if values is None:
        return None
    numbers = tuple(float(v) for v in values)
    if len(numbers) != count or not all(math.isfinite(n) for n in numbers):
        raise InputError(str(path), f"{numbers}", f"{count} finite numbers")
    return numbers
