import io
import itertools

import anonlink

from .. import run_state, settings
from ..stores import read
from .base_task import span, task
from .permutation import save_and_permute


@task("solver.solver_task")
def solver_task(similarity_scores_filename, project_id, run_id, dataset_sizes, parent_span):
    candidates = without_duplicates(
        anonlink.serialization.load_candidate_pairs(io.BytesIO(read(similarity_scores_filename))))
    count = len(candidates[0])
    if count > settings.SOLVER_MAX_CANDIDATE_PAIRS:
        run_state.fail(run_id, "Attempting to solve with more than the global limit of candidate pairs.")
        return
    groups = anonlink.solving.greedy_solve(candidates) if count > 0 else []
    result = {"groups": [[list(record) for record in group] for group in groups], "datasetSizes": dataset_sizes}
    save_and_permute.delay(result, project_id, run_id, span())


def without_duplicates(candidates):
    """Removes duplicate pairs, which are adjacent because candidates are sorted."""
    scores, datasets, records = candidates
    columns = (scores, *datasets, *records)
    rows = [row for row, _ in itertools.groupby(zip(*columns))]
    unique = [type(column)(column.typecode, values) for column, values in zip(columns, zip(*rows))] if rows else columns
    scores, *others = unique
    return scores, tuple(others[:2]), tuple(others[2:])
