import { InvalidRowsError, MAX_ROW_PROBLEMS, type RowProblem } from "../errors.js";
import { GrowableUint32 } from "../growable-uint32.js";

/** Collects the problems of individual rows: the first 100 reasons, and the number of all invalid rows. */
export class RowProblems {
  private readonly first: RowProblem[] = [];
  private readonly rows = new GrowableUint32(16);
  private lastRow = -1;

  /** Adds a problem. If a row has several, the first counts. `reason` must not contain a CLK or a block name. */
  add(row: number, reason: string): void {
    if (row === this.lastRow) return;
    this.lastRow = row;
    this.rows.push(row);
    if (this.first.length < MAX_ROW_PROBLEMS) this.first.push({ row, reason });
  }

  /** Throws an InvalidRowsError, with ascending rows, if any problem was added. */
  throwIfAny(): void {
    if (this.rows.length === 0) return;
    const sorted = this.rows.view().slice().sort();
    let count = 1;
    for (let i = 1; i < sorted.length; i++) if (sorted[i] !== sorted[i - 1]) count++;
    const listed = new Map<number, RowProblem>();
    for (const problem of this.first) if (!listed.has(problem.row)) listed.set(problem.row, problem);
    const rows = [...listed.values()].sort((a, b) => a.row - b.row);
    throw new InvalidRowsError(rows, count);
  }
}
