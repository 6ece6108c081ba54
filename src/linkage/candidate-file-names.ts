import { createHash } from "node:crypto";

/** The prefix of the names of all candidate files of a run, and of no other run's. */
export function candidateFilePrefix(runId: string): string {
  return `similarity-scores/${hash(runId, 16)}`;
}

/**
 * The name of a task's candidate file: the same each time the task is executed. It fits in the 70 characters of its
 * database column.
 */
export function candidateFileName(runId: string, taskId: string): string {
  return `${candidateFilePrefix(runId)}${hash(taskId, 32)}.bin`;
}

function hash(text: string, length: number): string {
  return createHash("sha256").update(text).digest("hex").slice(0, length);
}
