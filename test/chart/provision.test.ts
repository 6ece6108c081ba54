import { readdirSync } from "node:fs";
import test from "ava";
import { MinioObjectStore } from "../../src/adapters/minio/object-store.js";
import { MinioSharedObjects } from "../../src/adapters/minio/shared-objects.js";
import type { TemporaryCredentials } from "../../src/linkage/object-store.js";
import { bytesOf, content, digest, MIB, namesIn } from "../contract/object-store.js";
import { freePort } from "../servers/free-port.js";
import { S3Server, startS3 } from "../servers/s3.js";
import { Provisioning } from "./provisioning.js";

const OWN_BUCKET = "entityservice";
const UPLOAD_BUCKET = "anonlink-uploads";
const PROJECT = "0123456789abcdef".repeat(3);
/** Keys may contain any character that a password may. */
const UPLOADER = { accessKey: "the uploader", secretKey: `up "$'\\ %s ://@ load` };
const DOWNLOADER = { accessKey: "the-downloader", secretKey: "down/+=load: secret" };
const denied = { code: "AccessDenied" };

let server: S3Server;
let provisioning: Provisioning;
test.before(async () => {
  provisioning = new Provisioning();
  server = await startS3();
});
test.after.always(async () => {
  provisioning?.remove();
  await server?.remove();
});

function environmentOf({ address, accessKey, secretKey }: S3Server): Record<string, string> {
  return {
    MINIO_SERVER: address,
    MINIO_ACCESS_KEY: accessKey,
    MINIO_SECRET_KEY: secretKey,
    UPLOAD_OBJECT_STORE_ACCESS_KEY: UPLOADER.accessKey,
    UPLOAD_OBJECT_STORE_SECRET_KEY: UPLOADER.secretKey,
    DOWNLOAD_OBJECT_STORE_ACCESS_KEY: DOWNLOADER.accessKey,
    DOWNLOAD_OBJECT_STORE_SECRET_KEY: DOWNLOADER.secretKey,
  };
}

interface Keys {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken?: string;
}

/** A store over an existing bucket with these keys. */
function storeOf(bucket: string, keys: Keys): MinioObjectStore {
  const { host, port } = server;
  const region = "us-east-1";
  return new MinioObjectStore({ host, port, secure: false, bucket, region, makesBucket: false, ...keys });
}

function keysOf({ AccessKeyId, SecretAccessKey, SessionToken }: TemporaryCredentials): Keys {
  return { accessKey: AccessKeyId, secretKey: SecretAccessKey, sessionToken: SessionToken };
}

function sharedObjects(bucket: string, keys: Keys): MinioSharedObjects {
  return new MinioSharedObjects({ endpoint: server.address, secure: false, bucket, ...keys });
}

test.serial("creates buckets and users, also concurrently and repeatedly", async (t) => {
  const env = environmentOf(server);
  const atOnce = await Promise.all([provisioning.run(env), provisioning.run(env, ["/bin/bash", "--posix"])]);
  const again = await provisioning.run(env);
  for (const { code, output } of [...atOnce, again]) {
    t.is(code, 0, output);
    t.regex(output, /^provision: done$/m);
    for (const { secretKey, accessKey } of [server, UPLOADER, DOWNLOADER]) {
      t.false(output.includes(secretKey));
      t.false(output.includes(accessKey));
    }
  }
  t.true(again.calls.length > 0);
  for (const { secretKey } of [server, UPLOADER, DOWNLOADER]) {
    t.false(
      again.calls.some((call) => call.includes(secretKey)),
      "in the list of processes",
    );
  }
  t.deepEqual(readdirSync(provisioning.temporaryFolder), []);
  for (const bucket of [OWN_BUCKET, UPLOAD_BUCKET]) {
    t.deepEqual(await namesIn(storeOf(bucket, server), ""), []);
  }
});

test.serial("the upload user can only put objects into the upload bucket", async (t) => {
  const own = storeOf(UPLOAD_BUCKET, server);
  const uploader = storeOf(UPLOAD_BUCKET, UPLOADER);
  await uploader.putStream("some/small", content(100));
  await uploader.putStream("some/large", content(40 * MIB)); // in parts
  t.is(await digest(own.get("some/large")), await digest(content(40 * MIB)));
  await t.throwsAsync(bytesOf(uploader.get("some/small")), denied);
  await t.throwsAsync(uploader.find("some/small"));
  await t.throwsAsync(uploader.remove(["some/small"]));
  await t.throwsAsync(namesIn(uploader, ""), denied);
  await t.throwsAsync(storeOf(OWN_BUCKET, UPLOADER).putStream("a", content(1)), denied);
  await t.throwsAsync(namesIn(storeOf(OWN_BUCKET, UPLOADER), ""), denied);
  t.deepEqual(await namesIn(own, "some/"), ["some/large", "some/small"]);
});

test.serial("the download user can only get similarity scores", async (t) => {
  const own = storeOf(OWN_BUCKET, server);
  await own.putStream("similarity-scores/a.bin", content(3 * MIB));
  await own.putStream("quarantine/a.txt", content(10));
  const downloader = storeOf(OWN_BUCKET, DOWNLOADER);
  t.is(await digest(downloader.get("similarity-scores/a.bin")), await digest(content(3 * MIB)));
  await t.throwsAsync(bytesOf(downloader.get("quarantine/a.txt")), denied);
  await t.throwsAsync(namesIn(downloader, "similarity-scores/"), denied);
  await t.throwsAsync(downloader.putStream("similarity-scores/a.bin", content(1)), denied);
  await t.throwsAsync(downloader.remove(["similarity-scores/a.bin"]));
  await t.throwsAsync(bytesOf(storeOf(UPLOAD_BUCKET, DOWNLOADER).get("some/small")), denied);
  t.is(await own.byteLengthOf("similarity-scores/a.bin"), 3 * MIB);
});

test.serial("the service issues temporary credentials from these users, limited to a path", async (t) => {
  const uploads = sharedObjects(UPLOAD_BUCKET, UPLOADER);
  const party = storeOf(UPLOAD_BUCKET, keysOf(await uploads.uploadCredentials(`${PROJECT}/1`)));
  await party.putStream(`${PROJECT}/1/small`, content(100));
  await party.putStream(`${PROJECT}/1/large`, content(40 * MIB));
  for (const name of [`${PROJECT}/12/a`, `${PROJECT}/2/a`, "a"]) {
    await t.throwsAsync(party.putStream(name, content(10)), denied, name);
  }
  await t.throwsAsync(bytesOf(party.get(`${PROJECT}/1/small`)), denied);

  const own = storeOf(OWN_BUCKET, server);
  await own.putStream("similarity-scores/b.bin", content(MIB));
  const downloads = sharedObjects(OWN_BUCKET, DOWNLOADER);
  const reader = storeOf(OWN_BUCKET, keysOf(await downloads.downloadCredentials("similarity-scores/b.bin")));
  t.is((await bytesOf(reader.get("similarity-scores/b.bin"))).length, MIB);
  for (const name of ["similarity-scores/a.bin", "quarantine/a.txt"]) {
    await t.throwsAsync(bytesOf(reader.get(name)), denied, name);
  }

  // Whatever the service requests, temporary credentials grant no more than the user's own rights.
  const beyond = sharedObjects(OWN_BUCKET, UPLOADER);
  const scores = storeOf(OWN_BUCKET, keysOf(await beyond.downloadCredentials("similarity-scores/b.bin")));
  await t.throwsAsync(bytesOf(scores.get("similarity-scores/b.bin")), denied);
});

test.serial("a new secret key replaces the old one", async (t) => {
  const changed = { ...UPLOADER, secretKey: "another-secret-key" };
  const env = { ...environmentOf(server), UPLOAD_OBJECT_STORE_SECRET_KEY: changed.secretKey };
  const { code, output } = await provisioning.run(env);
  t.is(code, 0, output);
  await storeOf(UPLOAD_BUCKET, changed).putStream("changed", content(1));
  await t.throwsAsync(storeOf(UPLOAD_BUCKET, UPLOADER).putStream("changed", content(2)), {
    code: "SignatureDoesNotMatch",
  });
  t.is((await provisioning.run(environmentOf(server))).code, 0);
  await storeOf(UPLOAD_BUCKET, UPLOADER).putStream("changed", content(3));
});

test.serial("without uploads and keys, creates only the service's bucket under the given name", async (t) => {
  const { address: MINIO_SERVER, accessKey: MINIO_ACCESS_KEY, secretKey: MINIO_SECRET_KEY } = server;
  const env = { MINIO_SERVER, MINIO_ACCESS_KEY, MINIO_SECRET_KEY, MINIO_BUCKET: "another.bucket-2" };
  const { code, output } = await provisioning.run({
    ...env,
    UPLOAD_OBJECT_STORE_ENABLED: "False",
    UPLOAD_OBJECT_STORE_BUCKET: "not-made",
  });
  t.is(code, 0, output);
  t.deepEqual(await namesIn(storeOf("another.bucket-2", server), ""), []);
  await t.throwsAsync(namesIn(storeOf("not-made", server), ""), { code: "NoSuchBucket" });
});

test.serial("waits for the object store up to a time limit", async (t) => {
  const late = new S3Server(await freePort());
  t.teardown(() => late.remove());
  const waiting = provisioning.run(environmentOf(late));
  await late.start();
  const { code, output } = await waiting;
  t.is(code, 0, output);

  const nowhere = `127.0.0.1:${await freePort()}`;
  const wrongOnes: [string, string][] = [
    ["MINIO_SERVER", nowhere],
    ["MINIO_SECRET_KEY", "a-wrong-secret"],
  ];
  for (const [variable, value] of wrongOnes) {
    const env = { ...environmentOf(server), PROVISION_TIMEOUT_SECONDS: "1", [variable]: value };
    const refused = await provisioning.run(env);
    t.is(refused.code, 1);
    t.regex(refused.output, /no object store at .* takes our keys after 1 seconds/);
    t.false(refused.output.includes("a-wrong-secret"));
  }
  t.deepEqual(readdirSync(provisioning.temporaryFolder), []);
});

test.serial("rejects invalid settings by name before contacting the store", async (t) => {
  const wrongOnes: [string, string, RegExp][] = [
    ["MINIO_SECURE", "perhaps", /MINIO_SECURE: expected true or false/],
    ["UPLOAD_OBJECT_STORE_ENABLED", "2", /UPLOAD_OBJECT_STORE_ENABLED: expected true or false/],
    ["MINIO_BUCKET", 'a","b', /MINIO_BUCKET: expected lower-case letters/],
    ["UPLOAD_OBJECT_STORE_BUCKET", "*", /UPLOAD_OBJECT_STORE_BUCKET: expected lower-case letters/],
    ["MINIO_SECRET_KEY", "", /MINIO_ACCESS_KEY, MINIO_SECRET_KEY: expected both/],
    ["UPLOAD_OBJECT_STORE_SECRET_KEY", "", /UPLOAD_OBJECT_STORE_SECRET_KEY: expected both/],
    ["DOWNLOAD_OBJECT_STORE_ACCESS_KEY", "", /DOWNLOAD_OBJECT_STORE_SECRET_KEY: expected both/],
    ["DOWNLOAD_OBJECT_STORE_SECRET_KEY", "two\nlines", /DOWNLOAD_OBJECT_STORE_SECRET_KEY: expected no line/],
    ["UPLOAD_OBJECT_STORE_ACCESS_KEY", server.accessKey, /access keys other than MINIO_ACCESS_KEY/],
    ["UPLOAD_OBJECT_STORE_ACCESS_KEY", DOWNLOADER.accessKey, /two access keys/],
    ["PROVISION_TIMEOUT_SECONDS", "soon", /PROVISION_TIMEOUT_SECONDS: expected a whole number/],
  ];
  const before = (await provisioning.run({ MINIO_ACCESS_KEY: "" })).calls.length;
  for (const [variable, value, message] of wrongOnes) {
    const { code, output, calls } = await provisioning.run({ ...environmentOf(server), [variable]: value });
    t.is(code, 1, variable);
    t.regex(output, message);
    t.is(calls.length, before);
  }
});
