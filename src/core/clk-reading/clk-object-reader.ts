import { describeValue } from "../errors.js";
import { feedText } from "../json/json-text-sink.js";
import { ClkCollector, type ClkInput } from "./clk-collector.js";
import type { ClkLimits } from "./clk-limits.js";
import { type ClkMember, ClkMembers, isClkMember, wrongRowKey, wrongShape } from "./clk-members.js";

/** Reads an upload given as JavaScript values: see `readClkObject` in clk-format.ts. */
export function readObject(value: unknown, limits: ClkLimits): ClkInput {
  if (Array.isArray(value)) {
    const reader = new ObjectReader(limits, value.length);
    reader.readRows(value);
    return reader.rows.finish();
  }
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) {
    throw wrongShape(undefined, describeValue(value));
  }
  const members = new ClkMembers();
  const entries: [ClkMember, unknown][] = [];
  for (const [key, content] of Object.entries(value)) {
    if (!isClkMember(key) || content === undefined) continue;
    members.add(key);
    entries.push([key, content]);
  }
  members.checkComplete();
  const clks = entries.find(([key]) => key !== "blocks")?.[1];
  const reader = new ObjectReader(limits, Array.isArray(clks) ? clks.length : 0);
  for (const [key, content] of entries) reader.readMember(key, content);
  return reader.rows.finish();
}

class ObjectReader {
  readonly rows: ClkCollector;
  private readonly encoder = new TextEncoder();
  private text = new Uint8Array(8192);

  constructor(
    private readonly limits: ClkLimits,
    expectedRows: number,
  ) {
    this.rows = new ClkCollector(limits, expectedRows);
  }

  readMember(member: ClkMember, content: unknown): void {
    if (member === "blocks") this.readBlocks(content);
    else if (!Array.isArray(content)) throw wrongShape(member, describeValue(content));
    else if (member === "clknblocks") this.readRowsWithBlocks(content);
    else this.readRows(content);
  }

  readRows(rows: readonly unknown[]): void {
    for (let i = 0; i < rows.length; i++) this.readRow(rows[i]);
  }

  private readRow(row: unknown): void {
    if (row instanceof Uint8Array) {
      this.rows.addRow(row);
      return;
    }
    this.rows.beginRow();
    this.readClk(row);
  }

  private readClk(clk: unknown): void {
    if (typeof clk !== "string") {
      this.rows.rejectRow(`${describeValue(clk)} instead of base64`);
      return;
    }
    if (clk.length * 3 > this.text.length) this.text = new Uint8Array(clk.length * 3);
    const { written } = this.encoder.encodeInto(clk, this.text);
    feedText(this.rows.decoder, this.text, 0, written);
    this.rows.endRow();
  }

  private readRowsWithBlocks(rows: readonly unknown[]): void {
    this.rows.useBlocks();
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i];
      this.rows.beginRow();
      if (!Array.isArray(row)) {
        this.rows.rejectRow(`${describeValue(row)} instead of [base64, block, …]`);
      } else if (row.length === 0) this.rows.rejectRow("an empty array");
      else {
        this.readClk(row[0]);
        this.rows.beginBlocks();
        this.readBlockList(row, 1);
      }
    }
  }

  private readBlocks(content: unknown): void {
    if (typeof content !== "object" || content === null || ArrayBuffer.isView(content)) {
      throw wrongShape("blocks", describeValue(content));
    }
    this.rows.useBlocks();
    if (Array.isArray(content)) {
      for (let row = 0; row < content.length; row++) this.readBlocksOf(row, content[row]);
      return;
    }
    for (const key of Object.keys(content)) {
      const row = Number(key);
      if (!/^(0|[1-9]\d{0,9})$/.test(key) || row >= 2 ** 32 - 1) throw wrongRowKey();
      this.readBlocksOf(row, (content as Record<string, unknown>)[key]);
    }
  }

  private readBlocksOf(row: number, blocks: unknown): void {
    this.rows.beginBlocksOf(row);
    if (Array.isArray(blocks)) this.readBlockList(blocks, 0);
    else this.rows.rejectBlocks(`${describeValue(blocks)} instead of an array of blocks`);
  }

  private readBlockList(blocks: readonly unknown[], from: number): void {
    for (let i = from; i < blocks.length; i++) {
      const block = blocks[i];
      if (typeof block === "string") {
        if (this.isLong(block)) {
          this.rows.rejectBlocks(`a block with a name of more than ${this.limits.maxBlockNameLength} bytes`);
        } else this.rows.addBlock(block);
      } else if (Number.isSafeInteger(block)) {
        if (this.isLong(String(block))) {
          this.rows.rejectBlocks(`a block with a name of more than ${this.limits.maxBlockNameLength} bytes`);
        } else this.rows.addBlock(block as number);
      } else if (typeof block === "number") {
        this.rows.rejectBlocks("a block that is a number but not an exact integer");
      } else this.rows.rejectBlocks(`${describeValue(block)} instead of a block`);
    }
  }

  private isLong(name: string): boolean {
    const limit = this.limits.maxBlockNameLength;
    if (name.length * 3 <= limit) return false;
    return name.length > limit || this.encoder.encode(name).length > limit;
  }
}
