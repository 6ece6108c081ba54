from .. import projects, run_state, settings
from ..stores import database, remove_folder, remove_objects
from .base_task import task


@task("project_cleanup.remove_project")
def remove_project(project_id, parent_span=None):
    """Leaves the rows of the project and its runs, and files of uploads, whose rows are deleted before the query."""
    with database() as cursor:
        cursor.execute("SELECT trim(run_id) FROM runs WHERE project = %s", (project_id,))
        runs = [run_id for run_id, in cursor]
    for run_id in runs:
        run_state.set_state(run_id, "deleted")
    with database() as cursor:
        cursor.execute("DELETE FROM run_results USING runs WHERE runs.run_id = run_results.run_id AND project = %s", (project_id,))
        cursor.execute("DELETE FROM permutations USING runs WHERE runs.run_id = run AND project = %s", (project_id,))
        cursor.execute("DELETE FROM permutation_masks WHERE project = %s", (project_id,))
        cursor.execute("DELETE FROM dataproviders WHERE id = ANY(%s)", (projects.parties(cursor, project_id),))
    with database() as cursor:
        cursor.execute(
            """SELECT trim(file) FROM dataproviders JOIN uploads ON dp = dataproviders.id
               WHERE project = %s AND file IS NOT NULL""", (project_id,))
        names = [name for name, in cursor]
        if projects.column(cursor, project_id, "result_type") == "similarity_scores":
            cursor.execute(
                "SELECT trim(file) FROM similarity_scores JOIN runs ON run_id = run WHERE project = %s", (project_id,))
            names += [name for name, in cursor]
    delete_minio_objects.delay(names, project_id, parent_span)


@task("project_cleanup.delete_minio_objects")
def delete_minio_objects(filenames, project_id, parent_span=None):
    remove_objects(filenames)
    if settings.UPLOADS_ENABLED:
        remove_folder(settings.UPLOAD_BUCKET, f"{project_id}/")
