import psycopg2

from .. import projects, run_state
from ..stores import Missing, database, one
from .base_task import run_failed_handler, span, task
from .comparing import create_comparison_jobs


@task("run.prerun_check")
def prerun_check(project_id, run_id, parent_span=None):
    if run_state.state_of(run_id) is not None:
        return
    try:
        with database() as cursor:
            if not projects.exists(cursor, project_id):
                raise Missing(f"project {project_id}")
            if not projects.run_exists(cursor, project_id, run_id):
                raise Missing(f"run {run_id}")
            state = one(cursor, "SELECT state FROM runs WHERE run_id = %s FOR UPDATE NOWAIT", (run_id,))
            if state in ("running", "completed", "error"):
                return
            cursor.execute("UPDATE runs SET state = 'running', time_started = now() WHERE run_id = %s", (run_id,))
            run_state.set_state(run_id, "active")
    except psycopg2.errors.LockNotAvailable:
        return  # another task is starting the run
    # A worker that dies before this leaves a run that no other task starts.
    create_comparison_jobs.apply_async(
        kwargs={"project_id": project_id, "run_id": run_id, "parent_span": span()},
        link_error=run_failed_handler.s())
