import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/** Below the ephemeral ports, which outgoing connections and `listen(0)` get: from 32768 on Linux, 49152 elsewhere. */
const RANGE = { from: 10_000, to: 32_768 };
/** Ports that this process has already returned: a server that is temporarily down keeps its port. */
const given = new Set<number>();

/**
 * Returns a port of 127.0.0.1 that nothing listens on, and that no outgoing connection takes until the server starts.
 * It is random, because parallel test processes look for ports at the same time.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(RANGE.from, RANGE.to);
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port, "127.0.0.1"), "listening");
    return true;
  } catch {
    return false;
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}
