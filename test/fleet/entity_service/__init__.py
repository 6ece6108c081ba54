"""A rewrite of the Python entity service's tasks for tests, with the original's task names and stores.

`celery -A entity_service worker` executes the tasks. They behave like the original's, including its weaknesses: a
repeated task writes another file and adds to the progress again, and aggregation does not check which tasks the results
come from. `python -m entity_service` answers questions, such as storing and sending what the original's API would.
"""
from .application import app
from .tasks import (
    comparing, encoding_uploading, mark_run_complete, permutation, pre_run_check, project_cleanup, run, solver, stats)

__all__ = [
    "app", "comparing", "encoding_uploading", "mark_run_complete", "permutation", "pre_run_check", "project_cleanup",
    "run", "solver", "stats"]
