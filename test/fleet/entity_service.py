"""A service of the tests' own: some tasks of the Python entity service, under its names and over its stores.

`celery -A entity_service worker` runs them. As a program it is who starts runs: one JSON question a line in, one JSON
answer a line out. Settings are those of the service, from the environment.
"""
import array
import collections
import contextlib
import io
import itertools
import json
import os
import sys
import uuid

import anonlink
import minio
import psycopg2
import redis
from bitarray import bitarray
from celery import Celery, chord

BUCKET = "entityservice"
HEADER_LENGTH = 4
PAIR_LENGTH = 24

app = Celery("entity_service", broker=os.environ["CELERY_BROKER_URL"], backend=os.environ["CELERY_BROKER_URL"])
app.conf.update(
    task_acks_late=os.environ.get("CELERY_ACKS_LATE") == "true",
    task_routes={
        "entityservice.tasks.comparing.compute_filter_similarity": {"queue": "compute"},
        "entityservice.tasks.comparing.aggregate_comparisons": {"queue": "highmemory"},
        "entityservice.tasks.permutation.save_and_permute": {"queue": "highmemory"},
        "entityservice.tasks.encoding_uploading.pull_external_data": {"queue": "highmemory"},
    },
    broker_transport_options={"visibility_timeout": int(os.environ.get("CELERY_VISIBILITY_TIMEOUT_SECONDS", 3600))},
    broker_connection_retry_on_startup=True,
    worker_prefetch_multiplier=1,
)


def address(variable):
    host, port = os.environ[variable].rsplit(":", 1)
    return {"host": host, "port": int(port)}


def cache():
    return redis.Redis(**address("REDIS_SERVER"))


def objects():
    access, secret = os.environ["MINIO_ACCESS_KEY"], os.environ["MINIO_SECRET_KEY"]
    # By keyword: the client's versions differ in what they take by position.
    return minio.Minio(endpoint=os.environ["MINIO_SERVER"], access_key=access, secret_key=secret, secure=False)


@contextlib.contextmanager
def database():
    """A transaction on a connection that the process keeps, unless something fails."""
    global connection
    if connection is None:
        password = os.environ["DATABASE_PASSWORD"]
        connection = psycopg2.connect(
            **address("DATABASE_SERVER"), user="postgres", password=password, dbname=os.environ["DATABASE"])
    try:
        with connection, connection.cursor() as cursor:
            yield cursor
    except Exception:
        connection.close()
        connection = None
        raise


connection = None


def put(content):
    name = f"similarity-scores/{uuid.uuid4().hex[:24]}.bin"
    objects().put_object(bucket_name=BUCKET, object_name=name, data=io.BytesIO(content), length=len(content))
    return name


def read(name):
    response = objects().get_object(bucket_name=BUCKET, object_name=name)
    try:
        return response.read()
    finally:
        response.close()
        response.release_conn()


def is_active(project_id, run_id):
    if cache().hget(f"run:{run_id}", "state") != b"active":
        return False
    with database() as cursor:
        cursor.execute("SELECT 1 FROM runs WHERE run_id = %s AND project = %s", (run_id, project_id))
        return cursor.fetchone() is not None


def load(side, uses_range):
    """Entity ids and encodings of a side; of a range of its block or of all of it."""
    start, end = side["range"] if uses_range else (0, None)
    with database() as cursor:
        cursor.execute(
            """SELECT encoding FROM encodingblocks JOIN encodings USING (encoding_id)
               WHERE encodingblocks.dp = %s AND block_id = %s ORDER BY entity_id OFFSET %s LIMIT %s""",
            (side["dataproviderId"], side["block_id"], start, None if end is None else end - start))
        rows = [bytes(row) for row, in cursor]
    encodings = []
    for row in rows:
        encoding = bitarray()
        encoding.frombytes(row[4:])
        encodings.append(encoding)
    return [int.from_bytes(row[:4], "big") for row in rows], encodings


def compare(left, right, threshold, uses_range):
    """A candidate file, how many pairs are in it, and how many comparisons were made. Without k: all pairs."""
    left_ids, left_encodings = load(left, uses_range)
    right_ids, right_encodings = load(right, uses_range)
    scores, (left_rows, right_rows) = anonlink.similarities.dice_coefficient_accelerated(
        (left_encodings, right_encodings), threshold)
    datasets = tuple(array.array("I", [side["datasetIndex"]] * len(scores)) for side in (left, right))
    records = (
        array.array("I", [left_ids[row] for row in left_rows]), array.array("I", [right_ids[row] for row in right_rows]))
    file = io.BytesIO()
    anonlink.serialization.dump_candidate_pairs((scores, datasets, records), file)
    return file.getvalue(), len(scores), len(left_ids) * len(right_ids)


def merge(files):
    out = io.BytesIO()
    anonlink.serialization.merge_streams([io.BytesIO(file) for file in files], out)
    return out.getvalue()


@app.task(name="entityservice.tasks.comparing.compute_filter_similarity", bind=True)
def compute_filter_similarity(self, package, project_id, run_id, threshold, encoding_size, parent_span=None):
    try:
        if not is_active(project_id, run_id):
            return None
        found = [compare(left, right, threshold, len(package) == 1) for left, right in package]
        candidates = sum(count for _, count, _ in found)
        with cache().pipeline(transaction=True) as pipeline:
            pipeline.hincrby(f"run:{run_id}", "comparisons", sum(comparisons for _, _, comparisons in found))
            pipeline.hincrby(f"run:{run_id}", "candidates", candidates)
            pipeline.execute()
        files = [file for file, count, _ in found if count > 0]
        if not files:
            return 0, None, None
        file = merge(files)
        return candidates, len(file), put(file)
    except Exception as error:
        raise self.retry(countdown=5, exc=error)


@app.task(name="entityservice.tasks.comparing.aggregate_comparisons", ignore_result=True)
def aggregate_comparisons(results, project_id, run_id, parent_span=None):
    if any(result is None for result in results):
        raise TypeError("results are missing")
    merged = merge([read(name) for count, _, name in results if count])
    entries = [merged[at:at + PAIR_LENGTH] for at in range(HEADER_LENGTH, len(merged), PAIR_LENGTH)]
    unique = [entry for entry, _ in itertools.groupby(entries)]
    name = put(merged[:HEADER_LENGTH] + b"".join(unique))
    with database() as cursor:
        cursor.execute("INSERT INTO similarity_scores (run, file) VALUES (%s, %s)", (run_id, name))
        cursor.execute("UPDATE runs SET state = 'completed', time_completed = now() WHERE run_id = %s", (run_id,))
    cache().hset(f"run:{run_id}", "state", "complete")


@app.task(name="entityservice.tasks.solver.solver_task", ignore_result=True)
def solver_task(similarity_scores_filename, project_id, run_id, dataset_sizes, parent_span):
    candidates = anonlink.serialization.load_candidate_pairs(io.BytesIO(read(similarity_scores_filename)))
    groups = [[list(record) for record in group] for group in anonlink.solving.greedy_solve(candidates)]
    send("entityservice.tasks.permutation.save_and_permute",
         [{"groups": groups, "datasetSizes": dataset_sizes}, project_id, run_id, {}])


@app.task(name="entityservice.tasks.mark_run_complete.mark_run_complete", ignore_result=True)
def mark_run_complete(run_id, parent_span=None):
    with database() as cursor:
        cursor.execute("UPDATE runs SET state = 'completed', time_completed = now() WHERE run_id = %s", (run_id,))
    cache().hset(f"run:{run_id}", "state", "complete")


@app.task(name="entityservice.tasks.base_task.celery_bug_fix")
def celery_bug_fix(*args, **kwargs):
    return [0, None, None]


@app.task(name="entityservice.tasks.base_task.run_failed_handler", ignore_result=True)
def run_failed_handler(*args, **kwargs):
    with database() as cursor:
        cursor.execute(
            "UPDATE runs SET state = 'error', time_completed = now(), error_msg = 'internal error' WHERE run_id = %s",
            (kwargs["run_id"],))


def packages_of(project_id, aim):
    """The packages of a project: small blocks together, large ones in anonlink's chunks."""
    with database() as cursor:
        cursor.execute(
            """SELECT dataproviders.id, block_name, block_id, count FROM blocks
               JOIN dataproviders ON dataproviders.id = dp WHERE project = %s ORDER BY block_id""", (project_id,))
        blocks = collections.defaultdict(dict)
        for party, name, block_id, count in cursor:
            blocks[party][name] = block_id, count
    package, size = [], 0
    for (left_index, left), (right_index, right) in itertools.combinations(enumerate(sorted(blocks)), 2):
        for name in sorted(blocks[left].keys() & blocks[right].keys()):
            (left_block, left_count), (right_block, right_count) = blocks[left][name], blocks[right][name]

            def chunk(left_range, right_range):
                return [
                    {"dataproviderId": left, "datasetIndex": left_index, "block_id": left_block, "range": left_range},
                    {"dataproviderId": right, "datasetIndex": right_index, "block_id": right_block,
                     "range": right_range}]

            comparisons = left_count * right_count
            if package and size + comparisons > aim:
                yield package
                package, size = [], 0
            if comparisons > aim:
                for sides in anonlink.concurrency.split_to_chunks(aim, dataset_sizes=(left_count, right_count)):
                    yield [chunk(*(side["range"] for side in sides))]
            else:
                package.append(chunk([0, left_count], [0, right_count]))
                size += comparisons
    if package:
        yield package


def start_run(project_id, run_id, threshold, encoding_size, aim):
    """Marks a run as active and sends its tasks."""
    cache().hset(f"run:{run_id}", "state", "active")
    packages = list(packages_of(project_id, aim))
    header = [
        compute_filter_similarity.si(package, project_id, run_id, threshold, encoding_size, {}) for package in packages]
    if len(header) == 1:
        header.append(celery_bug_fix.si())
    body = aggregate_comparisons.s(project_id=project_id, run_id=run_id, parent_span={}).on_error(
        run_failed_handler.s(run_id=run_id))
    sent = chord(header)(body)
    tasks = [task.id for task in sent.parent.results]
    return {"bodyId": sent.id, "groupId": sent.parent.id, "taskIds": tasks, "packages": packages}


def send(name, args, kwargs=None):
    """Sends a task that this application need not know, as `delay` does."""
    return app.send_task(name, args, kwargs or {}).id


def ping(hostname, timeout):
    return app.control.inspect([hostname], timeout=timeout).ping()


def consume(hostname, queue):
    app.control.add_consumer(queue, destination=[hostname], reply=True)


def stop_consuming(hostname, queue):
    app.control.cancel_consumer(queue, destination=[hostname], reply=True)


def revoke(task_id):
    app.control.revoke(task_id, terminate=True)


def main():
    for line in sys.stdin:
        question = json.loads(line)
        try:
            answer = {"answer": globals()[question.pop("ask")](**question)}
        except Exception as error:  # the test that asked reports it
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
