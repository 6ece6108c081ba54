"""Queries for projects, their parties and their blocks."""
import collections
import itertools

from .stores import Missing, one


def exists(cursor, project_id):
    return one(
        cursor, "SELECT 1 FROM projects WHERE project_id = %s AND NOT marked_for_deletion", (project_id,)) is not None


def run_exists(cursor, project_id, run_id):
    return one(cursor, "SELECT 1 FROM runs WHERE project = %s AND run_id = %s", (project_id, run_id)) is not None


def column(cursor, project_id, name):
    cursor.execute(f"SELECT {name} FROM projects WHERE project_id = %s", (project_id,))
    row = cursor.fetchone()
    if row is None:
        raise Missing(f"project {project_id}")
    return row[0]


def parties(cursor, project_id):
    """Returns the ids of the parties that have uploaded."""
    cursor.execute(
        "SELECT id FROM dataproviders WHERE project = %s AND uploaded = 'done' ORDER BY id", (project_id,))
    return [party for party, in cursor]


def is_complete(cursor, project_id, ready):
    """Whether all parties have uploaded; with `ready`, whether all their data is stored as well."""
    count = one(
        cursor,
        """SELECT count(*) FROM dataproviders JOIN uploads ON dp = dataproviders.id
           WHERE project = %s AND uploaded = 'done' AND (state = 'ready' OR NOT %s)""", (project_id, ready))
    return count == column(cursor, project_id, "parties")


def dataset_sizes(cursor, project_id):
    return [count for _, count in _uploads(cursor, project_id, "count")]


def encoding_sizes(cursor, project_id):
    """Returns pairs of a party's id and the byte length of its encodings."""
    return _uploads(cursor, project_id, "encoding_size")


def _uploads(cursor, project_id, name):
    cursor.execute(
        f"""SELECT dp, uploads.{name} FROM dataproviders JOIN uploads ON dp = dataproviders.id
            WHERE project = %s ORDER BY dp""", (project_id,))
    return cursor.fetchall()


def schema_encoding_size(cursor, project_id):
    """Returns the project's encoding size in bytes, else that of its linkage schema, else None."""
    return one(
        cursor,
        """SELECT coalesce(encoding_size, (schema -> 'clkConfig' ->> 'l')::integer / 8)
           FROM projects WHERE project_id = %s""", (project_id,))


def blocks(cursor, dataprovider):
    """Returns the ids and sizes of a party's blocks by block name."""
    cursor.execute("SELECT block_name, block_id, count FROM blocks WHERE dp = %s", (dataprovider,))
    return {name.strip(): (block_id, count) for name, block_id, count in cursor}


def total_comparisons(cursor, project_id):
    cursor.execute(
        "SELECT block_name, count FROM blocks JOIN dataproviders ON dataproviders.id = dp WHERE project = %s",
        (project_id,))
    counts = collections.defaultdict(list)
    for name, count in cursor:
        counts[name].append(count)
    return sum(left * right for sizes in counts.values() for left, right in itertools.combinations(sizes, 2))
