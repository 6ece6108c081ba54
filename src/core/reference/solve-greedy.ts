import type { CandidatePairs } from "../candidate-pairs.js";

type Member = [dataset: number, row: number];
type Group = Set<string>;

/**
 * The greedy solver written directly from its rule, with maps and sets: the slow test oracle of solve-greedy.ts.
 *
 * @param pairs in the total order; not checked
 * @returns groups of two or more records as `[data set, record]`; records ascend in a group, groups by their first
 *   record
 */
export function solveGreedyReference(pairs: CandidatePairs): Member[][] {
  const groupOf = new Map<string, Group>();
  const seen = new Set<string>();

  for (let i = 0; i < pairs.scores.length; i++) {
    const left = `${pairs.leftDatasets[i]}/${pairs.leftRecords[i]}`;
    const right = `${pairs.rightDatasets[i]}/${pairs.rightRecords[i]}`;
    seen.add(`${left} ${right}`);
    seen.add(`${right} ${left}`);

    const leftGroup = groupOf.get(left) ?? new Set([left]);
    const rightGroup = groupOf.get(right) ?? new Set([right]);
    const allSeen = [...leftGroup].every((a) => [...rightGroup].every((b) => seen.has(`${a} ${b}`)));
    // There is nothing to merge within one group, or for a pair of a record with itself.
    if (leftGroup === rightGroup || left === right || !allSeen) continue;

    const merged: Group = new Set([...leftGroup, ...rightGroup]);
    for (const record of merged) groupOf.set(record, merged);
  }

  return [...new Set(groupOf.values())]
    .map((group) => [...group].map(parseMember).sort(compareMembers))
    .sort((a, b) => compareMembers(a[0]!, b[0]!));
}

function parseMember(record: string): Member {
  const [dataset, row] = record.split("/").map(Number);
  return [dataset!, row!];
}

function compareMembers(a: Member, b: Member): number {
  return a[0] - b[0] || a[1] - b[1];
}
