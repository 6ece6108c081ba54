import base64
import json

from .. import encodings, projects, settings
from ..stores import database, objects, read, remove_objects
from .base_task import span, task
from .pre_run_check import check_for_executable_runs, refuse_encodings


@task("encoding_uploading.handle_raw_upload")
def handle_raw_upload(project_id, dp_id, receipt_token, parent_span=None):
    """Fails when repeated after an attempt that has stored the encodings, because their ids are then taken."""
    with database() as cursor:
        if not projects.exists(cursor, project_id):
            return
    rows = json.loads(read(f"quarantine/{receipt_token}.txt"))["clknblocks"]
    decoded = [(base64.b64decode(encoding), names) for encoding, *names in rows]
    size = len(decoded[0][0])
    with database() as cursor:
        encodings.store(cursor, dp_id, (
            (row, padded(encoding, size), [encodings.hash_block_name(name) for name in names])
            for row, (encoding, names) in enumerate(decoded)))
    with database() as cursor:
        wanted = projects.schema_encoding_size(cursor, project_id)
    if not settings.MIN_ENCODING_SIZE <= size <= settings.MAX_ENCODING_SIZE or wanted not in (None, size):
        refuse_encodings(project_id, dp_id)  # and continues, so that the upload is marked as ready nevertheless
    with database() as cursor:
        encodings.set_encoding_size(cursor, dp_id, size)
        encodings.mark_ready(cursor, dp_id)
    start_runs_if_complete(project_id, ready=True)


@task("encoding_uploading.pull_external_data")
def pull_external_data(
        project_id, dp_id, encoding_object_info, blocks_object_info, receipt_token, parent_span=None):
    files = [encoding_object_info, blocks_object_info]
    if forget_if_deleted(project_id, files):
        return
    blocks = json.loads(read(blocks_object_info["path"], blocks_object_info["bucket"]))["blocks"]
    names = {int(row): [encodings.hash_block_name(name) for name in each] for row, each in blocks.items()}
    content, size = read_encodings(encoding_object_info)
    if len(content) != len(names):
        raise AssertionError(f"Expected {len(content)} encodings in blocks got {len(names)}")
    counts = encodings.count_blocks(blocks.values())
    with database() as cursor:
        encodings.insert_upload(cursor, dp_id, receipt_token, None, len(content), len(counts))
        encodings.set_encoding_size(cursor, dp_id, size)
        encodings.insert_blocks(cursor, dp_id, counts)
        encodings.store(cursor, dp_id, ((row, encoding, names[row]) for row, encoding in enumerate(content)))
        encodings.mark_ready(cursor, dp_id)
        cursor.execute("UPDATE blocks SET state = 'ready' WHERE dp = %s", (dp_id,))
    forget(files)
    start_runs_if_complete(project_id)


@task("encoding_uploading.pull_external_data_encodings_only")
def pull_external_data_encodings_only(
        project_id, dp_id, object_info, credentials, receipt_token, parent_span=None):
    if forget_if_deleted(project_id, [object_info]):
        return
    content, size = read_encodings(object_info)
    encodings.store_without_blocks(dp_id, receipt_token, content, size)
    forget([object_info])
    start_runs_if_complete(project_id)


@task("encoding_uploading.handle_upload_error")
def handle_upload_error(*args, project_id, dp_id, receipt_token, parent_span=None):
    with database() as cursor:
        cursor.execute(
            """INSERT INTO uploads (dp, token, count, block_count, state) VALUES (%s, %s, 0, 0, 'error')
               ON CONFLICT (token) DO UPDATE SET state = 'error'""", (dp_id, receipt_token))


def padded(encoding, size):
    """Pads or truncates an encoding to `size`, as struct does."""
    return encoding[:size].ljust(size, b"\0")


def read_encodings(info):
    """Returns the encodings of an external file, as many as its metadata states, and their size."""
    found = objects().stat_object(bucket_name=info["bucket"], object_name=info["path"]).metadata
    metadata = {name.lower(): value for name, value in found.items()}
    count, size = (int(metadata[f"x-amz-meta-hash-{name}"]) for name in ("count", "size"))
    content = read(info["path"], info["bucket"])
    if not info["path"].endswith(".json"):
        return encodings.split_rows(content, size, count), size
    rows = json.loads(content)["clks"][:count]
    return [padded(base64.b64decode(row), size) for row in rows], size


def forget_if_deleted(project_id, files):
    with database() as cursor:
        if projects.exists(cursor, project_id):
            return False
    forget(files)
    return True


def forget(files):
    for file in files:
        remove_objects([file["path"]], file["bucket"])


def start_runs_if_complete(project_id, ready=False):
    with database() as cursor:
        if not projects.is_complete(cursor, project_id, ready):
            return
    check_for_executable_runs.delay(project_id, span())
