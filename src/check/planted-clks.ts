import { randomBytes, randomInt } from "node:crypto";

/** CLKs as raw bytes, all of one length. */
export interface Clks {
  readonly bytes: Uint8Array;
  readonly byteLength: number;
}

/** The records of one person: `[party, row]`. */
export type Group = readonly (readonly [party: number, row: number])[];

export interface PlantedClks {
  readonly parties: readonly Clks[];
  /** People that two or more parties have in common: exactly what a linkage must find. */
  readonly groups: readonly Group[];
}

export interface PlantOptions {
  /** Records of each party. */
  readonly rowCounts: readonly number[];
  /** People that the first parties have in common: `sharedBy[2]` by the first two, `sharedBy[3]` by the first three. */
  readonly sharedBy: Readonly<Record<number, number>>;
  readonly byteLength?: number;
}

/** Bits flipped each time a person is encoded, per thousand bits of a CLK. */
const FLIPPED_PER_MILLE = 20;

/** A threshold that finds the truth: random CLKs of 1024 bits score 0.5 ± 0.02, those of one person 0.94 or more. */
export const SAFE_THRESHOLD = 0.8;

/** Parties with random CLKs. Some people are the same, with a few bits flipped, at random positions. */
export function plantClks({ rowCounts, sharedBy, byteLength = 128 }: PlantOptions): PlantedClks {
  const rows: Uint8Array[][] = rowCounts.map(() => []);
  const persons: (number | undefined)[][] = rowCounts.map(() => []);
  let personCount = 0;
  for (const [partyCount, count] of Object.entries(sharedBy)) {
    for (let n = 0; n < count; n++) {
      const clk = randomBytes(byteLength);
      for (let party = 0; party < Number(partyCount); party++) {
        rows[party]!.push(flipBits(clk));
        persons[party]!.push(personCount);
      }
      personCount++;
    }
  }
  const groups: [number, number][][] = Array.from({ length: personCount }, () => []);
  const parties = rowCounts.map((rowCount, party): Clks => {
    const order = shuffled(rowCount);
    const bytes = new Uint8Array(rowCount * byteLength);
    for (let n = 0; n < rowCount; n++) {
      const row = order[n]!;
      bytes.set(rows[party]![n] ?? randomBytes(byteLength), row * byteLength);
      const person = persons[party]![n];
      if (person !== undefined) groups[person]!.push([party, row]);
    }
    return { bytes, byteLength };
  });
  return { parties, groups };
}

/** Random CLKs that no other party has. */
export function randomClks(rowCount: number, byteLength = 128): Clks {
  return { bytes: randomBytes(rowCount * byteLength), byteLength };
}

/** Each CLK in base64. */
export function base64Rows({ bytes, byteLength }: Clks): string[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.byteLength / byteLength }, (_, row) =>
    buffer.toString("base64", row * byteLength, (row + 1) * byteLength),
  );
}

export function rowCountOf({ bytes, byteLength }: Clks): number {
  return bytes.byteLength / byteLength;
}

function flipBits(clk: Uint8Array): Uint8Array {
  const copy = new Uint8Array(clk);
  const flips = Math.floor((8 * clk.byteLength * FLIPPED_PER_MILLE) / 1000);
  for (let n = 0; n < flips; n++) {
    const bit = randomInt(8 * clk.byteLength);
    copy[bit >> 3]! ^= 1 << (bit & 7);
  }
  return copy;
}

/** The numbers below `count` in random order. */
function shuffled(count: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, n) => n);
  for (let n = count - 1; n > 0; n--) {
    const other = randomInt(n + 1);
    [order[n], order[other]] = [order[other]!, order[n]!];
  }
  return order;
}
