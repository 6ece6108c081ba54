import { LinkageError } from "../errors.js";
import { ReferenceKernel } from "../reference/reference-kernel.js";
import { BitSlicedKernel } from "./bit-sliced-kernel.js";
import type { Kernel, KernelName } from "./kernel.js";
import { ScalarKernel } from "./scalar-kernel.js";
import { WasmMemory } from "./wasm-memory.js";
import {
  type BitSlicedExports,
  instantiateOn,
  type ScalarExports,
  type WasmModules,
} from "./wasm-modules.js";

/** Matches that a scalar kernel's buffer holds. */
const SCALAR_BUFFER_CAPACITY = 2 ** 18;

/** The kernels that can run on one thread, over one memory. */
export class Kernels {
  readonly #byName: ReadonlyMap<KernelName, Kernel>;

  private constructor(kernels: readonly Kernel[]) {
    this.#byName = new Map(kernels.map((kernel) => [kernel.name, kernel]));
  }

  /** Instantiates what the modules allow; the reference kernel is always there. */
  static async load(modules: WasmModules): Promise<Kernels> {
    const kernels: Kernel[] = [new ReferenceKernel()];
    if (modules.scalar !== undefined) {
      const memory = new WasmMemory();
      const scalar = new ScalarKernel(
        await instantiateOn<ScalarExports>(modules.scalar, memory),
        memory,
        SCALAR_BUFFER_CAPACITY,
      );
      kernels.push(scalar);
      if (modules.bitSliced !== undefined) {
        const wasm = await instantiateOn<BitSlicedExports>(modules.bitSliced, memory);
        kernels.push(new BitSlicedKernel(wasm, memory, scalar));
      }
    }
    return new Kernels(kernels);
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
        "kernel",
        `one that runs here (${[...this.#byName.keys()].join(", ")})`,
        name,
      );
    }
    return kernel;
  }
}
