import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { sortCandidatePairs } from "../../src/core/candidates/sort-candidates.js";
import { type CandidatePairs, candidateFileBytes, solveGreedy } from "../../src/library/node.js";
import { seededRandom } from "../../test/random-clks.js";
import { alternately, type Bench, type Cell, type Section } from "../measure.js";

/** The greedy solver on pairs like those of a linkage: true pairs with high scores, chance pairs with low ones. */
export async function solverSection(bench: Bench): Promise<Section> {
  const cells: Cell[] = [];
  const million = bench.quick ? 100_000 : 1_000_000;
  const cases = [
    { parties: 2, pairs: million, aim: 100 },
    { parties: 2, pairs: 5 * million, aim: 100 },
    { parties: 3, pairs: million, aim: 3 },
    { parties: 3, pairs: 5 * million, aim: 3 },
  ];
  for (const { parties, pairs: count, aim } of cases) {
    const pairs = chancePairs(parties, count);
    const name = `${parties} parties, ${count.toLocaleString("en-US")} pairs`;
    const path = fileURLToPath(new URL("../../.cache/bench/solver.bin", import.meta.url));
    writeFileSync(path, candidateFileBytes(pairs));
    await bench.peer?.ask({ ask: "load_pairs", name, path });
    const options = { countName: "groups", aim, warmUps: 2 };
    cells.push(
      await alternately(
        bench,
        name,
        () => solveGreedy(pairs).starts.length - 1,
        { ask: "solve", name },
        options,
      ),
    );
  }
  const about = "Our `solveGreedy` against anonlink's `greedy_solve` (C++) on the same candidate pairs.";
  return { title: "Solver", about, cells };
}

/** Half of the pairs are true (record i of each party), half are chance pairs with lower scores. */
function chancePairs(parties: number, count: number): CandidatePairs {
  const random = seededRandom(count + parties);
  const people = Math.ceil((2 * count) / (parties * (parties - 1)));
  const seen = new Set<number>(); // anonlink counts a repeated pair twice, and no comparison repeats one
  const columns = [0, 1, 2, 3].map(() => new Uint32Array(count));
  const scores = new Float64Array(count);
  for (let n = 0; n < count; ) {
    const left = Math.floor(random() * (parties - 1));
    const right = left + 1 + Math.floor(random() * (parties - 1 - left));
    const isTrue = n < count / 2;
    const person = isTrue && parties === 2 ? n : Math.floor(random() * people);
    const row = [left, right, person, isTrue ? person : Math.floor(random() * people)] as const;
    const key = ((left * parties + right) * people + person) * people + row[3];
    if (seen.has(key)) continue;
    seen.add(key);
    row.forEach((value, column) => {
      columns[column]![n] = value;
    });
    scores[n] = Math.round((isTrue ? 0.8 + 0.2 * random() : 0.7 + 0.15 * random()) * 2048) / 2048;
    n++;
  }
  const [leftDatasets, rightDatasets, leftRecords, rightRecords] = columns as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ];
  return sortCandidatePairs({ scores, leftDatasets, rightDatasets, leftRecords, rightRecords });
}
