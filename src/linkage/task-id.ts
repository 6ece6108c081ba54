import { createHash } from "node:crypto";

/**
 * The id of a task, derived from its owner, so that it is the same each time the task is sent. A UUID (version 8, RFC
 * 9562).
 *
 * @param owner the id of a run or a project
 * @param name the task's purpose for its owner
 */
export function taskIdOf(owner: string, name: string): string {
  const bytes = createHash("sha256").update(owner).update("\0").update(name).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
