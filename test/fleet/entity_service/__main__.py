"""Answers questions: reads one JSON question per line, and prints one JSON answer per line."""
import json
import sys

from . import api, run_state
from .application import app
from .packages import packages_of
from .stores import database
from .tasks.comparing import send_chord


def start_run(project_id, run_id, threshold, encoding_size, aim):
    """Marks a run as active and sends its tasks."""
    run_state.set_state(run_id, "active")
    with database() as cursor:
        packages = packages_of(cursor, project_id, aim)
    sent = send_chord(packages, project_id, run_id, threshold, encoding_size)
    tasks = [task.id for task in sent.parent.results]
    return {"bodyId": sent.id, "groupId": sent.parent.id, "taskIds": tasks, "packages": packages}


def send(name, args, kwargs=None):
    """Sends a task as `delay` does; the task need not be registered here."""
    return app.send_task(name, args, kwargs or {}).id


def ping(hostname, timeout):
    return app.control.inspect([hostname], timeout=timeout).ping()


def consume(hostname, queue):
    app.control.add_consumer(queue, destination=[hostname], reply=True)


def stop_consuming(hostname, queue):
    app.control.cancel_consumer(queue, destination=[hostname], reply=True)


def revoke(task_id):
    app.control.revoke(task_id, terminate=True)


QUESTIONS = {
    each.__name__: each for each in (
        start_run, send, ping, consume, stop_consuming, revoke, api.post_run, api.post_clks, api.post_binary_clks,
        api.post_external_clks, api.delete_run, api.delete_project)}


def main():
    for line in sys.stdin:
        question = json.loads(line)
        try:
            answer = {"answer": QUESTIONS[question.pop("ask")](**question)}
        except Exception as error:  # reported by the test
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


main()
