import { instantiate } from "@assemblyscript/loader";
import { BIT_SLICED_WASM, SCALAR_WASM } from "./kernel-wasm.generated.js";
import type { WasmMemory } from "./wasm-memory.js";

/** The compiled kernels; a missing one cannot run here. They can be posted to other threads. */
export interface WasmModules {
  readonly scalar?: WebAssembly.Module;
  readonly bitSliced?: WebAssembly.Module;
}

/** The exports of the scalar module; all numbers are addresses or counts. */
export interface ScalarExports extends Record<string, unknown> {
  popcounts(rows: number, count: number, words: number, from: number, target: number): void;
  compareRows(
    left: number,
    leftTails: number,
    leftFrom: number,
    leftTo: number,
    right: number,
    rightTails: number,
    rightFrom: number,
    rightTo: number,
    words: number,
    leastOverlap: number,
    matches: number,
  ): number;
  compareBlocks(
    blocks: number,
    blockFrom: number,
    blockTo: number,
    left: number,
    leftTails: number,
    right: number,
    rightTails: number,
    words: number,
    leastOverlap: number,
    matches: number,
  ): number;
  sortMatches(matches: number, first: number, second: number, counters: number): number;
}

type ComparePass = (
  pass: number,
  list: number,
  sliced: number,
  from: number,
  to: number,
  matches: number,
) => void;

/** The exports of the bit-sliced module. */
export interface BitSlicedExports extends Record<string, unknown> {
  prepareBitSliced(): void;
  countColumns(rows: number, count: number, step: number, words: number, target: number): void;
  slice(rows: number, blocks: number, words: number, ranks: number, planes: number): void;
  listColumns(planes: number, count: number, words: number, lists: number, length: number): number;
  compare5: ComparePass;
  compare6: ComparePass;
  compare7: ComparePass;
  compare8: ComparePass;
  compare9: ComparePass;
}

let compiled: Promise<WasmModules> | undefined;

/** Compiles the embedded kernels, once. A module is undefined if WASM or SIMD is missing or forbidden. */
export function compileModules(): Promise<WasmModules> {
  compiled ??= Promise.all([compile(SCALAR_WASM), compile(BIT_SLICED_WASM)]).then(([scalar, bitSliced]) => ({
    scalar,
    bitSliced,
  }));
  return compiled;
}

async function compile(base64: string): Promise<WebAssembly.Module | undefined> {
  try {
    return await WebAssembly.compile(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));
  } catch {
    return undefined;
  }
}

/** Instantiates a module on a thread's memory. */
export async function instantiateOn<T extends Record<string, unknown>>(
  module: WebAssembly.Module,
  memory: WasmMemory,
): Promise<T> {
  const instance = await instantiate<T>(module, { env: { memory: memory.memory } });
  return instance.exports;
}
