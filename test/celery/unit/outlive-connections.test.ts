import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import test from "ava";
import { CeleryBackend } from "../../../src/celery/backend.js";
import { CeleryBroker } from "../../../src/celery/broker.js";

/** How a server reacts to a command; `close` closes the connection without an answer. */
type Reaction = "answer" | "close";

/** A server that speaks just enough of the Redis protocol; `reactionTo` decides for each connection and command. */
async function startServer(reactionTo: (connection: number, command: string) => Reaction) {
  const done: string[] = [];
  let connections = 0;
  const server = createServer((socket: Socket) => {
    const connection = ++connections;
    socket
      .on("error", () => {})
      .on("data", (bytes) => {
        for (const command of String(bytes).split(/(?=\*\d+\r\n)/)) {
          const words = command.split("\r\n").filter((_, n) => n > 0 && n % 2 === 0);
          const name = words[0]!.toLowerCase();
          if (reactionTo(connection, name) === "close") {
            socket.destroy();
            return;
          }
          if (name !== "info") done.push(words.join(" "));
          socket.write(name === "info" ? "$9\r\nloading:0\r\n" : ":1\r\n");
        }
      });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = `redis://127.0.0.1:${(server.address() as AddressInfo).port}/0`;
  return { url, done, connectionCount: () => connections, close: () => server.close() };
}

for (const [name, open] of [
  ["a broker", (url: string) => new CeleryBroker(url)],
  [
    "a broker's other connection",
    (url: string) => {
      const broker = new CeleryBroker(url);
      return { redis: broker.connect(), disconnect: () => broker.disconnect() };
    },
  ],
  ["a backend", (url: string) => new CeleryBackend(url)],
] as const) {
  test(`${name} resends unanswered commands, even if the next connections are lost before they are ready`, async (t) => {
    // The second and third connections behave like those to a proxy whose server is down.
    const server = await startServer((connection, command) =>
      (connection === 1 && command === "lpush") || connection === 2 || connection === 3 ? "close" : "answer",
    );
    const opened = open(server.url);
    const { redis } = opened;
    t.teardown(async () => {
      redis.disconnect();
      await opened.disconnect();
      server.close();
    });
    await redis.sadd("a", "b");
    t.deepEqual(await Promise.all([redis.lpush("queue", "first"), redis.lpush("queue", "second")]), [1, 1]);
    t.deepEqual(server.done, ["sadd a b", "lpush queue first", "lpush queue second"]);
    t.true(server.connectionCount() >= 4);
  });
}
