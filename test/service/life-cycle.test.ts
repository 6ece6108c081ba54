// The embedded service: its first start, the whole life of a project, and a second start with the same folder.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import test from "ava";
import { startEmbeddedService } from "../../src/service/main.js";
import { ServiceClient } from "./client.js";
import { base64Rows, febrlRows } from "./data.js";

const THRESHOLD = 0.8;
type Groups = { readonly groups: readonly (readonly (readonly [number, number])[])[] };

test("a project works from creation to deletion, across a restart", async (t) => {
  t.timeout(180_000);
  const dataFolder = mkdtempSync(join(tmpdir(), "entity-service-"));
  const start = () => startEmbeddedService({ dataFolder, host: "127.0.0.1", port: 0, logLevel: "silent" });
  let service = await start();
  t.teardown(async () => {
    await service.close();
    rmSync(dataFolder, { recursive: true, force: true });
  });
  let client = new ServiceClient(service.url);
  const [a, b] = [febrlRows("a"), febrlRows("b")];
  const project = await client.createProject({ name: "febrl" });
  const waiting = await client.run(project, THRESHOLD);

  const gzip = { "Content-Type": "application/json", "Content-Encoding": "gzip" };
  const json = await client.request("POST", `/projects/${project.project_id}/clks`, {
    token: project.update_tokens[0],
    headers: gzip,
    body: gzipSync(JSON.stringify({ clks: base64Rows(a) })) as unknown as Uint8Array<ArrayBuffer>,
  });
  t.is(json.status, 201, json.text);
  t.like(json.json(), { message: "Updated", row_count: 1000 });
  const binary = await client.tryBinaryUpload(project, 1, b.bytes, b.byteLength);
  t.is(binary.status, 201, binary.text);
  const receipt = binary.json<{ receipt_token: string; row_count: number; sha256: string }>();
  t.is(receipt.row_count, 1000);
  t.regex(receipt.sha256, /^[0-9a-f]{64}$/);

  const status = await client.waitUntilComplete(project, waiting.run_id);
  t.is(status.total_number_comparisons, 1_000_000);
  const { groups } = await client.result<Groups>(project, waiting.run_id);
  t.true(groups.length > 900);
  t.is((await client.runStatus(project, waiting.run_id, receipt.receipt_token)).state, "completed");

  await service.close();
  await t.throwsAsync(client.get("/status"));
  service = await start();
  client = new ServiceClient(service.url);
  t.deepEqual(await client.result<Groups>(project, waiting.run_id), { groups });
  t.like(await client.describe(project), { name: "febrl", parties_contributed: 2, error: false });
  t.deepEqual(await client.complete<Groups>(project, THRESHOLD), { groups });

  const path = `/projects/${project.project_id}`;
  t.is((await client.delete(`${path}/runs/${waiting.run_id}`, project.result_token)).status, 204);
  t.is((await client.tryResult(project, waiting.run_id)).status, 403);
  t.is((await client.delete(path, project.result_token)).status, 204);
  t.is((await client.get(path, project.result_token)).status, 403);
  t.deepEqual((await client.get("/projects")).json(), []);
});
