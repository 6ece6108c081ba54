/**
 * Encodes people as CLKs (cryptographic longterm keys: keyed Bloom filters of bigrams), bit for bit like clkhash.
 * Each party runs this where its data is stored; only the CLKs leave its premises.
 */
import { createHmac, hkdfSync } from "node:crypto";
import { allocateBytes, type ClkDataset, createClkDataset } from "../src/core/clk-dataset.js";
import type { Person } from "./people.js";
import { type LinkageFeature, type LinkageSchema, linkageSchema } from "./schema.js";

export interface EncoderOptions {
  /** Bits that a bigram sets in a field of weight 1 (see schema.ts), more than 0. */
  readonly hashesPerBigram: number;
  /** Shared by the parties; no one else may know it. */
  readonly secret: string;
}

/** Encodes people in order, as one CLK of 1,024 bits each. */
export function encodePeople(
  people: readonly Person[],
  { hashesPerBigram, secret }: EncoderOptions,
): ClkDataset {
  return encodeWithSchema(people, linkageSchema(hashesPerBigram), secret);
}

/** Encodes people according to a linkage schema. */
export function encodeWithSchema(
  people: readonly Person[],
  schema: LinkageSchema,
  secret: string,
): ClkDataset {
  const bitLength = schema.clkConfig.l;
  const byteLength = bitLength / 8;
  const keys = deriveKeys(schema, secret);
  const encoders = schema.features.map((feature, i) => new FieldEncoder(feature, keys[i]!, bitLength));
  const bytes = allocateBytes(people.length * byteLength);
  for (let row = 0; row < people.length; row++) {
    const person = people[row]!;
    for (const encoder of encoders) encoder.encodeInto(bytes, row * byteLength, person);
  }
  return createClkDataset(bytes, byteLength);
}

interface FieldKeys {
  readonly sha1: Uint8Array;
  readonly md5: Uint8Array;
}

/** Two keys per field, consecutive parts of a single HKDF output. */
function deriveKeys(schema: LinkageSchema, secret: string): FieldKeys[] {
  const { hash, info, salt, keySize } = schema.clkConfig.kdf;
  const length = schema.features.length * 2 * keySize;
  const output = new Uint8Array(
    hkdfSync(hash.toLowerCase(), secret, Buffer.from(salt, "base64"), Buffer.from(info, "base64"), length),
  );
  return schema.features.map((_, i) => {
    const start = 2 * i * keySize;
    return {
      sha1: output.subarray(start, start + keySize),
      md5: output.subarray(start + keySize, start + 2 * keySize),
    };
  });
}

/** Sets the bits of one field. Caches the bits of every bigram, because a field has few different ones. */
class FieldEncoder {
  readonly #identifier: keyof Person;
  readonly #bitsPerToken: number;
  readonly #keys: FieldKeys;
  readonly #bitLength: number;
  readonly #positions = new Map<string, Uint32Array>();

  constructor(feature: LinkageFeature, keys: FieldKeys, bitLength: number) {
    this.#identifier = feature.identifier;
    this.#bitsPerToken = feature.hashing.strategy.bitsPerToken;
    this.#keys = keys;
    this.#bitLength = bitLength;
  }

  encodeInto(bytes: Uint8Array, offset: number, person: Person): void {
    for (const bigram of bigramsOf(person[this.#identifier])) {
      let positions = this.#positions.get(bigram);
      if (positions === undefined) {
        positions = this.#hash(bigram);
        this.#positions.set(bigram, positions);
      }
      for (const position of positions) {
        // Bit 0 is the highest bit of byte 0, as in clkhash's bit arrays.
        bytes[offset + (position >>> 3)]! |= 0x80 >>> (position & 7);
      }
    }
  }

  /** Double hashing: bit i of a bigram is at (SHA-1 + i · MD5) mod the CLK's length, both as HMACs. */
  #hash(bigram: string): Uint32Array {
    const first = hmacModulo("sha1", this.#keys.sha1, bigram, this.#bitLength);
    const step = hmacModulo("md5", this.#keys.md5, bigram, this.#bitLength);
    return Uint32Array.from({ length: this.#bitsPerToken }, (_, i) => (first + i * step) % this.#bitLength);
  }
}

/** The HMAC of a string as one large big-endian number, modulo `modulus`. */
function hmacModulo(algorithm: "sha1" | "md5", key: Uint8Array, text: string, modulus: number): number {
  const digest = createHmac(algorithm, key).update(text, "utf8").digest("hex");
  return Number(BigInt(`0x${digest}`) % BigInt(modulus));
}

/** "ann" → " a", "an", "nn", "n ". An empty field has no bigrams. Characters are code points. */
function bigramsOf(value: string): string[] {
  if (value === "") return [];
  const characters = [" ", ...value, " "];
  return characters.slice(1).map((character, i) => characters[i] + character);
}
