import { Writable } from "node:stream";
import { MemoryBudget } from "../../../src/linkage/uploads/memory-budget.js";
import { createApp } from "../../../src/service/app.js";
import { HttpServer } from "../../../src/service/http-server.js";
import { createLog } from "../../../src/service/log.js";
import type { ServiceParts, ServiceSettings } from "../../../src/service/parts.js";

/** A part that implements some methods; all others reject. */
export function fake<Part extends object>(known: Partial<Part> = {}): Part {
  return new Proxy(known, {
    get(target, name) {
      if (name in target || name === "then") return Reflect.get(target, name);
      return () => Promise.reject(new Error(`unexpected call of ${String(name)}`));
    },
  }) as Part;
}

export interface FakeService {
  readonly url: string;
  /** The lines of the log, parsed. */
  readonly log: Record<string, unknown>[];
  close(): Promise<void>;
}

/** Starts the service with fake parts. */
export async function startFakeService(
  parts: Partial<{ [Name in keyof ServiceParts]: Partial<ServiceParts[Name]> }> = {},
  settings: Partial<ServiceSettings> = {},
): Promise<FakeService> {
  const lines: Record<string, unknown>[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(String(chunk)) as Record<string, unknown>);
      done();
    },
  });
  const app = createApp(
    {
      database: fake(parts.database),
      encodings: fake(parts.encodings),
      objects: fake(parts.objects),
      cache: fake(parts.cache),
      tasks: fake(parts.tasks),
    },
    {
      version: "1.2.3",
      maxBodyByteLength: 1000,
      uploads: {
        limits: {
          maxRecords: 100,
          maxBlocksPerRow: 10,
          maxBlockNameLength: 100,
          minEncodingSize: 1,
          maxEncodingSize: 1024,
        },
        sorting: { folder: "/nowhere", memory: new MemoryBudget(2 ** 20) },
      },
      maxParties: 10,
      maxJsonByteLength: 5000,
      corsOrigins: [],
      loggedHeaders: [],
      ...settings,
    },
    createLog("info", destination),
  );
  const server = new HttpServer(app.callback());
  await server.listen(0, "127.0.0.1");
  return { url: server.url, log: lines, close: () => server.close(1000) };
}
