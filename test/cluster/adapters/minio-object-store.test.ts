// MinioObjectStore as an ObjectStore; minio.test.ts tests what is specific to servers.
import test from "ava";
import { Client } from "minio";
import { MinioObjectStore, type MinioOptions } from "../../../src/adapters/minio/object-store.js";
import { ServiceError } from "../../../src/linkage/errors.js";
import { bytesOf, content, digest, MIB, testObjectStore } from "../../contract/object-store.js";
import { CuttingProxy } from "../../servers/cutting-proxy.js";
import { type S3Server, startS3 } from "../../servers/s3.js";

let server: S3Server;
let client: Client;
test.before(async () => {
  server = await startS3();
  const { host: endPoint, port, accessKey, secretKey } = server;
  client = new Client({ endPoint, port, useSSL: false, accessKey, secretKey });
});
test.after.always(() => server?.remove());

function storeOf(bucket: string, changes: Partial<MinioOptions> = {}): MinioObjectStore {
  const { host, port, accessKey, secretKey } = server;
  const retry = { firstDelayMs: 20, maxRetryTimeMs: 120_000 };
  return new MinioObjectStore({ host, port, accessKey, secretKey, bucket, secure: false, retry, ...changes });
}

let buckets = 0;
testObjectStore(test, async () => {
  const bucket = `contract-${++buckets}`;
  return {
    store: storeOf(bucket),
    leftovers: async () => {
      const names = ["a", "similarity-scores/a.bin"];
      const uploads = await Promise.all(names.map((name) => client.findUploadId(bucket, name)));
      return uploads.filter((id) => id !== undefined);
    },
  };
});

test("returns the client's metadata in lower case and without the prefix", async (t) => {
  const store = storeOf("metadata");
  await store.waitUntilReady();
  const metadata = {
    "Content-Type": "text/plain",
    "X-Amz-Meta-Hash-Count": "5",
    "x-amz-meta-hash-size": "128",
  };
  await client.putObject("metadata", "file", Buffer.from("abc"), 3, metadata);
  t.deepEqual(await store.find("file"), {
    byteLength: 3,
    metadata: { "hash-count": "5", "hash-size": "128" },
  });
});

test("resumes reading after dropped connections", async (t) => {
  const direct = storeOf("cut");
  await direct.putStream("a", content(20 * MIB));
  const proxy = await CuttingProxy.start(server);
  t.teardown(() => proxy.stop());
  const store = storeOf("cut", { port: proxy.port });
  const whole = await bytesOf(content(20 * MIB));
  proxy.cutAfter = 3 * MIB;
  t.is(await digest(store.get("a")), await digest(content(20 * MIB)));
  t.true(proxy.cutCount >= 6);
  const part = await bytesOf(store.get("a", { from: MIB + 3, byteLength: 10 * MIB }));
  t.true(part.equals(whole.subarray(MIB + 3, 11 * MIB + 3)));
  const end = await bytesOf(store.get("a", { from: 12 * MIB, byteLength: 100 * MIB }));
  t.true(end.equals(whole.subarray(12 * MIB)));
});

test("reports an error if a file is replaced while its connection is cut", async (t) => {
  const direct = storeOf("cut-and-replaced");
  await direct.putStream("packed/secret", content(20 * MIB, 1));
  const proxy = await CuttingProxy.start(server);
  t.teardown(() => proxy.stop());
  proxy.cutAfter = 2 * MIB;
  const replaced = new Promise<void>((resolve, reject) => {
    proxy.onCut = () => {
      proxy.onCut = () => {};
      direct.putStream("packed/secret", content(20 * MIB, 2)).then(resolve, reject);
    };
  });
  const store = storeOf("cut-and-replaced", { port: proxy.port });
  const reading = async () => {
    let received = 0;
    for await (const chunk of store.get("packed/secret")) {
      received += chunk.length;
      if (proxy.cutCount > 0) await replaced;
    }
    return received;
  };
  const error = await t.throwsAsync(reading(), { instanceOf: ServiceError, code: "store-failed" });
  t.false(error?.message.includes("secret"));
});

test("gives up on a server that cuts every connection before the first byte", async (t) => {
  await storeOf("cut-at-once").putStream("a", content(MIB));
  const proxy = await CuttingProxy.start(server);
  t.teardown(() => proxy.stop());
  const store = storeOf("cut-at-once", { port: proxy.port, retry: { firstDelayMs: 1, maxRetryTimeMs: 500 } });
  await store.waitUntilReady();
  proxy.cutAfter = 400; // within the response's headers or just after them
  await t.throwsAsync(bytesOf(store.get("a")));
});

test("removing a file also removes its incomplete uploads", async (t) => {
  const store = storeOf("incomplete");
  await store.waitUntilReady();
  for (let n = 0; n < 2; n++) {
    const uploadId = await client.initiateNewMultipartUpload("incomplete", "packed/a", {});
    const part = {
      bucketName: "incomplete",
      objectName: "packed/a",
      uploadID: uploadId,
      partNumber: 1,
      headers: {},
    };
    await client.uploadPart(part, Buffer.alloc(1000));
  }
  t.not(await client.findUploadId("incomplete", "packed/a"), undefined);
  await store.remove(["packed/a", "packed/b"]);
  t.is(await client.findUploadId("incomplete", "packed/a"), undefined);
});
