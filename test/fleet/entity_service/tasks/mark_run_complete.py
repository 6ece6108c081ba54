from .. import run_state
from .base_task import task


# The original misspells ignore_result here, so that the result is kept.
@task("mark_run_complete.mark_run_complete", ignore_result=False)
def mark_run_complete(run_id, parent_span=None):
    run_state.complete(run_id)
