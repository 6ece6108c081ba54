"""Answers the interop tests with anonlink and clkhash: one JSON question a line in, one JSON answer a line out."""
import array
import base64
import io
import json
import sys

import anonlink
from bitarray import bitarray


def pack(kind, values):
    return base64.b64encode(array.array(kind, values).tobytes()).decode()


def datasets_of(question):
    width = question["byteLength"]
    for text in question["datasets"]:
        raw = base64.b64decode(text)
        rows = []
        for start in range(0, len(raw), width):
            row = bitarray()
            row.frombytes(raw[start:start + width])
            rows.append(row)
        yield rows


def candidates(question):
    similarity = getattr(anonlink.similarities, question["similarity"])
    blocks = question.get("blocks")
    blocking = None if blocks is None else lambda dataset, row, _: blocks[dataset][row]
    return anonlink.candidate_generation.find_candidate_pairs(
        list(datasets_of(question)), similarity, question["threshold"], blocking_f=blocking)


def link(question):
    pairs = candidates(question)
    scores, (left_sets, right_sets), (left_rows, right_rows) = pairs
    file = io.BytesIO()
    anonlink.serialization.dump_candidate_pairs(pairs, file)
    groups = [[list(record) for record in group] for group in anonlink.solving.greedy_solve(pairs)]
    return {
        "scores": pack("d", scores),
        "columns": [pack("I", column) for column in (left_sets, right_sets, left_rows, right_rows)],
        "groups": groups,
        "file": base64.b64encode(file.getvalue()).decode(),
    }


def rewrite(question):
    """Loads a candidate file and dumps it again."""
    pairs = anonlink.serialization.load_candidate_pairs(io.BytesIO(base64.b64decode(question["file"])))
    out = io.BytesIO()
    anonlink.serialization.dump_candidate_pairs(pairs, out)
    return base64.b64encode(out.getvalue()).decode()


def merge(question):
    out = io.BytesIO()
    files = [io.BytesIO(base64.b64decode(text)) for text in question["files"]]
    anonlink.serialization.merge_streams(files, out)
    return base64.b64encode(out.getvalue()).decode()


def chunks(question):
    sizes = anonlink.concurrency.split_to_chunks(question["aim"], dataset_sizes=question["sizes"])
    return [[side["range"] for side in chunk] for chunk in sizes]


def encode(question):
    from clkhash import clk, schema
    text = "\n".join(",".join(f'"{cell}"' for cell in row) for row in [question["names"], *question["rows"]])
    made = clk.generate_clk_from_csv(
        io.StringIO(text), question["secret"], schema.from_json_dict(question["schema"]),
        validate=False, header=True, progress_bar=False, max_workers=1)
    return [base64.b64encode(row.tobytes()).decode() for row in made]


for line in sys.stdin:
    question = json.loads(line)
    try:
        answer = {"answer": globals()[question["ask"]](question)}
    except Exception as error:  # the test that asked reports it
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
