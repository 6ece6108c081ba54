"""Divides the comparisons of a project into packages: small blocks are combined, large ones split by anonlink."""
import itertools

import anonlink

from . import projects

MAX_PAIRS_IN_PACKAGE = 100_000


def packages_of(cursor, project_id, aim):
    parties = projects.parties(cursor, project_id)
    if len(parties) < 2:
        raise AssertionError("a run needs the uploads of two parties or more")
    blocks = {party: projects.blocks(cursor, party) for party in parties}
    packages, package, size = [], [], 0
    for left, right in itertools.combinations(parties, 2):
        for name in blocks[left].keys() & blocks[right].keys():
            (left_block, left_count), (right_block, right_count) = blocks[left][name], blocks[right][name]

            def pair(left_range, right_range):
                return [
                    side(left, parties.index(left), left_block, left_range),
                    side(right, parties.index(right), right_block, right_range)]

            comparisons = left_count * right_count
            if comparisons > aim:
                if package:
                    packages.append(package)
                    package, size = [], 0
                for chunk in anonlink.concurrency.split_to_chunks(aim, dataset_sizes=(left_count, right_count)):
                    packages.append([pair(*(part["range"] for part in chunk))])
            elif size + comparisons <= aim and len(package) < MAX_PAIRS_IN_PACKAGE:
                package.append(pair([0, left_count], [0, right_count]))
                size += comparisons
            else:
                packages.append(package)
                package, size = [pair([0, left_count], [0, right_count])], comparisons
    if package:
        packages.append(package)
    return packages


def side(dataprovider, index, block_id, rows):
    return {"dataproviderId": dataprovider, "datasetIndex": index, "block_id": block_id, "range": list(rows)}
