// Misbehaving clients of the embedded service, which must leave nothing behind.
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import test from "ava";
import { startEmbeddedService } from "../../src/service/main.js";
import { type NewProject, ServiceClient } from "./client.js";
import { asSet, base64Rows, expectedOf, overlappingRows, type Rows, randomRows } from "./data.js";

let dataFolder: string;
let service: Awaited<ReturnType<typeof startEmbeddedService>>;
let client: ServiceClient;

test.before(async () => {
  dataFolder = mkdtempSync(join(tmpdir(), "entity-service-"));
  service = await startEmbeddedService({ dataFolder, host: "127.0.0.1", port: 0, logLevel: "silent" });
  client = new ServiceClient(service.url);
});
test.after.always(async () => {
  await service?.close();
  if (dataFolder !== undefined) rmSync(dataFolder, { recursive: true, force: true });
});

const rows = randomRows(1, 4000, 128);
const json = JSON.stringify({ clks: base64Rows(rows) });
const clks = base64Rows(randomRows(2, 10));
type Groups = { readonly groups: readonly (readonly (readonly [number, number])[])[] };

/** The paths of all files except the database's: objects, and temporary files of uploads that sort blocks. */
function objectFiles(): Set<string> {
  const folders = ["objects", "sorting"].map((name) => join(dataFolder, name));
  const entries = folders.flatMap((folder) => readdirSync(folder, { recursive: true, withFileTypes: true }));
  return new Set(
    entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)),
  );
}

/** Sends the beginning of a request over a plain socket, then disconnects. */
async function breakOff(
  path: string,
  headers: Readonly<Record<string, string>>,
  beginning: Uint8Array | string,
  end: "end" | "destroy",
): Promise<void> {
  const { hostname, port } = new URL(service.url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {});
  const head = Object.entries({ Host: `${hostname}:${port}`, ...headers }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  socket.write(`POST /api/v1${path} HTTP/1.1\r\n${head.join("\r\n")}\r\n\r\n`);
  await new Promise<void>((resolve) => socket.write(beginning, () => resolve()));
  await pause(50);
  if (end === "end") socket.end();
  else socket.destroy();
  await new Promise<void>((resolve) => {
    if (socket.destroyed) resolve();
    else socket.once("close", () => resolve()).resume();
  });
}

/** Retries an upload until the party's upload slot is free: the service may notice late that the client is gone. */
async function uploadOnceFree(project: NewProject, party: number, body: unknown = { clks }): Promise<void> {
  await client.until("the turn to upload", 120_000, async () => {
    const { status, text } = await client.tryUpload(project, party, body);
    if (status !== 201 && status !== 403) throw new Error(`${status}: ${text}`);
    return status === 201 ? true : undefined;
  });
}

for (const end of ["end", "destroy"] as const) {
  test.serial(
    `a client that disconnects (${end}) while sending JSON leaves no data and can retry`,
    async (t) => {
      const before = objectFiles();
      const project = await client.createProject();
      const token = project.update_tokens[0]!;
      const path = `/projects/${project.project_id}/clks`;
      for (const share of [0, 0.1, 0.5, 0.999]) {
        const headers = {
          Authorization: token,
          "Content-Type": "application/json",
          "Content-Length": String(json.length),
        };
        await breakOff(path, headers, json.slice(0, Math.floor(share * json.length)), end);
      }
      await client.until("no files of what broke off", 120_000, async () =>
        [...objectFiles()].every((file) => before.has(file)) ? true : undefined,
      );
      await uploadOnceFree(project, 0);
      t.like(await client.describe(project), { parties_contributed: 1, error: false });
      await client.upload(project, 1, { clks });
      t.is((await client.complete<Groups>(project, 1)).groups.length, 10);
    },
  );

  test.serial(
    `a client that disconnects (${end}) while sending binary data leaves no data and can retry`,
    async (t) => {
      const before = objectFiles();
      const project = await client.createProject();
      const headers = {
        Authorization: project.update_tokens[0]!,
        ...{ "Content-Type": "application/octet-stream", "Hash-Count": "4000", "Hash-Size": "128" },
      };
      const path = `/projects/${project.project_id}/binaryclks`;
      for (const share of [0, 0.3, 0.999]) {
        const length = { "Content-Length": String(rows.bytes.length) };
        const beginning = rows.bytes.subarray(0, Math.floor(share * rows.bytes.length));
        await breakOff(path, { ...headers, ...length }, beginning, end);
      }
      // A chunked body that never ends.
      await breakOff(path, { ...headers, "Transfer-Encoding": "chunked" }, "5\r\nhello\r\nffff\r\nrest", end);
      await client.until("no files of what broke off", 120_000, async () =>
        [...objectFiles()].every((file) => before.has(file)) ? true : undefined,
      );
      await uploadOnceFree(project, 0);
      t.like(await client.describe(project), { parties_contributed: 1, error: false });
    },
  );
}

test.serial("rejected uploads leave no files", async (t) => {
  const before = objectFiles();
  const project = await client.createProject();
  const send = (body: string | Uint8Array, headers: Record<string, string>, path = "clks") =>
    client.request("POST", `/projects/${project.project_id}/${path}`, {
      token: project.update_tokens[0],
      headers,
      body: body as BodyInit,
    });
  const isJson = { "Content-Type": "application/json" };
  const isRows = { "Content-Type": "application/octet-stream", "Hash-Count": "4000", "Hash-Size": "128" };
  const answers = [
    await send(json.slice(0, -1), isJson),
    await send(json.replace(/"\]\}$/, '", 7]}'), isJson),
    await send(`${json}rubbish`, isJson),
    await send(rows.bytes.subarray(1), isRows, "binaryclks"),
    await send(Buffer.concat([rows.bytes, Buffer.alloc(1)]), isRows, "binaryclks"),
    await send(gzipSync(json).subarray(0, -100), { ...isJson, "Content-Encoding": "gzip" }),
    await send(gzipSync(rows.bytes.subarray(128)), { ...isRows, "Content-Encoding": "gzip" }, "binaryclks"),
  ];
  t.deepEqual(
    answers.map(({ status }) => status),
    answers.map(() => 400),
  );
  t.deepEqual(
    [...objectFiles()].filter((file) => !before.has(file)),
    [],
  );
  t.is((await client.tryUpload(project, 0, { clks })).status, 201);
});

test.serial("one of several concurrent uploads with one token gets 201, the others 403", async (t) => {
  for (let round = 0; round < 5; round++) {
    const project = await client.createProject();
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) =>
        n % 2 === 0
          ? client.tryUpload(project, 0, { clks })
          : client.tryBinaryUpload(project, 0, rows.bytes, rows.byteLength),
      ),
    );
    const count = (status: number) => answers.filter((answer) => answer.status === status).length;
    t.is(count(201), 1);
    t.is(count(403), 7);
    t.like(await client.describe(project), { parties_contributed: 1, error: false });
  }
});

test.serial("an upload during another one gets 403, and the first one completes", async (t) => {
  const project = await client.createProject();
  const first = request(`${service.url}/api/v1/projects/${project.project_id}/binaryclks`, {
    method: "POST",
    headers: {
      Authorization: project.update_tokens[0]!,
      "Content-Type": "application/octet-stream",
      "Content-Length": rows.bytes.length,
      "Hash-Count": 4000,
      "Hash-Size": 128,
      Expect: "100-continue", // answered once the service begins to read
    },
  });
  first.flushHeaders();
  await once(first, "continue");
  first.write(rows.bytes.subarray(0, 1000));
  t.is((await client.tryUpload(project, 0, { clks })).status, 403);
  first.end(rows.bytes.subarray(1000));
  const [answer] = (await once(first, "response")) as [IncomingMessage];
  answer.resume();
  t.is(answer.statusCode, 201);
});

test.serial("50 concurrent projects each get the correct result", async (t) => {
  const counts = await Promise.all(
    Array.from({ length: 50 }, async (_, n) => {
      const parties = overlappingRows(100 + n, [40 + n, 60 - n]) as [Rows, Rows];
      const project = await client.createProject({ name: `project ${n}` });
      const { run_id } = await client.run(project, 0.8);
      await Promise.all(
        parties.map((party, index) =>
          n % 2 === 0
            ? client.binaryUpload(project, index, party.bytes, party.byteLength)
            : client.upload(project, index, { clks: base64Rows(party) }),
        ),
      );
      await client.waitUntilComplete(project, run_id, 600_000);
      const { groups } = await client.result<Groups>(project, run_id);
      t.deepEqual(asSet(groups), asSet((await expectedOf(parties, 0.8)).groups));
      return groups.length;
    }),
  );
  t.true(counts.every((count, n) => count > 0 || n > 45));
});

test.serial("deleting a run and a project removes their files", async (t) => {
  const before = objectFiles();
  const parties = overlappingRows(9, [300, 300]) as [Rows, Rows];
  const project = await client.createProject({ result_type: "similarity_scores" });
  for (const [index, party] of parties.entries()) {
    await client.binaryUpload(project, index, party.bytes, party.byteLength);
  }
  const files = () => [...objectFiles()].filter((file) => !before.has(file));
  const { run_id } = await client.run(project, 0.5);
  await client.waitUntilComplete(project, run_id);
  t.true(files().some((file) => file.includes("similarity-scores")));
  await client.delete(`/projects/${project.project_id}/runs/${run_id}`, project.result_token);
  await client.until("no files of the run", 120_000, async () =>
    files().some((file) => file.includes("similarity-scores")) ? undefined : true,
  );
  t.true(files().length > 0, "uploads are kept");
  await client.delete(`/projects/${project.project_id}`, project.result_token);
  await client.until("no files of the project", 120_000, async () =>
    files().length === 0 ? true : undefined,
  );
});

test.serial("a small run does not wait for a huge one to end", async (t) => {
  const huge = randomRows(3, 30_000, 128);
  const project = await client.createProject();
  for (const party of [0, 1]) await client.binaryUpload(project, party, huge.bytes, huge.byteLength);
  const { run_id } = await client.run(project, 0.95);
  await client.until("the huge run to run", 120_000, async () =>
    (await client.runStatus(project, run_id)).state === "running" ? true : undefined,
  );
  const small = await client.createProject();
  for (const party of [0, 1]) await client.upload(small, party, { clks });
  t.is((await client.complete<Groups>(small, 1)).groups.length, 10);
  const { state } = await client.runStatus(project, run_id);
  t.log(`the huge run is ${state}`);
  t.is((await client.delete(`/projects/${project.project_id}`, project.result_token)).status, 204);
});

test.serial("oversized headers and bodies are rejected, and the service keeps running", async (t) => {
  const answers = await Promise.allSettled([
    client.get("/projects", "x".repeat(100_000)),
    client.request("POST", "/projects", {
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ schema: { text: "x".repeat(50_000_000) }, result_type: "groups" }),
    }),
    client.request("POST", "/projects", {
      headers: { "Content-Type": "application/json" },
      body: `${"[".repeat(200_000)}${"]".repeat(200_000)}`,
    }),
  ]);
  for (const answer of answers) {
    if (answer.status === "rejected") continue; // the connection may be closed before everything is sent
    t.true(answer.value.status >= 400 && answer.value.status < 500, String(answer.value.status));
  }
  t.is((await client.get("/version")).status, 200);
});
