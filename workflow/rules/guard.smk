# One run at a time writes to the results, and no job lives longer than its run.

from spallmap.parent_run import announce_run
from spallmap.run_lock import lock_results

HELD = []
announce_run()


def hold_results():
    """Keep other runs out of the results for as long as this one lives."""
    try:
        HELD.append(lock_results(RESULTS))
    except SpallmapError as error:
        raise WorkflowError(str(error)) from None
    except OSError as error:
        raise WorkflowError(
            f"{RESULTS}: {error.strerror}: make room or give rights, and run again"
        ) from None
