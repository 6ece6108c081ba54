import { LinkageError, wrongValue } from "../errors.js";

/** The keys of an upload that hold data. */
export type ClkMember = "clks" | "encodings" | "clknblocks" | "blocks";

/** Whether a key of an upload holds data. */
export function isClkMember(key: string): key is ClkMember {
  return key === "clks" || key === "encodings" || key === "clknblocks" || key === "blocks";
}

/** Checks the keys of an upload: each at most once, CLKs under exactly one, blocks under at most one. */
export class ClkMembers {
  private clks: ClkMember | undefined;
  private hasBlocks = false;

  /** Adds a key. Throws LinkageError `invalid-dataset` if it conflicts with an earlier one. */
  add(member: ClkMember): void {
    if (member === "blocks" ? this.hasBlocks : this.clks !== undefined) {
      const keys = `${this.clks} and ${member}`;
      throw invalidDataset(
        member === "blocks"
          ? "The data set has the key blocks twice."
          : `The data set must have only one of the keys clks, clknblocks and encodings, but has ${keys}.`,
      );
    }
    if (member === "blocks") this.hasBlocks = true;
    else this.clks = member;
    if (this.hasBlocks && this.clks === "clknblocks") {
      throw invalidDataset("The data set has blocks under two keys, clknblocks and blocks.");
    }
  }

  /** Throws LinkageError `invalid-dataset` if no key held the required data: CLKs, or blocks. */
  checkComplete(required: "clks" | "blocks" = "clks"): void {
    if (required === "clks" ? this.clks !== undefined : this.hasBlocks) return;
    const keys = required === "clks" ? "clks, clknblocks or encodings" : "blocks";
    throw invalidDataset(`The data set must have a key ${keys}.`);
  }
}

function invalidDataset(message: string): LinkageError {
  return new LinkageError("invalid-dataset", message, { subject: "data set" });
}

/** The error for a value of the wrong type: of a member, or, without one, of the data set. */
export function wrongShape(member: ClkMember | undefined, received: string): LinkageError {
  const expected =
    member === undefined
      ? "an object or an array of base64 strings"
      : member === "blocks"
        ? "an object that maps row indices to arrays of blocks"
        : member === "clknblocks"
          ? "an array of [base64, block, …]"
          : "an array of base64 strings";
  return wrongValue("invalid-dataset", member ?? "The data set", expected, received);
}

/** The error for a key of `blocks` that is not a row index. The key is not shown, because it may be a block's name. */
export function wrongRowKey(): LinkageError {
  return new LinkageError("invalid-dataset", "The keys of blocks must be row indices (0, 1, …).", {
    subject: "blocks",
    expected: "row indices as keys",
  });
}
