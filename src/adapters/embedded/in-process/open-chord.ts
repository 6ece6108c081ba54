import type { TaskCall } from "../../../linkage/task-queue.js";

/** A part of a chord, and its place in the list of results. */
export interface ChordPart {
  readonly call: TaskCall;
  readonly index: number;
}

/** A chord with unfinished parts. Parts are read when there is room for them, so that many parts take little memory. */
export class OpenChord {
  readonly #parts: AsyncIterator<TaskCall>;
  readonly #results: unknown[] = [];
  #readCount = 0;
  #doneCount = 0;
  /** Parts that were read but not started. */
  #waitingCount = 0;
  #isReading = false;
  #isExhausted = false;
  #isClosed = false;

  constructor(
    parts: AsyncIterable<TaskCall> | Iterable<TaskCall>,
    readonly callback: TaskCall,
    readonly id: string,
  ) {
    this.#parts = asAsync(parts);
  }

  /** The parts' results, in the order of the parts. */
  get results(): readonly unknown[] {
    return this.#results;
  }

  /** Whether all parts are done. */
  get isDone(): boolean {
    return this.#isExhausted && this.#doneCount === this.#readCount;
  }

  /** Whether the chord was closed: results of its parts no longer count. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Reads parts until `waitingCount` of them wait, or none is left.
   *
   * @throws what the parts' source throws
   */
  async read(waitingCount: number, take: (part: ChordPart) => void): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      while (!this.#isExhausted && !this.#isClosed && this.#waitingCount < waitingCount) {
        const next = await this.#parts.next();
        if (this.#isClosed) return;
        if (next.done) {
          this.#isExhausted = true;
          return;
        }
        this.#waitingCount++;
        take({ call: next.value, index: this.#readCount++ });
      }
    } finally {
      this.#isReading = false;
    }
  }

  begin(): void {
    this.#waitingCount--;
  }

  /** A part that was started waits again. */
  putBack(): void {
    this.#waitingCount++;
  }

  add({ index }: ChordPart, result: unknown): void {
    this.#results[index] = result;
    this.#doneCount++;
  }

  /** Closes the chord, done or not. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // A source that is being read returns only after that read; no one waits for it.
    Promise.resolve(this.#parts.return?.()).catch(() => {});
  }
}

async function* asAsync<T>(items: AsyncIterable<T> | Iterable<T>): AsyncGenerator<T, void> {
  yield* items;
}
