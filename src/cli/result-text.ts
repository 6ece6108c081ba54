import { type CandidatePairs, type Groups, type Permutations, writeCandidateFile } from "../library/node.js";
import type { Output } from "./write-output.js";

/** Items in one piece of output: a few hundred kilobytes. */
const ITEMS_PER_PIECE = 8192;

/** Ids to add to the records, if the user has given any: one list for each party. */
export type Ids = readonly (readonly string[])[] | undefined;

/** `{"groups":[[[party,row], …], …]}`, as in the REST API. */
export function groupsAsJson(groups: Groups): Output {
  return jsonList("groups", groups.starts.length - 1, (group) => {
    const records: string[] = [];
    for (let n = groups.starts[group]!; n < groups.starts[group + 1]!; n++) {
      records.push(`[${groups.datasets[n]},${groups.records[n]}]`);
    }
    return `[${records.join(",")}]`;
  });
}

/** `{"similarity_scores":[[[party,row],[party,row],score], …]}`, as in the REST API. */
export function scoresAsJson(pairs: CandidatePairs): Output {
  return jsonList("similarity_scores", pairs.scores.length, (n) => {
    const left = `[${pairs.leftDatasets[n]},${pairs.leftRecords[n]}]`;
    return `[${left},[${pairs.rightDatasets[n]},${pairs.rightRecords[n]}],${pairs.scores[n]}]`;
  });
}

/** `{"mask":[…],"permutations":[[…],[…]]}`: what the REST API returns to the analyst and to the two parties. */
export function permutationsAsJson({ mask, permutations }: Permutations): Output {
  return jsonPermutations(mask, permutations);
}

function* jsonPermutations(
  mask: Uint8Array,
  [first, second]: Permutations["permutations"],
): Generator<string> {
  yield '{"mask":[';
  yield* joined(mask.length, (n) => `${mask[n]}`);
  yield '],"permutations":[[';
  yield* joined(first.length, (n) => `${first[n]}`);
  yield "],[";
  yield* joined(second.length, (n) => `${second[n]}`);
  yield "]]}\n";
}

/** One line per record of a group. */
export function groupsAsCsv(groups: Groups, ids: Ids): Output {
  return lines(`group,party,row${ids ? ",id" : ""}`, groups.starts.length - 1, (group) => {
    let text = "";
    for (let n = groups.starts[group]!; n < groups.starts[group + 1]!; n++) {
      const [party, row] = [groups.datasets[n]!, groups.records[n]!];
      text += `${group},${party},${row}${idColumn(ids, party, row)}\n`;
    }
    return text;
  });
}

/** One line per candidate pair, with the score in full double precision. */
export function scoresAsCsv(pairs: CandidatePairs, ids: Ids): Output {
  const header = ids ? "party_a,row_a,id_a,party_b,row_b,id_b,score" : "party_a,row_a,party_b,row_b,score";
  return lines(header, pairs.scores.length, (n) => {
    const [partyA, rowA] = [pairs.leftDatasets[n]!, pairs.leftRecords[n]!];
    const [partyB, rowB] = [pairs.rightDatasets[n]!, pairs.rightRecords[n]!];
    const a = `${partyA},${rowA}${idColumn(ids, partyA, rowA)}`;
    const b = `${partyB},${rowB}${idColumn(ids, partyB, rowB)}`;
    return `${a},${b},${pairs.scores[n]}\n`;
  });
}

/** One line per record of either party: its new position, and whether the mask marks it. */
export function permutationsAsCsv({ mask, permutations }: Permutations, ids: Ids): Output {
  const [first, second] = permutations;
  return lines(`party,row${ids ? ",id" : ""},new_row,matched`, first.length + second.length, (n) => {
    const party = n < first.length ? 0 : 1;
    const row = party === 0 ? n : n - first.length;
    const place = permutations[party][row]!;
    return `${party},${row}${idColumn(ids, party, row)},${place},${mask[place] ?? 0}\n`;
  });
}

/** The candidate file: see the library's `writeCandidateFile`. */
export function scoresAsBinary(pairs: CandidatePairs): Output {
  return writeCandidateFile(pairs);
}

function idColumn(ids: Ids, party: number, row: number): string {
  if (ids === undefined) return "";
  const id = ids[party]![row]!;
  return /[",\r\n]/.test(id) ? `,"${id.replaceAll('"', '""')}"` : `,${id}`;
}

function* jsonList(name: string, count: number, itemText: (n: number) => string): Generator<string> {
  yield `{"${name}":[`;
  yield* joined(count, itemText);
  yield "]}\n";
}

/** The strings of `count` items, joined with commas, in pieces. */
function* joined(count: number, itemText: (n: number) => string): Generator<string> {
  for (let from = 0; from < count; from += ITEMS_PER_PIECE) {
    const length = Math.min(ITEMS_PER_PIECE, count - from);
    const items = Array.from({ length }, (_, n) => itemText(from + n));
    yield (from > 0 ? "," : "") + items.join(",");
  }
}

function* lines(header: string, count: number, lineText: (n: number) => string): Generator<string> {
  yield `${header}\n`;
  for (let from = 0; from < count; from += ITEMS_PER_PIECE) {
    let text = "";
    for (let n = from; n < Math.min(count, from + ITEMS_PER_PIECE); n++) text += lineText(n);
    yield text;
  }
}
