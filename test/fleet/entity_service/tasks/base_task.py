"""The common parts of tasks, and two general tasks."""
import secrets
import time

import psycopg2
from celery import Task

from .. import run_state, settings
from ..application import app
from ..stores import Missing

PREFIX = "entityservice.tasks."


class ServiceTask(Task):
    abstract = True
    throws = (Missing, psycopg2.IntegrityError)

    def after_return(self, *args):
        """Sleeps between storing the result and the acknowledgement: if the worker dies here, the task is repeated."""
        time.sleep(settings.AFTER_RETURN_SECONDS)


def task(name, **options):
    """Registers a task under the original's name. As there, only results that a chord needs are kept by default."""
    return app.task(**{"name": PREFIX + name, "base": ServiceTask, "ignore_result": True, **options})


def span():
    """Returns what tasks pass on for tracing: the headers of Jaeger."""
    return {"uber-trace-id": f"{secrets.token_hex(8)}:{secrets.token_hex(8)}:0:1"}


@app.task(name=PREFIX + "base_task.celery_bug_fix")
def celery_bug_fix(*args, **kwargs):
    """Added to chords of one task, because Celery would turn such a chord into a chain."""
    return [0, None, None]


@task("base_task.run_failed_handler")
def run_failed_handler(*args, **kwargs):
    """Raises KeyError when linked by prerun_check, which does not pass `run_id`."""
    run_state.fail(kwargs["run_id"], "Run failed with an internal server error.")
