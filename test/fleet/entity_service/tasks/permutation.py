import random

import psycopg2.extras

from .. import projects
from ..stores import Missing, database, one
from .base_task import span, task
from .mark_run_complete import mark_run_complete
from .stats import calculate_comparison_rate


@task("permutation.save_and_permute")
def save_and_permute(similarity_result, project_id, run_id, parent_span):
    with database() as cursor:
        result_type = projects.column(cursor, project_id, "result_type")
        insert(
            cursor, "INSERT INTO run_results (run_id, result) VALUES (%s, %s)",
            (run_id, psycopg2.extras.Json(similarity_result["groups"])))
    if result_type == "permutations":
        left_size, right_size = similarity_result["datasetSizes"]
        permute_mapping_data.apply_async((project_id, run_id, left_size, right_size, span()))
    else:
        mark_run_complete.delay(run_id, span())
    calculate_comparison_rate.delay()


@task("permutation.permute_mapping_data")
def permute_mapping_data(project_id, run_id, len_filters1, len_filters2, parent_span):
    sizes = (len_filters1, len_filters2)
    with database() as cursor:
        groups = one(cursor, "SELECT result FROM run_results WHERE run_id = %s", (run_id,))
        if groups is None:
            raise Missing(f"run {run_id}")
        permutations, mask = permute(groups, sizes)
        for party, permutation in zip(projects.parties(cursor, project_id), permutations):
            insert(
                cursor, "INSERT INTO permutations (dp, run, permutation) VALUES (%s, %s, %s)",
                (party, run_id, psycopg2.extras.Json(permutation)))
        insert(
            cursor, "INSERT INTO permutation_masks (project, run, raw) VALUES (%s, %s, %s)",
            (project_id, run_id, psycopg2.extras.Json(mask)))
    mark_run_complete.delay(run_id, span())


def permute(groups, sizes):
    """Returns new positions for the records of two parties, equal for matching records, and a mask of the matches."""
    shared = list(range(min(sizes)))
    random.shuffle(shared)
    permutations = [[None] * size for size in sizes]
    for row, group in zip(shared, groups):
        for dataset, record in group:
            permutations[dataset][record] = row
    matched = set(shared[:len(groups)])
    for permutation, size in zip(permutations, sizes):
        rest = [row for row in range(size) if row not in matched]
        random.shuffle(rest)
        for record, row in enumerate(permutation):
            if row is None:
                permutation[record] = rest.pop()
    return permutations, [int(row in matched) for row in range(min(sizes))]


def insert(cursor, statement, values):
    try:
        cursor.execute(statement, values)
    except psycopg2.IntegrityError:
        raise Missing("the run or the project")
