"""The Celery application that Flower monitors: only the broker of our workers."""

import os
from urllib.parse import quote

from celery import Celery

uses_sentinel = os.environ.get("REDIS_USE_SENTINEL", "false").lower() == "true"


def broker_url():
    """CELERY_BROKER_URL, else database 0 of the Redis server, as in api and workers."""
    named = os.environ.get("CELERY_BROKER_URL")
    if named:
        return named
    scheme = "sentinel" if uses_sentinel else "redis"
    password = quote(os.environ["REDIS_PASSWORD"], safe="")
    return f"{scheme}://:{password}@{os.environ['REDIS_SERVER']}/0"


app = Celery("anonlink-wasm", broker=broker_url())
if uses_sentinel:
    app.conf.broker_transport_options = {"master_name": os.environ["REDIS_SENTINEL_NAME"]}
