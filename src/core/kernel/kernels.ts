import { concatPairs, type SimilarPairs } from "../candidates/similar-pairs.js";
import { sortSimilarPairs } from "../candidates/sort-similar-pairs.js";
import { LinkageError } from "../errors.js";
import { ReferenceKernel } from "../reference/reference-kernel.js";
import { BitSlicedKernel } from "./bit-sliced-kernel.js";
import type { Kernel, KernelName } from "./kernel.js";
import { MatchSorter } from "./match-sorter.js";
import { ScalarKernel } from "./scalar-kernel.js";
import { WasmMemory } from "./wasm-memory.js";
import {
  type BitSlicedExports,
  instantiateOn,
  type ScalarExports,
  type WasmModules,
} from "./wasm-modules.js";

/** Bytes of CLKs per tile, by kernel. */
export interface TileSizes {
  readonly scalar: number;
  readonly bitSliced: number;
}

const TILE_SIZES: TileSizes = { scalar: 2 ** 21, bitSliced: 2 ** 22 };

/** The kernels that can run on one thread, sharing one memory. */
export class Kernels {
  readonly #byName: ReadonlyMap<KernelName, Kernel>;
  readonly #sorter: MatchSorter | undefined;

  private constructor(kernels: readonly Kernel[], sorter: MatchSorter | undefined) {
    this.#byName = new Map(kernels.map((kernel) => [kernel.name, kernel]));
    this.#sorter = sorter;
  }

  /**
   * Instantiates the kernels whose modules are available; the reference kernel always is.
   *
   * @param tiles tile sizes, for tests; the default suits the caches of current processors
   */
  static async load(modules: WasmModules, tiles = TILE_SIZES): Promise<Kernels> {
    const kernels: Kernel[] = [new ReferenceKernel()];
    let sorter: MatchSorter | undefined;
    if (modules.scalar !== undefined) {
      const memory = new WasmMemory();
      const wasm = await instantiateOn<ScalarExports>(modules.scalar, memory);
      const scalar = new ScalarKernel(wasm, memory, tiles.scalar);
      kernels.push(scalar);
      sorter = new MatchSorter(wasm, memory);
      if (modules.bitSliced !== undefined) {
        const wasm = await instantiateOn<BitSlicedExports>(modules.bitSliced, memory);
        kernels.push(new BitSlicedKernel(wasm, memory, scalar, tiles.bitSliced));
      }
    }
    return new Kernels(kernels, sorter);
  }

  /** Sorts a kernel's matches by score descending, then left record and right record ascending. */
  sort(matches: readonly SimilarPairs[]): SimilarPairs {
    if (this.#sorter !== undefined) return this.#sorter.sort(matches);
    const { scores, leftRecords, rightRecords } = concatPairs(matches);
    return sortSimilarPairs(scores, leftRecords, rightRecords);
  }

  has(name: KernelName): boolean {
    return this.#byName.has(name);
  }

  /** @throws LinkageError `kernel-unavailable` */
  get(name: KernelName): Kernel {
    const kernel = this.#byName.get(name);
    if (kernel === undefined) {
      throw new LinkageError(
        "kernel-unavailable",
        `The ${name} kernel cannot run here (available: ${[...this.#byName.keys()].join(", ")}).`,
      );
    }
    return kernel;
  }
}
