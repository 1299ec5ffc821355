"""The common grey scale of all scans, and the artefacts that are taken out on the way to it."""

from spallmap.tomography.grey.common_scale import AIR_GREY, CERAMIC_GREY, MIDDLE_GREY, GreyScale, common_grey

__all__ = [
    "AIR_GREY",
    "CERAMIC_GREY",
    "MIDDLE_GREY",
    "GreyScale",
    "common_grey",
]
