// The part of a database that an encoding store needs, in memory: uploads and blocks, as the port specifies.
import type { UploadDatabase } from "../../src/linkage/database.js";
import { ServiceError } from "../../src/linkage/errors.js";
import type { Upload } from "../../src/linkage/project.js";

export class MemoryUploads implements Pick<UploadDatabase, "findUpload" | "addBlocks" | "removeBlocks"> {
  /** By data provider; each has at most one. */
  readonly uploads = new Map<number, Upload>();
  readonly blocks = new Map<number, { dataproviderId: number; name: string; recordCount: number }>();
  /** Awaited before each answer. */
  beforeAnswer: () => Promise<void> = async () => {};
  #lastBlockId = 0;

  async findUpload(dataproviderId: number): Promise<Upload | undefined> {
    await this.beforeAnswer();
    return this.uploads.get(dataproviderId);
  }

  async addBlocks(
    dataproviderId: number,
    receiptToken: string,
    blocks: readonly { name: string; recordCount: number }[],
  ): Promise<readonly number[]> {
    await this.beforeAnswer();
    const upload = this.uploads.get(dataproviderId);
    if (upload?.receiptToken !== receiptToken || upload.state !== "pending") {
      throw new ServiceError("forbidden", "The upload is no longer the pending one of its party.");
    }
    // In reverse order within a call, because a database may number them in any order.
    const ids = blocks.map((_, n) => this.#lastBlockId + blocks.length - n);
    this.#lastBlockId += blocks.length;
    blocks.forEach((block, n) => {
      this.blocks.set(ids[n]!, { dataproviderId, ...block });
    });
    return ids;
  }

  async removeBlocks(dataproviderId: number): Promise<void> {
    await this.beforeAnswer();
    for (const [id, block] of this.blocks)
      if (block.dataproviderId === dataproviderId) this.blocks.delete(id);
  }
}
