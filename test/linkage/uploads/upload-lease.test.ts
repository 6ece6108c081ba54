import { setTimeout as pause } from "node:timers/promises";
import test from "ava";
import { receiveJsonUpload } from "../../../src/linkage/uploads/receive-json-upload.js";
import { clk, setUp } from "./upload-set-up.js";

/** A lease is renewed every quarter of this time. */
const LEASE_SECONDS = 0.2;

/** A client that sends records slowly, without end. */
class SlowClient {
  rowCount = 0;
  #end = () => {};
  /** Resolves once the body is no longer read. */
  readonly ended = new Promise<void>((resolve) => {
    this.#end = resolve;
  });

  /** @param onRow called after each record */
  constructor(private readonly onRow: (rowCount: number) => void) {}

  async *body(): AsyncGenerator<Uint8Array> {
    try {
      for (yield Buffer.from('{"clks": ['); ; await pause(5)) {
        yield Buffer.from(`${this.rowCount++ === 0 ? "" : ","}"${clk(1)}"`);
        this.onRow(this.rowCount);
      }
    } finally {
      this.#end();
    }
  }
}

function upload(given: ReturnType<typeof setUp>, client: SlowClient) {
  const options = { ...given.options, leaseSeconds: LEASE_SECONDS, limits: { ...given.options.limits } };
  options.limits.maxRecords = 1e6;
  return receiveJsonUpload(given.stores, options, given.request(1), client.body());
}

test("deleting the project ends an upload in progress, which leaves nothing", async (t) => {
  const given = setUp();
  const client = new SlowClient((rowCount) => {
    if (rowCount === 10) given.database.isDeleted = true;
  });
  await t.throwsAsync(upload(given, client), { code: "forbidden" });
  t.true(client.rowCount >= 10);
  await client.ended;
  t.is(given.encodings.stored.size, 0);
});

test("an upload fails if its lease cannot be renewed", async (t) => {
  const given = setUp();
  const client = new SlowClient((rowCount) => {
    if (rowCount === 10) given.cache.holdUpload = () => Promise.reject(new Error("away"));
  });
  await t.throwsAsync(upload(given, client), {
    code: "store-failed",
    message: /its lease could not be renewed/,
  });
  await client.ended;
  t.is(given.encodings.stored.size, 0);
  t.is(given.database.party(1).state, "error");
});

test("an upload that takes longer than its lease continues while the lease is renewed", async (t) => {
  const given = setUp();
  const began = Date.now();
  const stop = new Error("enough");
  const client = new SlowClient(() => {
    if (Date.now() - began > 2000 * LEASE_SECONDS) throw stop;
  });
  t.is(await upload(given, client).catch((error: unknown) => error), stop);
});
