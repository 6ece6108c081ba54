import { createHash } from "node:crypto";

/**
 * Derives a UUID (in the form of version 5, RFC 4122) from another one and a name. What a task sends then gets the same
 * ids each time the task runs, so that nothing is done twice.
 */
export function derivedId(id: string, name: string): string {
  const namespace = Buffer.from(id.replaceAll("-", "").padStart(32, "0").slice(0, 32), "hex");
  const bytes = createHash("sha1")
    .update(namespace)
    .update(id)
    .update("\0")
    .update(name)
    .digest()
    .subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x50;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
