import { LinkageError } from "../errors.js";

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
      const expected =
        member === "blocks" ? "the key blocks once" : "one of clks, clknblocks and encodings, once";
      throw new LinkageError("invalid-dataset", "data set", expected, `the key ${member} as well`);
    }
    if (member === "blocks") this.hasBlocks = true;
    else this.clks = member;
    if (this.hasBlocks && this.clks === "clknblocks") {
      throw new LinkageError(
        "invalid-dataset",
        "data set",
        "blocks under one key",
        "the keys clknblocks and blocks",
      );
    }
  }

  /** Throws LinkageError `invalid-dataset` if no key held the required data: CLKs, or blocks. */
  checkComplete(required: "clks" | "blocks" = "clks"): void {
    if (required === "clks" ? this.clks !== undefined : this.hasBlocks) return;
    const expected = required === "clks" ? "a key clks, clknblocks or encodings" : "a key blocks";
    throw new LinkageError("invalid-dataset", "data set", expected, "none of them");
  }
}

/** The error for a value of the wrong type: of a member, or, without one, of the data set. */
export function wrongShape(member: ClkMember | undefined, received: string): LinkageError {
  const expected =
    member === undefined
      ? "an object, or an array of base64 texts"
      : member === "blocks"
        ? "an object from row index to an array of blocks"
        : member === "clknblocks"
          ? "an array of [base64, block, …]"
          : "an array of base64 texts";
  return new LinkageError("invalid-dataset", member ?? "data set", expected, received);
}

/** The error for a key of `blocks` that is not a row index. The key is not shown, because it may be a block's name. */
export function wrongRowKey(): LinkageError {
  return new LinkageError("invalid-dataset", "blocks", "row indices (0, 1, …) as keys", "another key");
}
