import { randomBytes } from "node:crypto";

/** A new id or token: 24 bytes from a cryptographic source, as 48 hexadecimal characters. */
export function randomCode(): string {
  return randomBytes(24).toString("hex");
}
