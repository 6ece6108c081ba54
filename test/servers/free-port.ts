import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/** Below the ports that systems give to outgoing connections and to `listen(0)`: 32768 on Linux, 49152 elsewhere. */
const RANGE = { from: 10_000, to: 32_768 };
/** Given by this process already: a server that is down for the moment keeps its port. */
const given = new Set<number>();

/**
 * A port of 127.0.0.1 that nothing listens on, and that no connection of any process takes until the server starts.
 * Random, since processes that test beside each other look for ports at the same moment.
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
