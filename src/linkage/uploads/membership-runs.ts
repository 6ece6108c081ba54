import { BLOCK_HASH_LENGTH } from "./block-name-hash.js";
import type { SortedBlock } from "./membership-arena.js";
import type { SpillFile } from "./spill-file.js";

/** Memberships in a spill file: blocks in ascending order of hash, each as hash, record count and record indices. */
export interface MembershipRun {
  readonly from: number;
  readonly byteLength: number;
}

/** A block, or a piece of one: record indices, ascending. */
export interface BlockPiece extends SortedBlock {
  /** Records in the whole block. */
  readonly recordCount: number;
  readonly isFirst: boolean;
}

const HEADER_LENGTH = BLOCK_HASH_LENGTH + 4;
const WRITE_LENGTH = 1 << 17;

/** Writes a {@link MembershipRun}. */
export class RunWriter {
  private readonly from: number;
  private readonly buffer = new Uint8Array(WRITE_LENGTH);
  private used = 0;

  constructor(private readonly file: SpillFile) {
    this.from = file.byteLength;
  }

  async add({ hash, rows, recordCount, isFirst }: BlockPiece): Promise<void> {
    if (isFirst) {
      if (this.used + HEADER_LENGTH > this.buffer.length) await this.flush();
      this.buffer.set(hash, this.used);
      this.buffer.set(bytesOf(Uint32Array.of(recordCount)), this.used + BLOCK_HASH_LENGTH);
      this.used += HEADER_LENGTH;
    }
    let rest = bytesOf(rows);
    while (rest.length > this.buffer.length - this.used) {
      const fitting = this.buffer.length - this.used;
      this.buffer.set(rest.subarray(0, fitting), this.used);
      this.used += fitting;
      rest = rest.subarray(fitting);
      await this.flush();
    }
    this.buffer.set(rest, this.used);
    this.used += rest.length;
  }

  async end(): Promise<MembershipRun> {
    await this.flush();
    return { from: this.from, byteLength: this.file.byteLength - this.from };
  }

  private async flush(): Promise<void> {
    await this.file.append(this.buffer.subarray(0, this.used));
    this.used = 0;
  }
}

/** Reads a {@link MembershipRun}: block by block, and all records of each block. */
export class RunReader {
  /** Of the current block. */
  hash: Uint8Array<ArrayBuffer> = new Uint8Array(BLOCK_HASH_LENGTH);
  /** The first 32 bits of the hash. */
  hashPrefix = 0;
  /** Records in the current block. */
  recordCount = 0;
  /** Its next record indices, as a view of the buffer; empty only if {@link loadRows} is due or the block has ended. */
  rows: Uint32Array = new Uint32Array(0);
  private rowsLeft = 0;
  private readonly buffer: Uint8Array<ArrayBuffer>;
  private start = 0;
  private end = 0;
  private position: number;
  private readonly runEnd: number;

  /** @param bufferLength bytes to read at once, a multiple of 4, 64 or more */
  constructor(
    private readonly file: SpillFile,
    run: MembershipRun,
    bufferLength: number,
  ) {
    this.buffer = new Uint8Array(bufferLength);
    this.position = run.from;
    this.runEnd = run.from + run.byteLength;
  }

  /** Advances to the next block. Returns whether there is one. All records of the previous one must be taken. */
  async nextBlock(): Promise<boolean> {
    if (this.end - this.start < HEADER_LENGTH) {
      if (this.position === this.runEnd && this.start === this.end) return false;
      await this.fill();
    }
    this.hash = this.buffer.slice(this.start, this.start + BLOCK_HASH_LENGTH);
    this.hashPrefix = new DataView(this.hash.buffer).getUint32(0);
    this.recordCount = new Uint32Array(this.buffer.buffer, this.start + BLOCK_HASH_LENGTH, 1)[0]!;
    this.start += HEADER_LENGTH;
    this.rowsLeft = this.recordCount;
    this.takeBuffered();
    return true;
  }

  /** Whether all records of the block have been taken. */
  get hasEnded(): boolean {
    return this.rowsLeft === 0 && this.rows.length === 0;
  }

  /** Loads more records of the block if {@link rows} is empty. */
  async loadRows(): Promise<void> {
    if (this.rows.length > 0 || this.rowsLeft === 0) return;
    if (this.start === this.end) await this.fill();
    this.takeBuffered();
  }

  private takeBuffered(): void {
    const count = Math.min(this.rowsLeft, (this.end - this.start) / 4);
    this.rows = new Uint32Array(this.buffer.buffer, this.start, count);
    this.start += 4 * count;
    this.rowsLeft -= count;
  }

  private async fill(): Promise<void> {
    this.buffer.copyWithin(0, this.start, this.end);
    this.end -= this.start;
    this.start = 0;
    const length = Math.min(this.buffer.length - this.end, this.runEnd - this.position);
    await this.file.read(this.buffer.subarray(this.end), length, this.position);
    this.position += length;
    this.end += length;
  }
}

function bytesOf(numbers: Uint32Array): Uint8Array {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}
