import { createHash } from "node:crypto";
import type { Redis } from "ioredis";

const hashes = new Map<string, string>();

type Value = string | number | Buffer;

/**
 * Runs a script by its hash, so that its source is sent only if the server does not know it yet.
 *
 * @param values the keys, then the other arguments
 */
export async function runScript(
  redis: Redis,
  script: string,
  keyCount: number,
  ...values: Value[]
): Promise<unknown> {
  const driver = redis as unknown as Pick<Scripting, "evalsha" | "eval">;
  return run(
    script,
    (hash) => driver.evalsha(hash, keyCount, ...values),
    () => driver.eval(script, keyCount, ...values),
  );
}

/** The same for a script whose answer contains bytes, which are returned as buffers rather than as strings. */
export async function runScriptForBytes(
  redis: Redis,
  script: string,
  keyCount: number,
  ...values: Value[]
): Promise<unknown> {
  const driver = redis as unknown as Pick<Scripting, "evalshaBuffer" | "evalBuffer">;
  return run(
    script,
    (hash) => driver.evalshaBuffer(hash, keyCount, ...values),
    () => driver.evalBuffer(script, keyCount, ...values),
  );
}

/** The driver has these methods, but no types for those that return buffers. */
type Scripting = Record<
  "eval" | "evalsha" | "evalBuffer" | "evalshaBuffer",
  (scriptOrHash: string, keyCount: number, ...values: Value[]) => Promise<unknown>
>;

async function run(
  script: string,
  byHash: (hash: string) => Promise<unknown>,
  byText: () => Promise<unknown>,
): Promise<unknown> {
  let hash = hashes.get(script);
  if (hash === undefined) {
    hash = createHash("sha1").update(script).digest("hex");
    hashes.set(script, hash);
  }
  try {
    return await byHash(hash);
  } catch (error) {
    if (!(error as Error).message.startsWith("NOSCRIPT")) throw error;
    return await byText();
  }
}
