import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbeddedService } from "../../src/service/main.js";
import type { TestService } from "./test-service.js";

/** Starts a service in the test's process, with its own data folder, on a free port. */
export async function startEmbedded(): Promise<TestService & { close(): Promise<void> }> {
  const dataFolder = mkdtempSync(join(tmpdir(), "entity-service-"));
  const service = await startEmbeddedService({ dataFolder, host: "127.0.0.1", port: 0, logLevel: "silent" });
  return {
    url: service.url,
    kind: "embedded",
    async close() {
      await service.close();
      rmSync(dataFolder, { recursive: true, force: true });
    },
  };
}
