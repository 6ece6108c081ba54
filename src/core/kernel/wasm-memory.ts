import { LinkageError } from "../errors.js";

const PAGE_BYTES = 65536;
/** The modules' scratch memory and static data are below this address. */
const FIRST_ADDRESS = 2 * PAGE_BYTES;

/**
 * The memory of one thread's kernels: a bump allocator that frees everything back to a mark, and views that are renewed
 * when the memory grows.
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
  /** A view of 32-bit words; the index is the address divided by 4. */
  get u32(): Uint32Array {
    return this.#u32;
  }
  get i64(): BigInt64Array {
    return this.#i64;
  }
  get f64(): Float64Array {
    return this.#f64;
  }

  /** The end of everything allocated so far; pass it to {@link release} to free later allocations. */
  get mark(): number {
    return this.#next;
  }

  /** Frees everything allocated since the mark. */
  release(mark: number): void {
    this.#next = mark;
  }

  /** Allocates `byteLength` uninitialized bytes, at a multiple of 16. */
  allocate(byteLength: number): number {
    const address = this.#next;
    this.#next = address + Math.ceil(byteLength / 16) * 16;
    // 64 bytes of slack: vector loads and stores may touch the bytes just after the last item.
    const missing = this.#next + 64 - this.memory.buffer.byteLength;
    if (missing > 0) this.#grow(Math.ceil(missing / PAGE_BYTES));
    return address;
  }

  /** Allocates and fills u32 fields in the layout of the kernels' `@unmanaged` classes. */
  allocateFields(...fields: number[]): number {
    const address = this.allocate(4 * fields.length);
    this.setFields(address, fields);
    return address;
  }

  setFields(address: number, fields: readonly number[]): void {
    this.#u32.set(fields, address >>> 2);
  }

  /** Copies 32-bit numbers into new memory. */
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
        `The JavaScript engine refused a kernel ${(pages * PAGE_BYTES) / 2 ** 20} MiB more memory.`,
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
