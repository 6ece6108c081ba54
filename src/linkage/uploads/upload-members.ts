import type { ClkMember } from "../../core/clk-reading/clk-members.js";
import { ServiceError } from "../errors.js";

/** Checks the keys of an upload against its project: with blocks if the project uses blocking, without them if not. */
export class UploadMembers {
  private hasBlocks = false;

  constructor(private readonly usesBlocking: boolean) {}

  /** Throws ServiceError `forbidden` for blocks in a project without, `invalid-request` for an array without a key. */
  readonly check = (member: ClkMember | undefined): void => {
    if (member === undefined) {
      const message = "The body must be an object with clks or encodings, not an array.";
      throw new ServiceError("invalid-request", message, { subject: "body" });
    }
    if (member !== "blocks" && member !== "clknblocks") return;
    this.checkBlocks(true);
    this.hasBlocks = true;
  };

  /** Throws ServiceError `forbidden` if blocks are missing. */
  checkComplete(): void {
    this.checkBlocks(this.hasBlocks);
  }

  /** Checks whether blocks are present or absent as required. Throws ServiceError `forbidden`. */
  checkBlocks(areThere: boolean): void {
    if (areThere === this.usesBlocking) return;
    const message = this.usesBlocking
      ? "The upload must have blocks, because the project uses blocking."
      : "The upload must not have blocks, because the project does not use blocking.";
    throw new ServiceError("forbidden", message);
  }
}
