"""A Python client for the tests: reads JSON lines {code, values} and answers each with a JSON line {answer} or {error}.

The code is the body of a function that can use the app, its tasks and Celery's canvas, and gets the values by name.
"""
import json
import sys
import textwrap
import traceback

import celery
import kombu
from celery.result import AsyncResult, GroupResult

import app as tasks

KNOWN = {
    **{name: value for name, value in vars(tasks).items() if not name.startswith("_")},
    "chain": celery.chain,
    "chord": celery.chord,
    "group": celery.group,
    "signature": celery.signature,
    "celery": celery,
    "kombu": kombu,
    "AsyncResult": AsyncResult,
    "GroupResult": GroupResult,
}


def run(code, values):
    scope = dict(KNOWN)
    exec(f"def snippet({', '.join(values)}):\n{textwrap.indent(textwrap.dedent(code), ' ')}", scope)
    return scope["snippet"](**values)


for line in sys.stdin:
    question = json.loads(line)
    try:
        answer = {"answer": run(question["code"], question["values"])}
    except Exception as error:  # reported by the test
        answer = {
            "error": {
                "type": type(error).__name__,
                "module": type(error).__module__,
                "args": [arg if isinstance(arg, (int, float, str, type(None))) else repr(arg) for arg in error.args],
                "text": repr(error),
                "traceback": traceback.format_exc(),
            }
        }
    print(json.dumps(answer, default=repr), flush=True)
