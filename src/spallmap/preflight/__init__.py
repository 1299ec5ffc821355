"""What is looked at before any job: the files that the table names, landmarks, and the folder of results."""

from spallmap.preflight.headers import probe_acquisition
from spallmap.preflight.inputs import (
    Examined,
    check_before_any_job,
    check_figure_cell,
    check_inputs,
    examine_inputs,
)
from spallmap.preflight.results_folder import check_results_folder

__all__ = [
    "Examined",
    "check_before_any_job",
    "check_figure_cell",
    "check_inputs",
    "check_results_folder",
    "examine_inputs",
    "probe_acquisition",
]
