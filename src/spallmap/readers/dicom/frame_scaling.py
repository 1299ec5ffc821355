"""What stored values of a DICOM frame are multiplied by, across vendors."""

from __future__ import annotations

import math
from pathlib import Path

from spallmap.errors import InputError
from spallmap.readers.dicom.frame_attributes import FrameAttributes

RESCALED, REAL_WORLD, STORED = "rescale slope and intercept", "real world value mapping", "stored values"
PHILIPS = "Philips private scale slope (2005,xx0E)"


def scaling_of(path: Path, look: FrameAttributes) -> tuple[float, float, str]:
    """Slope, intercept and their source.

    The rescale slope of a Philips scanner makes the display's values, which differ between series; its
    private scale makes the floating-point values, (stored * slope + intercept) / (slope * scale). Chenevert
    et al., Translational Oncology 7 (2014) 65.
    """
    if look.header.get("ModalityLUTSequence"):
        allowed = "a rescale slope and intercept, or stored values: export the images without it"
        raise InputError(f"{path}, ModalityLUTSequence", "values behind a lookup table", allowed)
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


def _philips_scale(look: FrameAttributes) -> float | None:
    places = [look.header]
    for group in look.groups:
        # by its tag alone: an element that nobody asks for stays unparsed
        places += list(group[0x2005140F].value) if 0x2005140F in group else []
    for place in places:
        try:
            block = place.private_block(0x2005, "Philips MR Imaging DD 001")
        except KeyError:
            continue
        if 0x0E in block:
            scale = float(block[0x0E].value)
            return scale if scale > 0.0 else None
    return None
