/**
 * Closes a connection that waits for a message; the process should then exit:
 * `node --import=tsx test/celery/close-waiting.ts URL`.
 */
import { CeleryBroker } from "../../src/celery/broker.js";
import { closeConnection } from "../../src/celery/outlive-connections.js";

const broker = new CeleryBroker(process.argv[2]!);
const connection = broker.connect();
const waiting = broker.waitForMessage(connection, "empty").catch(() => {});
await broker.isReady();
setTimeout(async () => {
  closeConnection(connection);
  await waiting;
  await broker.disconnect();
}, 500);
