// Bodies and results through nginx, in front of an API and a worker on real servers.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { get, type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import test from "ava";
import pg from "pg";
import { type NewProject, ServiceClient } from "../service/client.js";
import { asSet, expectedOf, overlappingRows, type Rows, randomRows } from "../service/data.js";
import { StartedCluster } from "../service/started-cluster.js";
import type { StartedProcess } from "../started-process.js";
import { type CallAnswer, flawOf } from "./caller.js";
import { NginxServer } from "./nginx-server.js";
import { SlowUpload } from "./slow-upload.js";

const MIB = 2 ** 20;
const BYTE_LENGTH = 128;
const LARGE_MIB = 300;
const KILL_COUNT = 4;
const GATEWAY_STATUSES = [502, 503, 504];

let cluster: StartedCluster;
let nginx: NginxServer;
let client: ServiceClient;
let database: pg.Pool;
test.before(async () => {
  cluster = await StartedCluster.start({ kind: "packed", env: { UPLOAD_LEASE_SECONDS: "2" } });
  nginx = await NginxServer.start(`127.0.0.1:${cluster.port}`);
  client = new ServiceClient(nginx.url);
  database = new pg.Pool({ ...cluster.postgres.connection("entityservice"), max: 2 });
});
test.after.always(async () => {
  await database?.end();
  await nginx?.remove();
  await cluster?.close();
});

/** The temporary files that nginx has open, including unlinked ones. */
function openFiles(): string[] {
  const children = readFileSync(`/proc/${nginx.pid}/task/${nginx.pid}/children`, "utf8").trim().split(" ");
  return children.flatMap((pid) =>
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        const target = readlinkSync(`/proc/${pid}/fd/${fd}`);
        return target.startsWith(`${nginx.folder}/`) ? [target] : [];
      } catch {
        return []; // closed in the meantime
      }
    }),
  );
}

/** The state of a party's upload in the database. */
async function uploadState(token: string): Promise<string> {
  const { rows } = await database.query("SELECT uploaded FROM dataproviders WHERE token = $1", [token]);
  return rows[0].uploaded as string;
}

/** The database's rows of a party's uploads; there should be one. */
async function storedUploads(token: string): Promise<{ state: string; count: number }[]> {
  const { rows } = await database.query(
    "SELECT state, count FROM uploads WHERE dp = (SELECT id FROM dataproviders WHERE token = $1)",
    [token],
  );
  return rows;
}

for (const chunked of [false, true]) {
  test.serial(`an upload of ${LARGE_MIB} MiB arrives unchanged, chunked: ${chunked}`, async (t) => {
    const { bytes } = randomRows(chunked ? 1 : 2, MIB / BYTE_LENGTH, BYTE_LENGTH);
    const project = await client.createProject();
    const hash = createHash("sha256");
    const sent = request(`${nginx.url}/api/v1/projects/${project.project_id}/binaryclks`, {
      method: "POST",
      headers: {
        Authorization: project.update_tokens[0]!,
        "Content-Type": "application/octet-stream",
        "Hash-Count": String((LARGE_MIB * MIB) / BYTE_LENGTH),
        "Hash-Size": String(BYTE_LENGTH),
        ...(chunked ? {} : { "Content-Length": String(LARGE_MIB * MIB) }),
      },
    });
    const answered = once(sent, "response") as Promise<[IncomingMessage]>;
    for (let n = 0; n < LARGE_MIB; n++) {
      if (n === LARGE_MIB - 1) {
        await client.until(
          "the file of the body",
          120_000,
          async () => openFiles().length === 1 || undefined,
        );
        t.is(await uploadState(project.update_tokens[0]!), "not_started", "the API has seen nothing of it");
      }
      const part = Buffer.from(bytes);
      part.writeUInt32BE(n); // makes every part unique
      hash.update(part);
      if (!sent.write(part)) await once(sent, "drain");
    }
    sent.end();
    const [response] = await answered;
    const receipt = JSON.parse(await textOf(response)) as { row_count: number; sha256: string };
    t.is(response.statusCode, 201);
    t.is(receipt.row_count, (LARGE_MIB * MIB) / BYTE_LENGTH);
    t.is(receipt.sha256, hash.digest("hex"));
    await client.until("the end of that file", 120_000, async () => openFiles().length === 0 || undefined);
    t.deepEqual(readdirSync(join(nginx.folder, "bodies")), []);
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

test.serial("a slow upload is buffered by nginx and reaches the API when complete", async (t) => {
  const project = await client.createProject();
  const token = project.update_tokens[1]!;
  const upload = new SlowUpload(nginx.port, project, 1, 16_384);
  for (let n = 0; n < 10; n++) {
    await upload.send(100_000);
    await pause(50);
    t.is(await uploadState(token), "not_started");
  }
  // Without nginx, the API would already be processing such an upload.
  const other = await client.createProject();
  const direct = new SlowUpload(cluster.port, other, 1, 16_384);
  await direct.send(1_000_000);
  await client.until("the upload that the API is busy with", 120_000, async () =>
    (await uploadState(other.update_tokens[1]!)) === "in_progress" ? true : undefined,
  );
  direct.abort();
  await upload.finish();
  t.is((await upload.answer).status, 201);
  t.is(await uploadState(token), "done");
});

test.serial("a client that disconnects during an upload leaves nothing and can retry at once", async (t) => {
  const project = await client.createProject();
  const token = project.update_tokens[0]!;
  const upload = new SlowUpload(nginx.port, project, 0, 16_384);
  await upload.send(1_000_000);
  await client.until("the file of the body", 120_000, async () =>
    openFiles().length === 1 ? true : undefined,
  );
  upload.abort();
  await client.until("its end", 120_000, async () => openFiles().length === 0 || undefined);
  t.is(await uploadState(token), "not_started");
  const again = new SlowUpload(nginx.port, project, 0, 16_384);
  await again.finish();
  t.is((await again.answer).status, 201);
});

test.serial("a large result is sent to a slow reader without temporary files", async (t) => {
  const parties = overlappingRows(7, [700, 700]);
  const project = await client.createProject({ result_type: "similarity_scores" });
  await uploadAll(project, parties);
  const { run_id } = await client.run(project, 0.01);
  await client.waitUntilComplete(project, run_id);
  const path = `/api/v1/projects/${project.project_id}/runs/${run_id}/result`;
  const expected = await new ServiceClient(cluster.url).tryResult(project, run_id);
  t.is(expected.json<{ similarity_scores: unknown[] }>().similarity_scores.length, 700 * 700);

  const asked = get(`${nginx.url}${path}`, { headers: { Authorization: project.result_token } });
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  t.is(response.statusCode, 200);
  const parts: Buffer[] = [];
  for await (const part of response) {
    if (parts.length % 16 === 0) {
      await pause(5);
      t.deepEqual(openFiles(), []);
    }
    parts.push(part as Buffer);
  }
  t.true(Buffer.concat(parts).equals(Buffer.from(expected.text)), "it is what the API says itself");
});

async function uploadAll(project: NewProject, parties: readonly Rows[]): Promise<void> {
  for (const [party, rows] of parties.entries()) {
    await client.binaryUpload(project, party, rows.bytes, rows.byteLength);
  }
}

test.serial(
  "while the API is killed and restarted, callers get documented errors and no upload is lost",
  async (t) => {
    const running = { isOver: false };
    const flaws: string[] = [];
    const statuses = new Map<string, number>();
    /** Counts answers, and checks the form of problem documents. */
    const note = (what: string, answer: CallAnswer) => {
      const key = `${what} ${answer.status}`;
      statuses.set(key, (statuses.get(key) ?? 0) + 1);
      const flaw = answer.status >= 400 ? flawOf(answer) : undefined;
      if (flaw !== undefined) flaws.push(`${key}: ${flaw}`);
    };
    const call = async (what: string, method: string, path: string, options = {}): Promise<CallAnswer> => {
      const { status, headers, text } = await client.request(method, path, options);
      const answer = { status, headers: Object.fromEntries(headers), text };
      note(what, answer);
      return answer;
    };

    const readers = Array.from({ length: 3 }, async () => {
      while (!running.isOver) {
        await call("read", "GET", "/projects");
        await pause(2);
      }
    });

    const linked: { project: NewProject; parties: readonly Rows[] }[] = [];
    /** Creates projects, and uploads to each like a client that retries until it succeeds. */
    const upload = async (seed: number) => {
      for (let n = 0; !running.isOver; n++) {
        const created = await call("create", "POST", "/projects", {
          json: { schema: {}, result_type: "groups" },
        });
        if (created.status !== 201) {
          await pause(10);
          continue;
        }
        const project = JSON.parse(created.text) as NewProject;
        const parties = overlappingRows(1000 * seed + n, [3000, 2000]);
        for (const [party, rows] of parties.entries()) {
          for (;;) {
            const { project_id, update_tokens } = project;
            const answer = await call("upload", "POST", `/projects/${project_id}/binaryclks`, {
              token: update_tokens[party],
              body: rows.bytes,
              headers: {
                "Content-Type": "application/octet-stream",
                "Hash-Count": String(rows.bytes.byteLength / rows.byteLength),
                "Hash-Size": String(rows.byteLength),
              },
            });
            if (answer.status === 201) break;
            // Only the answer may have been lost: then the upload exists, and the token is refused.
            if (answer.status === 403 && (await uploadState(update_tokens[party]!)) === "done") break;
            await pause(200);
          }
        }
        linked.push({ project, parties });
      }
    };
    const uploaders = [1, 2, 3, 4].map(upload);

    const kills = async () => {
      let api = cluster.processes.find(({ name }) => name === "api")!;
      for (let n = 0; n < KILL_COUNT; n++) {
        await pause(700);
        if (n % 2 === 0) await api.killGroup();
        else await ended(api);
        await pause(300);
        api = await cluster.startApi();
      }
      await pause(500);
      running.isOver = true;
    };
    await Promise.all([kills(), ...readers, ...uploaders]);
    t.log(Object.fromEntries([...statuses].sort()));

    t.deepEqual(flaws, []);
    const expected = ["create 201", "read 200", "upload 201", "upload 403"];
    const gateway = ["create", "read", "upload"].flatMap((what) =>
      GATEWAY_STATUSES.map((status) => `${what} ${status}`),
    );
    for (const key of statuses.keys()) t.true([...expected, ...gateway].includes(key), key);
    t.true(
      GATEWAY_STATUSES.some((status) => statuses.has(`read ${status}`)),
      "the API was away",
    );
    t.true(linked.length >= 4);
    for (const { project, parties } of linked) {
      for (const [party, rows] of parties.entries()) {
        const stored = await storedUploads(project.update_tokens[party]!);
        t.deepEqual(stored, [{ state: "ready", count: rows.bytes.byteLength / rows.byteLength }]);
      }
    }
    // Completes the first and the last project.
    for (const { project, parties } of [linked[0]!, linked.at(-1)!]) {
      const found = await client.complete<{ groups: never[] }>(project, 0.85);
      t.deepEqual(asSet(found.groups), asSet((await expectedOf(parties, 0.85)).groups));
    }
  },
);

async function ended(api: StartedProcess): Promise<void> {
  api.signal("SIGTERM");
  await api.waitForEnd();
}
