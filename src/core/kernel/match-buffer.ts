import type { MatchCollector } from "./match-collector.js";
import type { WasmMemory } from "./wasm-memory.js";

/** The kernels' output buffer, in kernel memory: `Matches` of assembly/rows.ts. */
export class MatchBuffer {
  /** The address of the buffer's fields, for the kernels. */
  readonly fields: number;
  readonly #memory: WasmMemory;
  readonly #left: number;
  readonly #right: number;
  readonly #scores: number;

  constructor(memory: WasmMemory, capacity: number) {
    this.#memory = memory;
    this.#left = memory.allocate(4 * capacity);
    this.#right = memory.allocate(4 * capacity);
    this.#scores = memory.allocate(8 * capacity);
    this.fields = memory.allocateFields(this.#left, this.#right, this.#scores, capacity, 0);
  }

  /** Moves the matches that a kernel has written to the collector. */
  drainTo(matches: MatchCollector): void {
    const { u32, f64 } = this.#memory;
    const countIndex = (this.fields >>> 2) + 4;
    const count = u32[countIndex]!;
    u32[countIndex] = 0;
    if (count === 0) return;
    matches.add(
      u32.subarray(this.#left >>> 2, (this.#left >>> 2) + count),
      u32.subarray(this.#right >>> 2, (this.#right >>> 2) + count),
      f64.subarray(this.#scores >>> 3, (this.#scores >>> 3) + count),
    );
  }
}
