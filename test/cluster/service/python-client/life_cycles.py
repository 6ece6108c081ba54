"""Whole life cycles of projects, as a user of the Python entity service would script them.

Arguments: the service's address, and the folder of febrl4-1k. Prints a line for each cycle; any failure ends it.
"""
import base64
import io
import json
import pathlib
import sys
import time

import anonlink
import minio
import requests

SERVER, DATA = sys.argv[1], pathlib.Path(sys.argv[2])
URL = SERVER + "/api/v1/"  # with a trailing slash, as in the original's tests
ENTITIES = json.loads((DATA / "entity-ids.json").read_text())
PAIRS = {0.95: 472, 0.9: 718, 0.8: 946}
SIDES = ("a", "b")
BLOCKS = {str(row): sorted({str(row % 3), str(row % 13)}) for row in range(1000)}


def auth(token):
    return {"Authorization": token}


def create(**options):
    response = requests.post(URL + "/projects", json={"schema": {}, **options})
    assert response.status_code == 201, response.text
    return response.json()


def upload(project, party, **content):
    response = requests.post(
        URL + f"/projects/{project['project_id']}/clks", headers=auth(project["update_tokens"][party]), **content)
    assert response.status_code == 201, response.text
    return response.json()["receipt_token"]


def upload_binary(project, party, side):
    with (DATA / f"clks-{side}.bin").open("rb") as file:
        response = requests.post(
            URL + f"/projects/{project['project_id']}/binaryclks",
            headers={
                **auth(project["update_tokens"][party]), "Content-Type": "application/octet-stream",
                "Hash-Count": "1000", "Hash-Size": "128"},
            data=file)
    assert response.status_code == 201, response.text
    return response.json()["receipt_token"]


def run(project, threshold):
    path = URL + f"/projects/{project['project_id']}/runs"
    headers = auth(project["result_token"])
    response = requests.post(path, headers=headers, json={"threshold": threshold})
    assert response.status_code == 201, response.text
    run_id = response.json()["run_id"]
    assert run_id in [run["run_id"] for run in requests.get(path, headers=headers).json()]
    assert requests.get(f"{path}/{run_id}", headers=headers).json()["threshold"] == threshold
    deadline = time.time() + 120
    while True:
        status = requests.get(f"{path}/{run_id}/status", headers=headers).json()
        if status["state"] == "completed":
            break
        assert status["state"] in ("created", "queued", "running"), status
        assert time.time() < deadline, status
        time.sleep(0.1)
    assert status["current_stage"]["number"] == status["stages"]
    return run_id


def result(project, run_id, token=None, **headers):
    response = requests.get(
        URL + f"/projects/{project['project_id']}/runs/{run_id}/result",
        headers={**auth(token or project["result_token"]), **headers})
    assert response.status_code == 200, response.text
    return response.json()


def delete(project):
    path, headers = URL + f"/projects/{project['project_id']}", auth(project["result_token"])
    assert requests.get(path, headers=headers).status_code == 200
    assert requests.delete(path, headers=headers).status_code == 204
    assert requests.get(path, headers=headers).status_code == 403


def store(credentials, location):
    return minio.Minio(
        endpoint=location["endpoint"], access_key=credentials["AccessKeyId"],
        secret_key=credentials["SecretAccessKey"], session_token=credentials["SessionToken"], region="us-east-1",
        secure=location["secure"])


def external_store(project, party):
    response = requests.get(
        URL + f"/projects/{project['project_id']}/authorize-external-upload",
        headers=auth(project["update_tokens"][party]))
    assert response.status_code == 201, response.text
    answer = response.json()
    return store(answer["credentials"], answer["upload"]), answer["upload"], answer["credentials"]


def put(client, location, name, content, **metadata):
    client.put_object(
        bucket_name=location["bucket"], object_name=f"{location['path']}/{name}", data=io.BytesIO(content),
        length=len(content), metadata={key.replace("_", "-"): value for key, value in metadata.items()})
    return {"bucket": location["bucket"], "path": f"{location['path']}/{name}"}


def denied(action):
    try:
        action()
    except minio.error.S3Error as error:
        assert error.code == "AccessDenied", error.code
    else:
        raise AssertionError("it should have been denied")


def groups_as_set(groups):
    return {frozenset(map(tuple, group)) for group in groups}


def clks(side):
    return json.loads((DATA / f"clks-{side}.json").read_text())["clks"]


def groups_of_json():
    project = create(result_type="groups", name="of JSON", notes="by a script")
    upload(project, 0, json={"clks": clks("a")})
    upload(project, 1, json={"encodings": clks("b")})
    for threshold, count in PAIRS.items():
        groups = result(project, run(project, threshold))["groups"]
        assert len(groups) == count, len(groups)
        for group in groups:
            (_, left), (_, right) = sorted(group)
            assert ENTITIES["a"][left] == ENTITIES["b"][right]
    delete(project)


def scores_of_binary():
    project = create(result_type="similarity_scores")
    for party, side in enumerate(SIDES):
        upload_binary(project, party, side)
    run_id = run(project, 0.9)
    scores = result(project, run_id)["similarity_scores"]
    assert len(scores) == PAIRS[0.9]
    for (left_party, left), (right_party, right), score in scores:
        assert (left_party, right_party) == (0, 1) and 0.9 <= score <= 1
        assert ENTITIES["a"][left] == ENTITIES["b"][right]

    answer = result(project, run_id, **{"RETURN-OBJECT-STORE-ADDRESS": "1"})
    location = answer["object"]
    client = store(answer["credentials"], location)
    stream = client.get_object(bucket_name=location["bucket"], object_name=location["path"])
    similarities, (left_parties, right_parties), (left_rows, right_rows) = (
        anonlink.serialization.load_candidate_pairs(stream))
    found = list(zip(left_parties, left_rows, right_parties, right_rows, similarities))
    assert found == [(*left, *right, score) for left, right, score in scores]
    denied(lambda: client.put_object(
        bucket_name=location["bucket"], object_name=location["path"], data=io.BytesIO(b"x"), length=1))
    denied(lambda: client.get_object(bucket_name=location["bucket"], object_name="similarity-scores/other.bin"))
    denied(lambda: list(client.list_objects(bucket_name=location["bucket"], recursive=True)))
    delete(project)


def permutations():
    project = create(result_type="permutations")
    receipts = [upload(project, 0, json={"clks": clks("a")}), upload_binary(project, 1, "b")]
    run_id = run(project, 0.8)
    mask = result(project, run_id)["mask"]
    assert sum(mask) == PAIRS[0.8] and len(mask) == 1000
    permuted = []
    for receipt, side in zip(receipts, SIDES):
        answer = result(project, run_id, receipt)
        assert answer["rows"] == len(mask)
        reordered = [None] * 1000
        for row, new_row in enumerate(answer["permutation"]):
            reordered[new_row] = ENTITIES[side][row]
        permuted.append(reordered)
    assert all(left == right for left, right, masked in zip(*permuted, mask) if masked)
    delete(project)


def external_binary():
    project = create(result_type="groups")
    for party, side in enumerate(SIDES):
        client, location, _ = external_store(project, party)
        content = (DATA / f"clks-{side}.bin").read_bytes()
        file = put(client, location, "encodings.bin", content, hash_count=1000, hash_size=128)
        denied(lambda: client.get_object(bucket_name=location["bucket"], object_name=file["path"]))
        denied(lambda: client.remove_object(bucket_name=location["bucket"], object_name=file["path"]))
        denied(lambda: client.list_buckets())
        denied(lambda: client.put_object(
            bucket_name=location["bucket"], object_name="elsewhere", data=io.BytesIO(b"x"), length=1))
        upload(project, party, json={"encodings": {"file": file}})
    groups = result(project, run(project, 0.9))["groups"]
    assert len(groups) == PAIRS[0.9]
    delete(project)


def external_blocks():
    """Both forms of encodings, with blocks; the groups are those of anonlink."""
    project = create(result_type="groups", uses_blocking=True)
    for party, side in enumerate(SIDES):
        client, location, credentials = external_store(project, party)
        blocks = put(client, location, "blocks.json", json.dumps({"blocks": BLOCKS}).encode())
        if party == 0:
            content = (DATA / f"clks-{side}.bin").read_bytes()
            file = put(client, location, "encodings.bin", content, hash_count=1000, hash_size=128)
        else:
            content = json.dumps({"clks": clks(side)}).encode()
            file = put(client, location, "encodings.json", content, hash_count=1000, hash_size=128)
        upload(project, party, json={
            "encodings": {"file": file, "credentials": credentials},
            "blocks": {"file": blocks, "credentials": credentials}})
    groups = result(project, run(project, 0.8))["groups"]

    from bitarray import bitarray

    def bits(encoding):
        filter_ = bitarray()
        filter_.frombytes(base64.b64decode(encoding))
        return filter_

    filters = [[bits(encoding) for encoding in clks(side)] for side in SIDES]
    candidates = anonlink.candidate_generation.find_candidate_pairs(
        filters, anonlink.similarities.dice_coefficient_python, 0.8,
        blocking_f=lambda party, row, _: BLOCKS[str(row)])
    assert groups_as_set(groups) == set(map(frozenset, anonlink.solving.greedy_solve(candidates)))
    assert groups
    delete(project)


def refusals():
    project = create(result_type="groups")
    path = URL + f"/projects/{project['project_id']}"
    assert requests.get(path).status_code == 400
    assert requests.get(path, headers=auth("invalid")).status_code == 403
    assert requests.get(URL + "/projects/fakeprojectid", headers=auth("invalid")).status_code == 403
    response = requests.post(path + "/clks", headers=auth(project["update_tokens"][0]), json={"clks": []})
    assert response.status_code == 400 and response.headers["Content-Type"].startswith("application/problem+json")
    upload(project, 0, json={"clks": clks("a")})
    response = requests.post(path + "/clks", headers=auth(project["update_tokens"][0]), json={"clks": clks("a")})
    assert response.status_code == 403
    delete(project)


def general():
    assert requests.get(URL + "/status").json()["status"] == "ok"
    version = requests.get(URL + "/version").json()
    assert {"anonlink", "entityservice", "python"} <= version.keys()


for cycle in (
        general, refusals, groups_of_json, scores_of_binary, permutations, external_binary, external_blocks):
    cycle()
    print("passed", cycle.__name__, flush=True)
