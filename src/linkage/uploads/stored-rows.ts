import type { BlockMembers, EncodingWriter, WritableEncodingStore } from "../encoding-store.js";
import type { SizeProblem } from "./encoding-size.js";

/** The rows of an upload on their way to the store. Rows of a size that the project cannot use are dropped. */
export class StoredRows {
  /** Why the rows are dropped; known from the first on. */
  sizeProblem: SizeProblem | undefined;
  private writer: EncodingWriter | undefined;
  private isChecked = false;

  constructor(
    private readonly store: WritableEncodingStore,
    private readonly dataproviderId: number,
    private readonly receiptToken: string,
    private readonly checkSize: (byteLength: number) => SizeProblem | undefined,
  ) {}

  /** Stores whole rows. */
  readonly take = async (rows: Uint8Array, byteLength: number): Promise<void> => {
    if (!this.isChecked) {
      this.isChecked = true;
      this.sizeProblem = this.checkSize(byteLength);
    }
    if (this.sizeProblem !== undefined) return;
    this.writer ??= await this.store.begin(this.dataproviderId, this.receiptToken, byteLength);
    await this.writer.write(rows);
  };

  /** Adds the blocks; then all can be read. Returns how many blocks there are; none where the rows were dropped. */
  async commit(blocks: AsyncIterable<BlockMembers>): Promise<number> {
    if (this.writer === undefined) return 0;
    return (await this.writer.commit(blocks)).blockCount;
  }

  /** Nothing stays. */
  async abort(): Promise<void> {
    await this.writer?.abort();
  }
}
