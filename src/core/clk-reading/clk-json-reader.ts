import type { JsonHandler } from "../json/json-scanner.js";
import { CollectedText, skippedText, type TextSink } from "../json/json-text-sink.js";
import type { ClkLimits } from "./clk-limits.js";
import { type ClkMember, ClkMembers, isClkMember, wrongRowKey, wrongShape } from "./clk-members.js";
import type { ClkRowSink } from "./clk-row-sink.js";

/** The role of the next value. */
enum Place {
  /** The whole document. */
  Top,
  /** The value of a key of the outermost object. */
  Member,
  /** An element of `clks`, `encodings` or a bare array: base64. */
  Row,
  /** An element of `clknblocks`: an array. */
  RowWithBlocks,
  /** An element of such an array: base64 first, then blocks. */
  RowItem,
  /** The value of a key of `blocks`, or its element if it is an array: an array. */
  BlockList,
  /** An element of such an array. */
  Block,
}

type Kind = "a string" | "a number" | "true, false or null" | "an object" | "an array";

/** Longer than any known key. */
const KEY_CAPACITY = 16;

/**
 * Reads the JSON of an upload from the events of a scanner or a parser into a sink of rows. Base64 is decoded as it
 * arrives; no text is kept.
 *
 * Its methods throw LinkageError `invalid-dataset` for a wrong shape, and whatever the sink throws.
 */
export class ClkJsonReader implements JsonHandler {
  private readonly members = new ClkMembers();
  private readonly key = new CollectedText(KEY_CAPACITY);
  private readonly block: CollectedText;
  private place = Place.Top;
  private readonly outerPlaces: Place[] = [];
  private member: ClkMember | undefined;
  private skippedDepth = 0;
  private blocksAreArray = false;
  private nextBlockRow = 0;
  /** Whether the CLK of the current row has been read, valid or not. */
  private hasClk = false;

  /**
   * @param limits limits of block names; the sink enforces the limits of rows
   * @param required what the data must contain: CLKs under any key, or blocks alone. Default: CLKs
   */
  constructor(
    limits: Pick<ClkLimits, "maxBlockNameLength">,
    private readonly rows: ClkRowSink,
    private readonly required: "clks" | "blocks" = "clks",
  ) {
    this.block = new CollectedText(limits.maxBlockNameLength);
  }

  openArray(): void {
    if (this.skippedDepth > 0) this.skippedDepth++;
    else if (this.place === Place.Top) {
      this.rows.beginMember(undefined);
      this.enter(Place.Row);
    } else if (this.place === Place.Member && this.member !== undefined) {
      if (this.member === "blocks") {
        this.blocksAreArray = true;
        this.enter(Place.BlockList);
      } else this.enter(this.member === "clknblocks" ? Place.RowWithBlocks : Place.Row);
    } else if (this.place === Place.RowWithBlocks) {
      this.rows.beginRow();
      this.hasClk = false;
      this.enter(Place.RowItem);
    } else if (this.place === Place.BlockList) {
      if (this.blocksAreArray) this.rows.beginBlocksOf(this.nextBlockRow++);
      this.enter(Place.Block);
    } else {
      this.refuse("an array");
      this.skippedDepth = 1;
    }
  }

  closeArray(): void {
    if (this.skippedDepth > 0) this.skippedDepth--;
    else {
      if (this.place === Place.RowItem && !this.hasClk) this.rows.rejectRow("an empty array");
      this.leave();
    }
  }

  openObject(): void {
    if (this.skippedDepth > 0) this.skippedDepth++;
    else if (this.place === Place.Top) this.enter(Place.Member);
    else if (this.place === Place.Member && this.member === "blocks") {
      this.blocksAreArray = false;
      this.enter(Place.BlockList);
    } else {
      this.refuse("an object");
      this.skippedDepth = 1;
    }
  }

  closeObject(): void {
    if (this.skippedDepth > 0) this.skippedDepth--;
    else {
      if (this.place === Place.Member) this.members.checkComplete(this.required);
      this.leave();
    }
  }

  beginKey(): TextSink {
    if (this.skippedDepth > 0) return skippedText;
    this.key.clear();
    return this.key;
  }

  endKey(): void {
    if (this.skippedDepth > 0) return;
    if (this.place === Place.Member) {
      const key = this.key.tooLong ? "" : this.key.text();
      this.member = isClkMember(key) ? key : undefined;
      if (this.member !== undefined) {
        this.members.add(this.member);
        this.rows.beginMember(this.member);
      }
    } else {
      const row = this.key.tooLong ? -1 : this.key.rowIndex();
      if (row < 0) throw wrongRowKey();
      this.rows.beginBlocksOf(row);
    }
  }

  beginString(): TextSink {
    if (this.skippedDepth > 0) return skippedText;
    if (this.place === Place.Row || (this.place === Place.RowItem && !this.hasClk)) {
      if (this.place === Place.Row) this.rows.beginRow();
      return this.rows.decoder;
    }
    if (this.place === Place.RowItem || this.place === Place.Block) {
      this.block.clear();
      return this.block;
    }
    this.refuse("a string");
    return skippedText;
  }

  endString(): void {
    if (this.skippedDepth > 0) return;
    if (this.place === Place.Row) this.rows.endRow();
    else if (this.place === Place.RowItem && !this.hasClk) {
      this.rows.endRow();
      this.beginRowBlocks();
    } else if (this.place === Place.RowItem || this.place === Place.Block) {
      if (this.block.tooLong) this.rejectLongBlock();
      else this.rows.addBlockUtf8(this.block.bytes, this.block.length);
    }
  }

  beginNumber(): TextSink {
    if (this.skippedDepth > 0) return skippedText;
    if (this.place === Place.Block || (this.place === Place.RowItem && this.hasClk)) {
      this.block.clear();
      return this.block;
    }
    this.refuse("a number");
    return skippedText;
  }

  endNumber(): void {
    const isBlock = this.place === Place.Block || (this.place === Place.RowItem && this.hasClk);
    if (this.skippedDepth > 0 || !isBlock) return;
    if (this.block.tooLong) {
      this.rejectLongBlock();
      return;
    }
    const name = integerName(this.block.text());
    if (name === undefined) this.rows.rejectBlocks("a block that is a number but not an exact integer");
    else this.rows.addBlock(name);
  }

  literal(): void {
    if (this.skippedDepth === 0) this.refuse("true, false or null");
  }

  private enter(place: Place): void {
    this.outerPlaces.push(this.place);
    this.place = place;
  }

  private leave(): void {
    this.place = this.outerPlaces.pop() ?? Place.Top;
  }

  private beginRowBlocks(): void {
    this.hasClk = true;
    this.rows.beginBlocks();
  }

  private rejectLongBlock(): void {
    this.rows.rejectBlocks(`a block with a name of more than ${this.block.capacity} bytes`);
  }

  /**
   * Handles a value of the wrong type: an error of its row, or of the whole data if it does not belong to a row. Values
   * of unknown keys are ignored.
   */
  private refuse(kind: Kind): void {
    switch (this.place) {
      case Place.Top:
        throw wrongShape(undefined, kind);
      case Place.Member:
        if (this.member !== undefined) throw wrongShape(this.member, kind);
        break;
      case Place.Row:
        this.rows.beginRow();
        this.rows.rejectRow(`${kind} instead of base64`);
        break;
      case Place.RowWithBlocks:
        this.rows.beginRow();
        this.rows.rejectRow(`${kind} instead of [base64, block, …]`);
        break;
      case Place.RowItem:
        if (this.hasClk) this.rows.rejectBlocks(`${kind} instead of a block`);
        else {
          this.rows.rejectRow(`${kind} instead of base64`);
          this.beginRowBlocks();
        }
        break;
      case Place.BlockList:
        if (this.blocksAreArray) this.rows.beginBlocksOf(this.nextBlockRow++);
        this.rows.rejectBlocks(`${kind} instead of an array of blocks`);
        break;
      case Place.Block:
        this.rows.rejectBlocks(`${kind} instead of a block`);
        break;
    }
  }
}

/** The block named by a JSON number, or `undefined` if the number is not an exact integer. */
function integerName(text: string): string | undefined {
  if (/^-?\d+$/.test(text)) return text === "-0" ? "0" : text;
  const value = Number(text);
  return Number.isSafeInteger(value) ? String(value) : undefined;
}
