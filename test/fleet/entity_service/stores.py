"""Connections to PostgreSQL, Redis and the object store."""
import contextlib
import io
import os
import secrets

import minio
import psycopg2
import redis
from minio.deleteobjects import DeleteObject
from minio.error import MinioException, S3Error

from . import settings


class Missing(Exception):
    """A project, run or party is not in the database, most likely because it was deleted."""


connection = None


@contextlib.contextmanager
def database():
    """Opens a transaction, on a connection that the process keeps until an error occurs."""
    global connection
    if connection is None or connection.closed:
        connection = psycopg2.connect(
            **settings.address("DATABASE_SERVER"), user=settings.DATABASE_USER, password=settings.DATABASE_PASSWORD,
            dbname=settings.DATABASE)
    try:
        with connection, connection.cursor() as cursor:
            yield cursor
    except Exception:
        connection.close()
        connection = None
        raise


def one(cursor, statement, values):
    """Returns the first column of the first row, or None."""
    cursor.execute(statement, values)
    row = cursor.fetchone()
    return None if row is None else row[0]


def cache():
    return redis.StrictRedis(**settings.address("REDIS_SERVER"), socket_timeout=settings.REDIS_SOCKET_TIMEOUT)


def objects():
    # By keyword, because the client's versions differ in their positional parameters.
    client = minio.Minio(
        endpoint=os.environ["MINIO_SERVER"], access_key=os.environ["MINIO_ACCESS_KEY"],
        secret_key=os.environ["MINIO_SECRET_KEY"], secure=False)
    if not client.bucket_exists(bucket_name=settings.BUCKET):
        with contextlib.suppress(S3Error):
            client.make_bucket(bucket_name=settings.BUCKET)
    return client


def random_code(byte_length=24):
    return secrets.token_hex(byte_length)


def put_scores(content, client=None):
    """Stores a candidate file under a new name; returns the name."""
    name = f"similarity-scores/{random_code(12)}.bin"
    put(name, content, client)
    return name


def put(name, content, client=None):
    (client or objects()).put_object(
        bucket_name=settings.BUCKET, object_name=name, data=io.BytesIO(content), length=len(content))


def read(name, bucket=settings.BUCKET, client=None):
    response = (client or objects()).get_object(bucket_name=bucket, object_name=name)
    try:
        return response.read()
    finally:
        response.close()
        response.release_conn()


def remove_objects(names, bucket=settings.BUCKET, client=None):
    """Removes objects. Failures are ignored, as the original only logs them."""
    with contextlib.suppress(MinioException):
        errors = (client or objects()).remove_objects(
            bucket_name=bucket, delete_object_list=[DeleteObject(name) for name in names])
        for _ in errors:
            pass


def remove_folder(bucket, prefix):
    with contextlib.suppress(MinioException):
        found = objects().list_objects(bucket_name=bucket, prefix=prefix, recursive=True)
        remove_objects([each.object_name for each in found], bucket)
