import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import test from "ava";
import { MinioObjectStore } from "../../../src/adapters/minio/object-store.js";
import {
  MinioSharedObjects,
  type MinioSharedObjectsOptions,
} from "../../../src/adapters/minio/shared-objects.js";
import type { TemporaryCredentials } from "../../../src/linkage/object-store.js";
import { bytesOf, content, digest, MIB, namesIn } from "../../contract/object-store.js";
import { pythonEnvironment } from "../../python-environment.js";
import { type S3Server, startS3 } from "../../servers/s3.js";

const BUCKET = "anonlink-uploads";
const PROJECT = "0123456789abcdef".repeat(3);

let server: S3Server;
let own: MinioObjectStore;
test.before(async () => {
  server = await startS3();
  own = storeOf();
});
test.after.always(() => server?.remove());

/** A store with the service's keys, or with temporary ones. */
function storeOf(credentials?: TemporaryCredentials): MinioObjectStore {
  const { host, port, accessKey, secretKey } = server;
  const place = { host, port, secure: false, bucket: BUCKET };
  if (credentials === undefined) return new MinioObjectStore({ ...place, accessKey, secretKey });
  return new MinioObjectStore({
    ...place,
    accessKey: credentials.AccessKeyId,
    secretKey: credentials.SecretAccessKey,
    sessionToken: credentials.SessionToken,
    region: "us-east-1",
    makesBucket: false,
  });
}

function sharedObjects(changes: Partial<MinioSharedObjectsOptions> = {}): MinioSharedObjects {
  const { address: endpoint, accessKey, secretKey } = server;
  const prepareBucket = () => own.waitUntilReady();
  const options = { endpoint, accessKey, secretKey, bucket: BUCKET, secure: false, prepareBucket };
  return new MinioSharedObjects({ ...options, ...changes });
}

const denied = { code: "AccessDenied" };

test("a party can only put files below its own path", async (t) => {
  const shared = sharedObjects({ durationSeconds: 3600 });
  t.deepEqual([shared.bucket, shared.endpoint, shared.secure], [BUCKET, server.address, false]);
  const before = Date.now();
  const credentials = await shared.uploadCredentials(`${PROJECT}/1`);
  t.deepEqual(Object.keys(credentials), ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"]);
  const lasts = (Date.parse(credentials.Expiration) - before) / 1000;
  t.true(lasts > 3500 && lasts < 3700, String(lasts));
  t.regex(credentials.Expiration, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/);

  const party = storeOf(credentials);
  await party.putStream(`${PROJECT}/1/small.bin`, content(100));
  await party.putStream(`${PROJECT}/1/a/large.bin`, content(40 * MIB));
  t.is(await digest(own.get(`${PROJECT}/1/a/large.bin`)), await digest(content(40 * MIB)));

  await own.put(`${PROJECT}/12/a`, () => content(10), 10);
  const elsewhere = [
    `${PROJECT}/12/a`,
    `${PROJECT}/12/b`,
    `${PROJECT}/1`,
    `${PROJECT}/1x`,
    `${PROJECT}/2/a`,
    "a",
    `${PROJECT}1/1/a`,
  ];
  for (const name of elsewhere) {
    await t.throwsAsync(party.putStream(name, content(10)), denied, name);
    await t.throwsAsync(party.putStream(name, content(17 * MIB)), denied, name);
  }
  for (const name of [`${PROJECT}/12/a`, `${PROJECT}/1/small.bin`]) {
    await t.throwsAsync(bytesOf(party.get(name)), denied);
    await t.throwsAsync(party.find(name), undefined, "its head says nothing but its status");
    await t.throwsAsync(party.remove([name]));
  }
  for (const prefix of ["", `${PROJECT}/`, `${PROJECT}/1/`]) {
    await t.throwsAsync(namesIn(party, prefix), denied);
  }
  t.is((await bytesOf(own.get(`${PROJECT}/12/a`))).length, 10);
  const stored = [`${PROJECT}/1/a/large.bin`, `${PROJECT}/1/small.bin`, `${PROJECT}/12/a`];
  t.deepEqual(await namesIn(own, `${PROJECT}/1`), stored);
  t.deepEqual(await namesIn(own, `${PROJECT}/2`), []); // other tests use other paths
});

test("download credentials grant access to one result only", async (t) => {
  for (const name of ["similarity-scores/a.bin", "similarity-scores/a.bin2", "similarity-scores/b.bin"]) {
    await own.put(name, () => content(3 * MIB), 3 * MIB);
  }
  const reader = storeOf(await sharedObjects().downloadCredentials("similarity-scores/a.bin"));
  t.is(await digest(reader.get("similarity-scores/a.bin")), await digest(content(3 * MIB)));
  for (const name of ["similarity-scores/a.bin2", "similarity-scores/b.bin", "similarity-scores/none"]) {
    await t.throwsAsync(bytesOf(reader.get(name)), denied, name);
  }
  await t.throwsAsync(reader.putStream("similarity-scores/a.bin", content(1)), denied);
  await t.throwsAsync(namesIn(reader, "similarity-scores/"), denied);
});

test("rejects names that act as policy patterns, and invalid durations", async (t) => {
  for (const path of ["*", "a/*", "a/?", "a/$x", "../a", "a/", ""]) {
    await t.throwsAsync(sharedObjects().uploadCredentials(path), { code: "invalid-arguments" }, path);
    await t.throwsAsync(sharedObjects().downloadCredentials(path), { code: "invalid-arguments" }, path);
  }
  for (const durationSeconds of [899, 604_801, 1000.5, Number.NaN]) {
    t.throws(() => sharedObjects({ durationSeconds }), { code: "invalid-arguments" });
  }
  for (const durationSeconds of [900, 604_800]) {
    const credentials = await sharedObjects({ durationSeconds }).uploadCredentials("a");
    const lasts = (Date.parse(credentials.Expiration) - Date.now()) / 1000;
    t.true(Math.abs(lasts - durationSeconds) < 60, String(lasts));
  }
});

test("a wrong key fails at once without being revealed", async (t) => {
  const error = await t.throwsAsync(sharedObjects({ secretKey: "a-wrong-one" }).uploadCredentials("a"));
  t.false(String(error?.message).includes("a-wrong-one"));
});

test("waits for a server that is not up yet", async (t) => {
  const late = await startS3();
  t.teardown(() => late.remove());
  await late.stop();
  const { address: endpoint, accessKey, secretKey } = late;
  const retry = { firstDelayMs: 50, maxRetryTimeMs: 120_000 };
  const options = { endpoint, accessKey, secretKey, bucket: BUCKET, secure: false, retry };
  const waiting = new MinioSharedObjects(options).uploadCredentials("a");
  await late.start();
  t.truthy((await waiting).SessionToken);
});

test("a Python client can upload in parts with temporary credentials, but only below its path", async (t) => {
  const requirements = fileURLToPath(new URL("../../fleet/requirements-newest.txt", import.meta.url));
  const python = join(pythonEnvironment(requirements, "fleet-newest"), "python");
  const script = fileURLToPath(new URL("upload.py", import.meta.url));
  const path = `${PROJECT}/7`;
  const credentials = await sharedObjects().uploadCredentials(path);
  const input = { endpoint: server.address, bucket: BUCKET, path, credentials };
  const { stdout } = await promisify(execFile)(python, [script, JSON.stringify(input)]);
  t.deepEqual(JSON.parse(stdout), { refused: ["AccessDenied", "AccessDenied"] });
  t.is(await own.byteLengthOf(`${path}/small`), 3);
  t.deepEqual(await own.find(`${path}/large`), {
    byteLength: 12 * MIB,
    metadata: { "hash-count": "98304", "hash-size": "128" },
  });
});
