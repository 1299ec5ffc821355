"""Where a DICOM header says an attribute of a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


class FrameAttributes:
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
