"""The state and progress of a run, in Redis."""
from . import settings
from .stores import cache, database


def _key(run_id):
    return f"run:{run_id}"


def set_state(run_id, state):
    client = cache()
    client.hset(_key(run_id), "state", state)
    client.expire(_key(run_id), settings.CACHE_EXPIRY_SECONDS)


def state_of(run_id):
    """Returns `active`, `complete`, `deleted`, or None if Redis has no state of the run."""
    state = cache().hget(_key(run_id), "state")
    return None if state is None else state.decode()


def count_progress(run_id, comparisons, candidates):
    """Adds to the progress, also when a task is repeated: nothing stores what was already counted."""
    if comparisons == 0:
        return
    pipeline = cache().pipeline(transaction=True)
    pipeline.hincrby(_key(run_id), "comparisons", comparisons)
    pipeline.hincrby(_key(run_id), "candidates", candidates)
    pipeline.expire(_key(run_id), settings.CACHE_EXPIRY_SECONDS)
    pipeline.execute()


def candidate_count(run_id):
    return int(cache().hget(_key(run_id), "candidates") or 0)


def next_stage(cursor, run_id):
    cursor.execute("UPDATE runs SET stage = stage + 1 WHERE run_id = %s", (run_id,))
    cache().hdel(_key(run_id), "comparisons")
    cache().hdel(_key(run_id), "candidates")


def fail(run_id, message):
    with database() as cursor:
        cursor.execute(
            "UPDATE runs SET state = 'error', time_completed = now(), error_msg = %s WHERE run_id = %s",
            (message, run_id))


def complete(run_id):
    with database() as cursor:
        cursor.execute("UPDATE runs SET state = 'completed', time_completed = now() WHERE run_id = %s", (run_id,))
    set_state(run_id, "complete")
