"""The Celery application, configured like the original's."""
import json
import time

from celery import Celery
from celery.signals import task_prerun

from . import settings

app = Celery("tasks", broker=settings.BROKER_URL, backend=settings.BROKER_URL)
app.conf.update(
    task_acks_late=settings.ACKS_LATE,
    task_routes=settings.ROUTES,
    broker_transport_options={"visibility_timeout": settings.VISIBILITY_TIMEOUT_SECONDS},
    broker_connection_retry_on_startup=True,
    worker_prefetch_multiplier=settings.PREFETCH_MULTIPLIER,
    worker_max_tasks_per_child=settings.MAX_TASKS_PER_CHILD,
)


@task_prerun.connect
def note_execution(task=None, task_id=None, args=(), kwargs=None, **_):
    """Notes each execution in a file, which loses nothing when Redis is killed; repeated executions are noted again."""
    if settings.EXECUTIONS_FILE is None:
        return
    request = task.request
    is_comparison = task.name.endswith(".compute_filter_similarity")
    # Our service passes it by name, the original by position.
    run_id = kwargs.get("run_id") or (args[2] if is_comparison else None)
    note = {
        "id": task_id, "task": task.name, "run": run_id, "worker": request.hostname, "at": time.time(),
        "retries": request.retries}
    with open(settings.EXECUTIONS_FILE, "a") as file:
        file.write(json.dumps(note) + "\n")
