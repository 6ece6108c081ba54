import type { BlockMembers, EncodingWriter, WritableEncodingStore } from "../encoding-store.js";
import type { SizeProblem } from "./encoding-size.js";

/** The records of an upload on their way to the store. Records of a size that the project cannot use are dropped. */
export class UploadWriter {
  /** Why the records are dropped; known once the first ones are taken. */
  sizeProblem: SizeProblem | undefined;
  private writer: EncodingWriter | undefined;
  private isChecked = false;

  constructor(
    private readonly store: WritableEncodingStore,
    private readonly dataproviderId: number,
    private readonly receiptToken: string,
    private readonly checkSize: (byteLength: number) => SizeProblem | undefined,
  ) {}

  /** Stores whole records. */
  readonly take = async (rows: Uint8Array, byteLength: number): Promise<void> => {
    if (!this.isChecked) {
      this.isChecked = true;
      this.sizeProblem = this.checkSize(byteLength);
    }
    if (this.sizeProblem !== undefined) return;
    this.writer ??= await this.store.begin(this.dataproviderId, this.receiptToken, byteLength);
    await this.writer.write(rows);
  };

  /** Adds the blocks; then the upload can be read. Returns the number of blocks; 0 if the records were dropped. */
  async commit(blocks: AsyncIterable<BlockMembers>): Promise<number> {
    if (this.writer === undefined) return 0;
    return (await this.writer.commit(blocks)).blockCount;
  }

  /** Removes what was stored. */
  async abort(): Promise<void> {
    await this.writer?.abort();
  }
}
