"""Settings of the entity service from the environment, with the original's names and defaults."""
import ast
import os


def number(name, default):
    return int(os.environ.get(name, default))


def is_on(name, default):
    return os.environ.get(name, default) == "true"


def address(name):
    """Returns host and port. The original's settings have only the host, but test servers use separate ports."""
    host, port = os.environ[name].rsplit(":", 1)
    return {"host": host, "port": int(port)}


BROKER_URL = os.environ["CELERY_BROKER_URL"]
ACKS_LATE = is_on("CELERY_ACKS_LATE", "false")
PREFETCH_MULTIPLIER = number("CELERYD_PREFETCH_MULTIPLIER", 1)
MAX_TASKS_PER_CHILD = number("CELERYD_MAX_TASKS_PER_CHILD", 2048)
VISIBILITY_TIMEOUT_SECONDS = number("CELERY_VISIBILITY_TIMEOUT_SECONDS", 3600)
DEFAULT_ROUTES = {
    "entityservice.tasks.comparing.create_comparison_jobs": {"queue": "celery"},
    "entityservice.tasks.comparing.compute_filter_similarity": {"queue": "compute"},
    "entityservice.tasks.comparing.aggregate_comparisons": {"queue": "highmemory"},
    "entityservice.tasks.solver.solver_task": {"queue": "highmemory"},
    "entityservice.tasks.permutation.save_and_permute": {"queue": "highmemory"},
    "entityservice.tasks.encoding_uploading.pull_external_data": {"queue": "highmemory"},
    "entityservice.tasks.encoding_uploading.handle_raw_upload": {"queue": "celery"},
}
ROUTES = ast.literal_eval(os.environ["CELERY_ROUTES"]) if "CELERY_ROUTES" in os.environ else DEFAULT_ROUTES

DATABASE = os.environ.get("DATABASE", "postgres")
DATABASE_USER = os.environ.get("DATABASE_USER", "postgres")
DATABASE_PASSWORD = os.environ.get("DATABASE_PASSWORD", "")
REDIS_SOCKET_TIMEOUT = float(os.environ.get("REDIS_SOCKET_TIMEOUT", "5.0"))
CACHE_EXPIRY_SECONDS = number("CACHE_EXPIRY_SECONDS", 864_000)

BUCKET = os.environ.get("MINIO_BUCKET", "entityservice")
UPLOADS_ENABLED = is_on("UPLOAD_OBJECT_STORE_ENABLED", "true")
UPLOAD_BUCKET = os.environ.get("UPLOAD_OBJECT_STORE_BUCKET", "anonlink-uploads")

CHUNK_SIZE_AIM = number("CHUNK_SIZE_AIM", "300_000_000")
SOLVER_MAX_CANDIDATE_PAIRS = number("SOLVER_MAX_CANDIDATE_PAIRS", "100_000_000")
SIMILARITY_SCORES_MAX_CANDIDATE_PAIRS = number("SIMILARITY_SCORES_MAX_CANDIDATE_PAIRS", "500_000_000")
MIN_ENCODING_SIZE = number("MIN_ENCODING_SIZE", 1)
MAX_ENCODING_SIZE = number("MAX_ENCODING_SIZE", 1024)

# The original lacks these settings. The first two disable its behavior, for tests that need equal results or no delay.
ALL_CANDIDATES = is_on("PYTHON_ALL_CANDIDATES", "false")
"""Whether to keep all candidate pairs of a record; the original keeps as many as the smaller side has records."""
AFTER_RETURN_SECONDS = float(os.environ.get("PYTHON_AFTER_RETURN_SECONDS", "2"))
"""How long a task sleeps between storing its result and its acknowledgement."""
EXECUTIONS_FILE = os.environ.get("PYTHON_EXECUTIONS_FILE")
"""The file where each started task is noted, as one line of JSON."""
