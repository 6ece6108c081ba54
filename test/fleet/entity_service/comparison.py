"""Compares the encodings of a package, and creates and merges candidate files."""
import array
import io
import itertools

import anonlink
from bitarray import bitarray

from . import settings

HEADER_LENGTH = 4


def load(cursor, side, uses_range):
    """Returns the entity ids and encodings of a side: of a range of its block, or of the whole block."""
    start, end = side["range"] if uses_range else (0, None)
    cursor.execute(
        """SELECT encoding FROM encodingblocks JOIN encodings USING (encoding_id)
           WHERE encodingblocks.dp = %s AND block_id = %s ORDER BY entity_id OFFSET %s LIMIT %s""",
        (side["dataproviderId"], side["block_id"], start, None if end is None else end - start))
    ids, encodings = [], []
    for row, in cursor:
        encoding = bitarray()
        encoding.frombytes(bytes(row)[4:])
        encodings.append(encoding)
        ids.append(int.from_bytes(row[:4], "big"))
    if not ids:
        raise AssertionError("a side of the package has no encodings")
    return ids, encodings


def compare(cursor, pair, threshold, uses_range):
    """Returns a candidate file, or None without candidates; the number of candidates; and the number of comparisons."""
    left, right = pair
    left_ids, left_encodings = load(cursor, left, uses_range)
    right_ids, right_encodings = load(cursor, right, uses_range)
    k = None if settings.ALL_CANDIDATES else min(len(left_ids), len(right_ids))
    scores, (left_rows, right_rows) = anonlink.similarities.dice_coefficient_accelerated(
        (left_encodings, right_encodings), threshold, k=k)
    comparisons = len(left_ids) * len(right_ids)
    if len(scores) == 0:
        return None, 0, comparisons
    datasets = tuple(array.array("I", [side["datasetIndex"]]) * len(scores) for side in pair)
    records = (
        array.array("I", [left_ids[row] for row in left_rows]), array.array("I", [right_ids[row] for row in right_rows]))
    return candidate_file((scores, datasets, records)), len(scores), comparisons


def candidate_file(candidates):
    file = io.BytesIO()
    anonlink.serialization.dump_candidate_pairs(candidates, file)
    return file.getvalue()


def empty_candidate_file():
    nothing = (array.array("I"), array.array("I"))
    return candidate_file((array.array("d"), nothing, nothing))


def merge(files):
    out = io.BytesIO()
    anonlink.serialization.merge_streams([io.BytesIO(file) for file in files], out)
    return out.getvalue()


def merge_unique(files):
    """Like merge, but keeps only one of several equal candidate pairs, which are adjacent in a sorted file."""
    merged, _ = anonlink.serialization.merge_streams_iter([io.BytesIO(file) for file in files])
    return b"".join(entry for entry, _ in itertools.groupby(merged))
