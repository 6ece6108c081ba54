"""The Python tasks of the tests. CELERY_TEST is JSON: the settings, and the Redis server for the tasks' notes."""
import json
import os
import time

import redis
from celery import Celery

given = json.loads(os.environ["CELERY_TEST"])
app = Celery("tests", broker=given["broker"], backend=given["backend"])
app.conf.update(given["settings"])


def record(key, value):
    """Leaves a note for the test."""
    redis.Redis.from_url(given["records"]).rpush(key, json.dumps(value))


def circumstances(request):
    delivery_info = request.delivery_info or {}
    return {
        "lang": "py",
        "id": request.id,
        "parent_id": request.parent_id,
        "root_id": request.root_id,
        "retries": request.retries,
        "hostname": request.hostname,
        # kombu 5.1 sets it in the headers only
        "redelivered": bool(delivery_info.get("redelivered") or getattr(request, "redelivered", False)),
        "priority": delivery_info.get("priority"),
        "routing_key": delivery_info.get("routing_key"),
        "pid": os.getpid(),
    }


@app.task(name="tasks.add")
def add(x, y):
    return x + y


@app.task(name="tasks.mul")
def mul(x, y):
    return x * y


@app.task(name="tasks.tsum")
def tsum(numbers):
    return sum(numbers)


@app.task(name="tasks.collect")
def collect(numbers):
    """A chord body whose executions can be counted."""
    record("collected", numbers)
    return sum(numbers)


@app.task(name="tasks.echo")
def echo(value):
    return value


@app.task(name="tasks.show")
def show(value):
    """Returns a value's Python type and repr."""
    return f"{type(value).__name__} {value!r}"


@app.task(name="tasks.sleep")
def sleep(seconds, value=None):
    time.sleep(seconds)
    return value


@app.task(name="tasks.fail")
def fail(message):
    raise ValueError(message)


@app.task(name="tasks.fail_after")
def fail_after(seconds, message):
    time.sleep(seconds)
    raise ValueError(message)


@app.task(name="tasks.report", bind=True)
def report(self):
    return circumstances(self.request)


@app.task(name="tasks.trail", bind=True)
def trail(self, steps):
    """Appends its own step to the earlier ones."""
    return [*steps, circumstances(self.request)]


@app.task(name="tasks.slow", bind=True)
def slow(self, key, seconds):
    """Leaves a note when it starts and when it is done, `seconds` later."""
    about = circumstances(self.request)
    record(f"begun:{key}", about)
    time.sleep(seconds)
    record(f"done:{key}", about)
    return about


@app.task(name="tasks.mark", bind=True)
def mark(self, number):
    """Adds a number to a set: an idempotent task."""
    client = redis.Redis.from_url(given["records"])
    client.sadd("marked", number)
    client.incr("marks:py")


@app.task(name="tasks.retrying", bind=True)
def retrying(self, times, countdown, key):
    record(f"attempts:{key}", circumstances(self.request))
    if self.request.retries < times:
        raise self.retry(countdown=countdown, exc=ValueError("not yet"))
    return self.request.retries


@app.task(name="tasks.errback")
def errback(task_id):
    record("errbacks", {"id": task_id})


@app.task(name="tasks.errback_with_error")
def errback_with_error(request, error, traceback):
    record("errbacks", {"id": request.id, "error": repr(error)})


@app.task(name="tasks.only_python")
def only_python():
    return "py"
