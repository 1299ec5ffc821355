"""The table of acquisitions: read, checked against its schema, and row against row."""

from spallmap.acquisitions.acquisition_row import DEFAULT_AXES, Acquisition
from spallmap.acquisitions.cross_checks import odd_rows
from spallmap.acquisitions.pixel_size import check_decimal_comma
from spallmap.acquisitions.table import read_acquisitions

__all__ = ["DEFAULT_AXES", "Acquisition", "check_decimal_comma", "odd_rows", "read_acquisitions"]
