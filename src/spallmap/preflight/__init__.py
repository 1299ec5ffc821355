"""What is looked at before any job: the files that the table names, landmarks, and the folder of results."""

from spallmap.preflight.headers import probe_acquisition
from spallmap.preflight.inputs import check_figure_cell, check_inputs
from spallmap.preflight.results_folder import check_results_folder

__all__ = ["check_figure_cell", "check_inputs", "check_results_folder", "probe_acquisition"]
