"""The peer of the benchmarks: anonlink, asked by JSON lines. It times its own computation with its own clock."""
import base64
import json
import platform
import sys
import time

import anonlink
from bitarray import bitarray

datasets = {}
solver_inputs = {}


def read_rows(path):
    with open(path, "rb") as file:
        raw = file.read()
    rows = []
    for start in range(0, len(raw), 128):
        row = bitarray()
        row.frombytes(raw[start:start + 128])
        rows.append(row)
    return rows


def timed(work):
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def versions(_):
    from importlib.metadata import version
    return {"python": platform.python_version(), "anonlink": version("anonlink")}


def load(question):
    datasets[question["name"]] = [read_rows(path) for path in question["paths"]]


def dice(question):
    pair = datasets[question["name"]]
    seconds, (scores, _) = timed(
        lambda: anonlink.similarities.dice_coefficient_accelerated(pair, question["threshold"], k=None))
    return {"seconds": seconds, "pairs": len(scores)}


def find(question):
    """All candidate pairs, in blocks if a file of them is given."""
    blocking = None
    if "blocks" in question:
        with open(question["blocks"]) as file:
            blocks = json.load(file)
        blocking = lambda dataset, row, _: blocks[dataset][row]  # noqa: E731
    seconds, (scores, _, _) = timed(lambda: anonlink.candidate_generation.find_candidate_pairs(
        datasets[question["name"]], anonlink.similarities.dice_coefficient_accelerated,
        question["threshold"], blocking_f=blocking))
    return {"seconds": seconds, "pairs": len(scores)}


def load_pairs(question):
    with open(question["path"], "rb") as file:
        solver_inputs[question["name"]] = anonlink.serialization.load_candidate_pairs(file)


def solve(question):
    seconds, groups = timed(lambda: sum(1 for _ in anonlink.solving.greedy_solve(solver_inputs[question["name"]])))
    return {"seconds": seconds, "groups": groups}


def parse(question):
    with open(question["path"]) as file:
        text = file.read()

    def work():
        rows = []
        for item in json.loads(text)["clks"]:
            row = bitarray()
            row.frombytes(base64.b64decode(item))
            rows.append(row)
        return rows

    seconds, rows = timed(work)
    return {"seconds": seconds, "rows": len(rows)}


for line in sys.stdin:
    question = json.loads(line)
    print(json.dumps(globals()[question["ask"]](question)), flush=True)
