"""What the original's API stores and sends on client requests."""
import base64
import json

from . import encodings, projects, run_state
from .stores import database, put, random_code
from .tasks.base_task import span
from .tasks.encoding_uploading import (
    handle_raw_upload, handle_upload_error, pull_external_data, pull_external_data_encodings_only)
from .tasks.pre_run_check import check_for_executable_runs
from .tasks.project_cleanup import delete_minio_objects, remove_project


def post_run(project_id, threshold, name="", notes=""):
    """Adds a run, and sends the task that starts runs, whether or not the uploads are complete; returns its id."""
    run_id = random_code()
    with database() as cursor:
        kind = "no_mapping" if projects.column(cursor, project_id, "result_type") == "similarity_scores" else "default"
        cursor.execute(
            """INSERT INTO runs (run_id, project, name, notes, threshold, state, type)
               VALUES (%s, %s, %s, %s, %s, 'created', %s)""", (run_id, project_id, name, notes, threshold, kind))
    check_for_executable_runs.delay(project_id, span())
    return run_id


def post_clks(project_id, update_token, clks=None, clknblocks=None):
    """Uploads JSON: base64 encodings, or encodings with the names of their blocks. Returns the receipt token."""
    rows = clknblocks if clknblocks is not None else [[encoding, "1"] for encoding in clks]
    receipt_token = random_code()
    file = f"quarantine/{receipt_token}.txt"

    def upload(dataprovider):
        counts = encodings.count_blocks(names for _, *names in rows)
        put(file, json.dumps({"clknblocks": rows}).encode())
        with database() as cursor:
            encodings.insert_upload(cursor, dataprovider, receipt_token, file, len(rows), len(counts))
            encodings.insert_blocks(cursor, dataprovider, counts)
        handle_raw_upload.delay(project_id, dataprovider, receipt_token, parent_span=span())

    receive(project_id, update_token, upload)
    return receipt_token


def post_binary_clks(project_id, update_token, content, size):
    """Uploads raw encodings, given in base64. Returns the receipt token."""
    raw = base64.b64decode(content)
    receipt_token = random_code()
    rows = encodings.split_rows(raw, size, len(raw) // size)
    receive(
        project_id, update_token,
        lambda dataprovider: encodings.store_without_blocks(dataprovider, receipt_token, rows, size))
    return receipt_token


def post_external_clks(project_id, update_token, encodings_file, blocks_file=None):
    """Uploads files that are already in the object store, given by bucket and path. Returns the receipt token."""
    receipt_token = random_code()

    def upload(dataprovider):
        common = {"project_id": project_id, "dp_id": dataprovider, "receipt_token": receipt_token}
        on_error = handle_upload_error.s(**common, parent_span=span())
        if blocks_file is None:
            call = pull_external_data_encodings_only.s(
                project_id, dataprovider, encodings_file, None, receipt_token, parent_span=span())
        else:
            call = pull_external_data.s(
                project_id, dataprovider, encodings_file, blocks_file, receipt_token, parent_span=span())
        call.on_error(on_error).delay()

    receive(project_id, update_token, upload)
    return receipt_token


def receive(project_id, update_token, upload):
    """Claims the party's upload, stores the data, and sends the task that starts runs if all parties have uploaded."""
    with database() as cursor:
        dataprovider = encodings.dataprovider_of(cursor, update_token)
        cursor.execute(
            """UPDATE dataproviders SET uploaded = 'in_progress'
               WHERE id = %s AND uploaded NOT IN ('done', 'in_progress')""", (dataprovider,))
        if cursor.rowcount != 1:
            raise PermissionError("This token has already been used to upload clks.")
    try:
        upload(dataprovider)
    except Exception:
        with database() as cursor:
            encodings.set_upload_state(cursor, dataprovider, "error")
        raise
    with database() as cursor:
        encodings.set_upload_state(cursor, dataprovider, "done")
        is_complete = projects.is_complete(cursor, project_id, ready=False)
    # Some of the data may be stored later, by a task that then sends the same check.
    if is_complete:
        check_for_executable_runs.delay(project_id, span())


def delete_run(project_id, run_id):
    run_state.set_state(run_id, "deleted")
    with database() as cursor:
        cursor.execute("SELECT trim(file) FROM similarity_scores WHERE run = %s", (run_id,))
        row = cursor.fetchone()
        cursor.execute("DELETE FROM runs WHERE run_id = %s", (run_id,))
    if row is not None:
        delete_minio_objects.delay([row[0]], project_id)


def delete_project(project_id):
    with database() as cursor:
        cursor.execute("UPDATE projects SET marked_for_deletion = true WHERE project_id = %s", (project_id,))
    remove_project.delay(project_id, span())
