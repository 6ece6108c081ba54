import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import test from "ava";
import { Client } from "minio";
import { AssumeRoleProvider } from "minio/dist/esm/AssumeRoleProvider.mjs";
import { MinioObjectStore, type MinioOptions } from "../../../src/adapters/minio/object-store.js";
import { type S3Server, startS3 } from "../../servers/s3.js";

const MIB = 2 ** 20;

let server: S3Server;
let client: Client;
test.before(async () => {
  server = await startS3();
  client = clientOf(server);
});
test.after.always(() => server?.remove());

function clientOf({ host, port, accessKey, secretKey }: S3Server): Client {
  return new Client({ endPoint: host, port, useSSL: false, accessKey, secretKey });
}

function storeOf(server: S3Server, bucket: string, changes: Partial<MinioOptions> = {}): MinioObjectStore {
  const { host, port, accessKey, secretKey } = server;
  const retry = { firstDelayMs: 20, maxRetryTimeMs: 120_000 };
  return new MinioObjectStore({ host, port, accessKey, secretKey, bucket, secure: false, retry, ...changes });
}

/** `byteLength` seeded bytes, in chunks of 256 KiB. */
async function* content(byteLength: number, seed = 1): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < byteLength; from += MIB / 4) {
    const bytes = Buffer.alloc(Math.min(MIB / 4, byteLength - from));
    for (let n = 0; n + 4 <= bytes.length; n += 4096) bytes.writeUInt32LE(seed * (from + n), n);
    yield bytes;
  }
}

async function digest(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of chunks) hash.update(chunk);
  return hash.digest("hex");
}

test("creates a missing bucket, also from several workers at once", async (t) => {
  const stores = Array.from({ length: 5 }, () => storeOf(server, "made-at-start"));
  await Promise.all(stores.map((store) => store.waitUntilReady()));
  t.true(await client.bucketExists("made-at-start"));
  await storeOf(server, "made-at-start").waitUntilReady();
});

for (const byteLength of [4, MIB + 1, 16 * MIB, 16 * MIB + 1, 40 * MIB]) {
  test(`stores a file of ${byteLength} bytes unchanged`, async (t) => {
    const store = storeOf(server, "files");
    const name = `similarity-scores/${byteLength}.bin`;
    t.is(await store.byteLengthOf(name), undefined);
    for (const seed of [1, 2]) {
      await store.put(name, () => content(byteLength, seed), byteLength);
      t.is(await store.byteLengthOf(name), byteLength);
      const stored = await client.getObject("files", name);
      t.is(await digest(stored), await digest(content(byteLength, seed)));
    }
  });
}

test("recreates a bucket that was removed", async (t) => {
  const store = storeOf(server, "removed");
  await store.waitUntilReady();
  await client.removeBucket("removed");
  t.is(await store.byteLengthOf("a"), undefined);
  await t.throwsAsync(
    store.put("a", () => content(4), 4),
    { code: "NoSuchBucket" },
  );
  await store.put("a", () => content(4), 4);
  t.is(await store.byteLengthOf("a"), 4);
});

for (const byteLength of [MIB, 40 * MIB]) {
  test(`an abort leaves no file of ${byteLength} bytes`, async (t) => {
    const store = storeOf(server, "aborted");
    const controller = new AbortController();
    async function* aborting() {
      let count = 0;
      for await (const chunk of content(byteLength)) {
        if (++count === byteLength / MIB + 1) controller.abort(new Error("revoked"));
        yield chunk;
      }
    }
    const putting = store.put("file", aborting, byteLength, controller.signal);
    await t.throwsAsync(putting, { message: "revoked" });
    t.is(await store.byteLengthOf("file"), undefined);
    const incomplete = await client.listIncompleteUploads("aborted", "", true).toArray();
    t.deepEqual(incomplete, []);
  });
}

test("a content error or a wrong length is thrown and leaves no file", async (t) => {
  const store = storeOf(server, "broken");
  async function* breaking() {
    yield Buffer.alloc(100);
    throw new Error("no more");
  }
  await t.throwsAsync(store.put("file", breaking, 200), { message: "no more" });
  for (const promised of [99, 101]) {
    const putting = store.put("file", () => content(100), promised);
    await t.throwsAsync(putting, { message: /must have (99|101) bytes/ });
  }
  t.is(await store.byteLengthOf("file"), undefined);
});

test("puts survive a server restart and a kill during the transfer", async (t) => {
  const own = await startS3();
  t.teardown(() => own.remove());
  const store = storeOf(own, "restarts");
  await store.put("before", () => content(4), 4);
  await own.stop();
  const waiting = store.put("during", () => content(MIB), MIB);
  await sleep(200);
  await own.start();
  await waiting;
  t.is(await store.byteLengthOf("before"), 4);
  t.is(await store.byteLengthOf("during"), MIB);

  const sending = store.put("large", () => content(64 * MIB), 64 * MIB);
  await sleep(150);
  await own.kill();
  await own.start();
  await sending;
  t.is(await digest(await clientOf(own).getObject("restarts", "large")), await digest(content(64 * MIB)));
});

test("a wrong key fails at once without being revealed", async (t) => {
  const store = storeOf(server, "refused", { secretKey: "a-wrong-one" });
  const error = await t.throwsAsync(store.waitUntilReady());
  t.false(error?.message.includes("a-wrong-one"));
});

test("the test server issues temporary credentials restricted by a policy", async (t) => {
  await storeOf(server, "uploads").waitUntilReady();
  const provider = new AssumeRoleProvider({
    stsEndpoint: `http://${server.address}`,
    accessKey: server.accessKey,
    secretKey: server.secretKey,
    policy: JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Action: ["s3:PutObject"], Resource: ["arn:aws:s3:::uploads/mine/*"] }],
    }),
    durationSeconds: 3600,
  });
  const credentials = await provider.getCredentials();
  const limited = new Client({
    endPoint: server.host,
    port: server.port,
    useSSL: false,
    region: "us-east-1",
    accessKey: credentials.accessKey,
    secretKey: credentials.secretKey,
    sessionToken: credentials.sessionToken!,
  });
  await limited.putObject("uploads", "mine/file", Buffer.from("abc"));
  await t.throwsAsync(limited.putObject("uploads", "other/file", Buffer.from("abc")), {
    code: "AccessDenied",
  });
  await t.throwsAsync(limited.getObject("uploads", "mine/file"), { code: "AccessDenied" });
});
