from .. import projects, run_state, settings
from ..stores import database
from .base_task import span, task
from .project_cleanup import delete_minio_objects
from .run import prerun_check


@task("pre_run_check.check_for_executable_runs")
def check_for_executable_runs(project_id, parent_span=None):
    with database() as cursor:
        if not projects.is_complete(cursor, project_id, ready=True):
            return
        problem = settle_encoding_size(cursor, project_id)
        if problem is not None:
            cursor.execute(
                "UPDATE runs SET state = 'error', time_completed = now(), error_msg = %s WHERE project = %s",
                (problem, project_id))
            return
        cursor.execute(
            "UPDATE runs SET state = 'queued' WHERE state = 'created' AND project = %s RETURNING trim(run_id)",
            (project_id,))
        runs = [run_id for run_id, in cursor]
        for run_id in runs:
            run_state.next_stage(cursor, run_id)
    # A worker that dies between the commit and this leaves runs that stay queued forever.
    for run_id in runs:
        prerun_check.delay(project_id, run_id, span())


def settle_encoding_size(cursor, project_id):
    """Stores the project's encoding size if all uploads have it; else returns an error message."""
    sizes = projects.encoding_sizes(cursor, project_id)
    known = projects.column(cursor, project_id, "encoding_size")
    size = known or projects.schema_encoding_size(cursor, project_id) or sizes[0][1]
    for dataprovider, uploaded in sizes:
        if uploaded != size:
            refuse_encodings(project_id, dataprovider)
            return "Mismatch in encoding sizes. Stopping"
    if known is None:
        cursor.execute("UPDATE projects SET encoding_size = %s WHERE project_id = %s", (size, project_id))
    if not settings.MIN_ENCODING_SIZE <= size <= settings.MAX_ENCODING_SIZE:
        for dataprovider, _ in sizes:
            refuse_encodings(project_id, dataprovider)
        return "Encoding size out of configured bounds"
    if size % 8 != 0:
        return "Encoding size must be multiple of 8 bytes (64 bits)"
    return None


def refuse_encodings(project_id, dataprovider):
    """Marks an upload as failed, in a separate transaction as in the original."""
    with database() as cursor:
        cursor.execute("SELECT trim(file) FROM uploads WHERE dp = %s", (dataprovider,))
        name, = cursor.fetchone()
        cursor.execute("UPDATE uploads SET state = 'error', file = 'DELETED' WHERE dp = %s", (dataprovider,))
    if name is not None:
        delete_minio_objects.delay([name], project_id)
