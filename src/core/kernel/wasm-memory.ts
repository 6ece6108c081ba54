import { LinkageError } from "../errors.js";

const PAGE_BYTES = 65536;
/** Below are the modules' own scratch memory and static data. */
const FIRST_ADDRESS = 2 * PAGE_BYTES;

/**
 * The memory of one thread's kernels: an allocator that only goes up, emptied as a whole, and views that follow the
 * memory when it grows.
 */
export class WasmMemory {
  readonly memory = new WebAssembly.Memory({ initial: FIRST_ADDRESS / PAGE_BYTES });
  #next = FIRST_ADDRESS;
  #u8 = new Uint8Array(this.memory.buffer);
  #u16 = new Uint16Array(this.memory.buffer);
  #u32 = new Uint32Array(this.memory.buffer);
  #i64 = new BigInt64Array(this.memory.buffer);
  #f64 = new Float64Array(this.memory.buffer);

  get u8(): Uint8Array {
    return this.#u8;
  }
  get u16(): Uint16Array {
    return this.#u16;
  }
  /** Views of 32-bit words; the index is the address divided by 4. */
  get u32(): Uint32Array {
    return this.#u32;
  }
  get i64(): BigInt64Array {
    return this.#i64;
  }
  get f64(): Float64Array {
    return this.#f64;
  }

  /** The address behind everything allocated so far; hand it to {@link release} to free what comes after. */
  get mark(): number {
    return this.#next;
  }

  /** Frees everything allocated since the mark. */
  release(mark: number): void {
    this.#next = mark;
  }

  /** Allocates `byteLength` bytes, of any content, at a multiple of 16. */
  allocate(byteLength: number): number {
    const address = this.#next;
    this.#next = address + Math.ceil(byteLength / 16) * 16;
    // 64 bytes of slack: vector loads and stores may touch what lies right behind the last item.
    const missing = this.#next + 64 - this.memory.buffer.byteLength;
    if (missing > 0) this.#grow(Math.ceil(missing / PAGE_BYTES));
    return address;
  }

  /** Allocates and fills u32 fields, as the `@unmanaged` classes of the kernels read them. */
  allocateFields(...fields: number[]): number {
    const address = this.allocate(4 * fields.length);
    this.setFields(address, fields);
    return address;
  }

  setFields(address: number, fields: readonly number[]): void {
    this.#u32.set(fields, address >>> 2);
  }

  /** Copies numbers into new memory, 32 bits each. */
  allocateWords(words: Int32Array | Uint32Array): number {
    const address = this.allocate(words.byteLength);
    this.#u32.set(words, address >>> 2);
    return address;
  }

  #grow(pages: number): void {
    try {
      this.memory.grow(pages);
    } catch {
      throw new LinkageError(
        "kernel-unavailable",
        "memory",
        `${(pages * PAGE_BYTES) / 2 ** 20} MiB more of it for a kernel`,
        "a refusal from the engine",
      );
    }
    const buffer = this.memory.buffer;
    this.#u8 = new Uint8Array(buffer);
    this.#u16 = new Uint16Array(buffer);
    this.#u32 = new Uint32Array(buffer);
    this.#i64 = new BigInt64Array(buffer);
    this.#f64 = new Float64Array(buffer);
  }
}
