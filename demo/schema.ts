/**
 * How people are encoded as CLKs, as a clkhash linkage schema, version 3: `JSON.stringify(linkageSchema(10))` is a
 * schema file for clkhash, with which clkhash produces the same CLKs as clk-encoder.ts.
 */
import type { Person } from "./people.js";

/** The parts of clkhash's linkage schema, version 3, that the demo uses. */
export interface LinkageSchema {
  readonly version: 3;
  readonly clkConfig: {
    /** Bits in one CLK. */
    readonly l: number;
    readonly xorFolds: 0;
    /** Derives a pair of keys per field from the secret; `info` and `salt` are base64, `keySize` is in bytes. */
    readonly kdf: {
      readonly type: "HKDF";
      readonly hash: "SHA256";
      readonly info: string;
      readonly salt: string;
      readonly keySize: number;
    };
  };
  readonly features: readonly LinkageFeature[];
}

/** One field of a record, in the schema's order, which is also the order of the derived keys. */
export interface LinkageFeature {
  readonly identifier: keyof Person;
  readonly format: { readonly type: "string"; readonly encoding: "utf-8" };
  readonly hashing: {
    readonly comparison: { readonly type: "ngram"; readonly n: 2; readonly positional: false };
    readonly hash: { readonly type: "doubleHash" };
    /** How many bits each bigram sets. */
    readonly strategy: { readonly bitsPerToken: number };
  };
}

/**
 * The weight of a bigram in each field: people keep their names and date of birth for life, but may move house together
 * with others. Weights are rounded to whole bits at a different point in each field, so that a fraction of a hash more
 * or less makes a difference.
 */
const FIELD_WEIGHTS: Readonly<Record<keyof Person, number>> = {
  givenName: 1.4,
  middleInitial: 1.1,
  familyName: 1.3,
  dateOfBirth: 1.5,
  houseNumber: 1,
  street: 0.65,
  town: 0.7,
  postcode: 0.9,
  phone: 0.8,
};

/** The names of the fields, in the order of the schema and of a CSV file for it. */
export const FIELD_NAMES = Object.freeze(Object.keys(FIELD_WEIGHTS) as (keyof Person)[]);

/**
 * The schema of the demo's people.
 *
 * @param hashesPerBigram bits that a bigram sets in a field of weight 1, more than 0; fractions are allowed. More bits
 * increase the share of ones in a CLK.
 */
export function linkageSchema(hashesPerBigram: number): LinkageSchema {
  if (!(hashesPerBigram > 0 && hashesPerBigram < Infinity)) {
    throw new RangeError(`hashesPerBigram must be a number above 0, not ${hashesPerBigram}.`);
  }
  return {
    version: 3,
    clkConfig: {
      l: 1024,
      xorFolds: 0,
      kdf: {
        type: "HKDF",
        hash: "SHA256",
        info: toBase64("anonlink-wasm demo"),
        salt: toBase64("a salt is not a secret"),
        keySize: 64,
      },
    },
    features: FIELD_NAMES.map((identifier) => ({
      identifier,
      format: { type: "string", encoding: "utf-8" },
      hashing: {
        comparison: { type: "ngram", n: 2, positional: false },
        hash: { type: "doubleHash" },
        strategy: { bitsPerToken: Math.max(1, Math.round(FIELD_WEIGHTS[identifier] * hashesPerBigram)) },
      },
    })),
  };
}

function toBase64(text: string): string {
  return Buffer.from(text).toString("base64");
}
