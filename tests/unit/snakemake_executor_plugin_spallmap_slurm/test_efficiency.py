"""What jobs used of what they asked for."""

from __future__ import annotations

import csv
import io

from snakemake_executor_plugin_spallmap_slurm.efficiency import efficiency_table

ACCOUNTED = (
    "7|100|01:40.000|2|2000M|\n7.batch|100|01:40.000|2||1000M\n"
    "8|0|00:00:00|1|1G|\n8.batch|0|00:00:00|1||\n9|5|00:01.000|1|500M|\n"
)


def test_each_submission_has_its_row_and_no_other_has():
    table = efficiency_table(ACCOUNTED, {"7": "t2 a/shorted/mri-b", "8": "cracks"})
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [row["jobs"] for row in rows] == ["t2 a/shorted/mri-b", "cracks"]
    assert (rows[0]["processors_used_percent"], rows[0]["memory_used_percent"]) == ("50", "50")
    assert (rows[1]["asked_mb"], rows[1]["used_mb"]) == ("1024", "0")
