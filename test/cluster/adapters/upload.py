# Uploads with temporary credentials, as clients of the entity service do.
import io
import json
import sys

import minio

given = json.loads(sys.argv[1])
credentials = given["credentials"]
client = minio.Minio(
    endpoint=given["endpoint"],
    access_key=credentials["AccessKeyId"],
    secret_key=credentials["SecretAccessKey"],
    session_token=credentials["SessionToken"],
    region="us-east-1",
    secure=False,
)
bucket, path = given["bucket"], given["path"]


def put(name, data, **options):
    client.put_object(bucket_name=bucket, object_name=name, data=io.BytesIO(data), length=len(data), **options)


put(f"{path}/small", b"abc")
put(
    f"{path}/large",
    bytes(12 * 2**20),
    part_size=5 * 2**20,
    metadata={"hash-count": "98304", "hash-size": "128"},
)

refused = []
for name in (f"{path}0/a", "a"):
    try:
        put(name, b"abc")
    except minio.error.S3Error as error:
        refused.append(error.code)
print(json.dumps({"refused": refused}))
