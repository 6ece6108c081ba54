import heapq

from celery import chord
from minio.error import MinioException

from .. import comparison, projects, run_state, settings
from ..packages import packages_of
from ..stores import Missing, database, objects, put_scores, read, remove_objects
from .base_task import celery_bug_fix, run_failed_handler, span, task
from .mark_run_complete import mark_run_complete
from .solver import solver_task


class InactiveRun(AssertionError):
    """The run has ended or was deleted."""


@task("comparing.create_comparison_jobs")
def create_comparison_jobs(project_id, run_id, parent_span=None):
    with database() as cursor:
        if not projects.exists(cursor, project_id) or not projects.run_exists(cursor, project_id, run_id):
            raise InactiveRun("Skipping as project or run not found in database.")
        packages = packages_of(cursor, project_id, settings.CHUNK_SIZE_AIM)
        encoding_size = projects.column(cursor, project_id, "encoding_size")
        cursor.execute("SELECT threshold FROM runs WHERE run_id = %s", (run_id,))
        threshold, = cursor.fetchone()
    send_chord(packages, project_id, run_id, threshold, encoding_size)


def send_chord(packages, project_id, run_id, threshold, encoding_size):
    """Sends a run's tasks under new ids: if a run's comparisons are sent again, all of them are made again."""
    header = [
        compute_filter_similarity.si(package, project_id, run_id, threshold, encoding_size, span())
        for package in packages]
    if len(header) == 1:
        header.append(celery_bug_fix.si())
    body = aggregate_comparisons.s(project_id=project_id, run_id=run_id, parent_span=span()).on_error(
        run_failed_handler.s(run_id=run_id))
    return chord(header)(body)


@task("comparing.compute_filter_similarity", bind=True, ignore_result=False)
def compute_filter_similarity(self, package, project_id, run_id, threshold, encoding_size, parent_span=None):
    try:
        assert_active(project_id, run_id)
        with database() as cursor:
            found = [comparison.compare(cursor, pair, threshold, len(package) == 1) for pair in package]
        candidates = sum(count for _, count, _ in found)
        run_state.count_progress(run_id, sum(comparisons for _, _, comparisons in found), candidates)
        if run_state.candidate_count(run_id) > settings.SIMILARITY_SCORES_MAX_CANDIDATE_PAIRS:
            run_state.fail(run_id, "This run has created more than the global limit of candidate pairs.")
            return None
        files = [file for file, _, _ in found if file is not None]
        if not files:
            return 0, None, None
        content = comparison.merge(files) if len(files) > 1 else files[0]
        return candidates, len(content), put_scores(content)
    except InactiveRun:
        return None
    except Exception:
        raise self.retry(countdown=5)


def assert_active(project_id, run_id):
    if run_state.state_of(run_id) != "active":
        raise InactiveRun("Run isn't marked as active")
    with database() as cursor:
        if not projects.exists(cursor, project_id) or not projects.run_exists(cursor, project_id, run_id):
            raise Missing("project or run not found in database")


@task("comparing.aggregate_comparisons", autoretry_for=(MinioException,), retry_backoff=True)
def aggregate_comparisons(similarity_result_files, project_id, run_id, parent_span=None):
    """Accepts the results unchecked: neither their number nor which tasks they come from is verified."""
    name = merge_all(similarity_result_files)
    with database() as cursor:
        result_type = projects.column(cursor, project_id, "result_type")
        cursor.execute("INSERT INTO similarity_scores (run, file) VALUES (%s, %s)", (run_id, name))
        sizes = projects.dataset_sizes(cursor, project_id)
        if result_type != "similarity_scores":
            run_state.next_stage(cursor, run_id)
    if result_type == "similarity_scores":
        mark_run_complete.delay(run_id, span())
    else:
        solver_task.delay(name, project_id, run_id, sizes, span())


def merge_all(results):
    """Returns the name of the merged file. Files are removed once they are merged, so that this cannot be repeated."""
    if results is None or any(result is None for result in results):
        raise TypeError("Inappropriate argument type - results missing at aggregation step.")
    client = objects()
    files = [tuple(result) for result in results if result[0]]
    if not files:
        return put_scores(comparison.empty_candidate_file(), client)
    heapq.heapify(files)
    while len(files) > 1:
        left, right = heapq.heappop(files), heapq.heappop(files)
        names = [name for _, _, name in (left, right)]
        content = comparison.merge_unique([read(name, client=client) for name in names])
        heapq.heappush(files, (left[0] + right[0], left[1] + right[1], put_scores(content, client)))
        remove_objects(names, client=client)
    (_, _, name), = files
    return name
