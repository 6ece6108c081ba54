import type { MemoryBudget } from "./memory-budget.js";

/** Where and in how much memory the blocks of uploads are sorted. */
export interface BlockSorting {
  /** A folder for temporary files, which vanish also when the process is killed; it must exist. */
  readonly folder: string;
  /** For all uploads of the process together. */
  readonly memory: MemoryBudget;
}
