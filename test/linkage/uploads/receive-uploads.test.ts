import { createHash } from "node:crypto";
import test from "ava";
import { hashBlockName } from "../../../src/linkage/uploads/block-name-hash.js";
import { receiveBinaryUpload } from "../../../src/linkage/uploads/receive-binary-upload.js";
import { receiveJsonUpload } from "../../../src/linkage/uploads/receive-json-upload.js";
import { PROJECT_ID, RESULT_TOKEN } from "./memory-parties.js";
import { BUCKET, bodyOf, clk, hex, setUp, untouchable } from "./upload-set-up.js";

type SetUp = ReturnType<typeof setUp>;

const TWO = JSON.stringify({ clks: [clk(1), clk(2)] });

function json(given: SetUp, party: number, ...chunks: (string | Uint8Array)[]) {
  return receiveJsonUpload(given.stores, given.options, given.request(party), bodyOf(...chunks));
}

function binary(
  given: SetUp,
  party: number,
  hashCount: string | undefined,
  hashSize: string | undefined,
  body: AsyncIterable<Uint8Array>,
  more: { bodyByteLength?: number; stateWhenRefused?: "not_started" | "error" } = {},
) {
  const request = {
    ...given.request(party),
    hashCount,
    hashSize,
    stateWhenRefused: "error" as const,
    ...more,
  };
  return receiveBinaryUpload(given.stores, given.options, request, body);
}

test("stores JSON rows in one block, returns a receipt, and starts runs after the last party", async (t) => {
  const given = setUp();
  const receipt = await json(given, 1, TWO.slice(0, 20), TWO.slice(20));
  t.regex(receipt.receiptToken, /^[0-9a-f]{48}$/);
  t.is(receipt.recordCount, 2);
  t.is(receipt.sha256, createHash("sha256").update(TWO).digest("hex"));
  t.is(given.encodings.rowsOf(1), hex(1) + hex(2));
  t.deepEqual(given.encodings.stored.get(1)!.blocks, new Map([[await hashBlockName("1"), [0, 1]]]));
  const { state, upload } = given.database.party(1);
  t.is(state, "done");
  t.like(upload, {
    receiptToken: receipt.receiptToken,
    state: "ready",
    recordCount: 2,
    blockCount: 1,
    encodingSize: 8,
    file: `packed/${receipt.receiptToken}`,
  });
  t.false(await given.cache.isUploadHeld(receipt.receiptToken));
  t.deepEqual(given.tasks.sent, []);

  await json(given, 2, TWO);
  t.like(given.tasks.sent, {
    length: 1,
    0: {
      name: "entityservice.tasks.pre_run_check.check_for_executable_runs",
      parameters: { project_id: PROJECT_ID },
    },
  });
});

test("stores rows with blocks in both forms", async (t) => {
  const given = setUp({ usesBlocking: true });
  await json(
    given,
    1,
    JSON.stringify({
      clknblocks: [
        [clk(1), "x", 7],
        [clk(2), "x"],
      ],
    }),
  );
  const blocks = new Map([
    [await hashBlockName("x"), [0, 1]],
    [await hashBlockName("7"), [0]],
  ]);
  t.deepEqual(new Map([...given.encodings.stored.get(1)!.blocks!].sort()), new Map([...blocks].sort()));
  await json(given, 2, JSON.stringify({ blocks: { "1": ["x"] }, encodings: [clk(3), clk(4)] }));
  t.deepEqual(given.encodings.stored.get(2)!.blocks, new Map([[await hashBlockName("x"), [1]]]));
  t.is(given.database.party(2).upload?.blockCount, 1);
});

test("stores binary data in chunks of any size", async (t) => {
  const given = setUp();
  const bytes = Buffer.concat([Buffer.alloc(8, 1), Buffer.alloc(8, 2), Buffer.alloc(8, 3)]);
  const chunks = [bytes.subarray(0, 3), bytes.subarray(3, 3), bytes.subarray(3, 17), bytes.subarray(17)];
  const receipt = await binary(given, 1, "3", "8", bodyOf(...chunks), { bodyByteLength: 24 });
  t.is(receipt.recordCount, 3);
  t.is(receipt.sha256, createHash("sha256").update(bytes).digest("hex"));
  t.is(given.encodings.rowsOf(1), bytes.toString("hex"));
  t.like(given.database.party(1), {
    state: "done",
    upload: { state: "ready", encodingSize: 8, recordCount: 3 },
  });
});

test("does not read the body if the token or the upload slot is invalid", async (t) => {
  const given = setUp();
  await json(given, 1, TWO);
  const tokens = [
    ["", PROJECT_ID],
    [RESULT_TOKEN, PROJECT_ID],
    ["f".repeat(48), PROJECT_ID],
    [given.request(2).updateToken, "c".repeat(48)],
    [given.request(2).updateToken, "'; --"],
    [given.request(1).updateToken, PROJECT_ID], // used
  ] as const;
  for (const [updateToken, projectId] of tokens) {
    const request = { updateToken, projectId };
    await t.throwsAsync(receiveJsonUpload(given.stores, given.options, request, untouchable()), {
      code: "forbidden",
    });
    const asBinary = { ...request, hashCount: "1", hashSize: "8", stateWhenRefused: "error" as const };
    await t.throwsAsync(receiveBinaryUpload(given.stores, given.options, asBinary, untouchable()), {
      code: "forbidden",
    });
  }
  t.is(given.database.party(1).state, "done");
  t.is(given.database.party(2).state, "not_started");
});

test("rejected JSON releases the upload slot and leaves nothing", async (t) => {
  const row = clk(1);
  const refused: readonly (readonly [text: string, code: string, message: RegExp, usesBlocking?: boolean])[] =
    [
      ['{"clks": []}', "invalid-request", /^The upload has no rows\.$/],
      ["{}", "invalid-request", /a key clks/],
      [`["${row}"]`, "invalid-request", /an object/],
      [`{"clks": ["${row}", "AAAA"]}`, "invalid-request", /^Row 1 is invalid: an encoding of 3 bytes, /],
      [
        `{"clks": ["${row}", 1, 2]}`,
        "invalid-request",
        /^Some rows are invalid: row 1 \(a number instead of base64\), row 2 \(a number .*\)\.$/,
      ],
      [`{"clks": ["${row}"`, "invalid-request", /the end of the text/],
      ["", "invalid-request", /the end of the text/],
      [`{"clks": [${Array(1001).fill(`"${row}"`)}]}`, "invalid-request", /at most 1000/],
      [`{"clknblocks": [["${row}", "a"]]}`, "forbidden", /must not have blocks/],
      [`{"encodings": ["${row}"], "blocks": {"0": []}}`, "forbidden", /must not have blocks/],
      [`{"clks": ["${row}"]}`, "forbidden", /must have blocks/, true],
      [`{"encodings": ["${row}"]}`, "forbidden", /must have blocks/, true],
      [`{"clknblocks": []}`, "invalid-request", /^The upload has no rows\.$/, true],
    ];
  for (const [text, code, message, usesBlocking = false] of refused) {
    const given = setUp({ usesBlocking });
    await t.throwsAsync(json(given, 1, text), { code, message }, text);
    t.is(given.database.party(1).state, "not_started", text);
    t.is(given.database.party(1).upload, undefined);
    t.is(given.encodings.stored.size, 0);
    const sound = usesBlocking ? `{"clknblocks": [["${row}", "a"]]}` : TWO;
    await t.notThrowsAsync(json(given, 1, sound), "the party may try again");
  }
});

test("rejected binary data leaves the party in the requested state", async (t) => {
  const row = Buffer.alloc(8, 1);
  type Case = readonly [count: string | undefined, size: string | undefined, bytes: number, message: RegExp];
  const refused: readonly Case[] = [
    [undefined, "8", 8, /^Hash-Count must be .*, but is missing\.$/],
    ["1", undefined, 8, /^Hash-Size must be .*, but is missing\.$/],
    ["0", "8", 0, /^Hash-Count must be a whole number from 1 to 1000, not 0\.$/],
    ["1001", "8", 8, /Hash-Count/],
    ["-1", "8", 8, /Hash-Count/],
    ["1.5", "8", 8, /Hash-Count/],
    ["1", "0x8", 8, /^Hash-Size must be a whole number from 1 to 1024\.$/],
    ["1", "2000", 2000, /Hash-Size/],
    ["2", "4", 8, /^Hash-Size must be a multiple of 8 bytes \(64 bits\), not 4 bytes\.$/],
    ["2", "8", 8, /^The body must have 16 bytes \(2 × 8\), not 8 bytes\.$/],
    ["1", "8", 16, /^The body must have 8 bytes \(1 × 8\), not more\.$/],
    ["1", "8", 0, /not 0 bytes\.$/],
  ];
  for (const stateWhenRefused of ["not_started", "error"] as const) {
    for (const [count, size, byteLength, message] of refused) {
      const given = setUp();
      const body = bodyOf(Buffer.alloc(byteLength));
      await t.throwsAsync(binary(given, 1, count, size, body, { stateWhenRefused }), {
        code: "invalid-request",
        message,
      });
      t.is(given.database.party(1).state, stateWhenRefused);
      t.is(given.encodings.stored.size, 0);
      await t.notThrowsAsync(binary(given, 1, "1", "8", bodyOf(row)), "the party may try again");
    }
  }
  const given = setUp({ usesBlocking: true });
  await t.throwsAsync(binary(given, 1, "1", "8", untouchable()), { code: "forbidden" });
  const withSchema = setUp({ schema: { clkConfig: { l: 1024 } } });
  await t.throwsAsync(binary(withSchema, 1, "1", "8", untouchable()), {
    message: "Hash-Size must be 128 bytes in this project, not 8 bytes.",
  });
  const announced = binary(withSchema, 1, "1", "128", untouchable(), { bodyByteLength: 127 });
  await t.throwsAsync(announced, { message: /must have 128 bytes .*, not 127 bytes/ });
});

test("accepts rows of one unsupported size, then fails the upload and the runs", async (t) => {
  const cases = [
    [4, {}],
    [20, {}],
    [1032, {}],
    [4096, {}],
    [8, { schema: { clkConfig: { l: 1024 } } }],
    [8, { encodingSize: 128 }],
  ] as const;
  for (const [byteLength, project] of cases) {
    const given = setUp(project);
    const receipt = await json(given, 1, JSON.stringify({ clks: [clk(1, byteLength), clk(2, byteLength)] }));
    t.is(receipt.recordCount, 2);
    t.like(given.database.party(1), { state: "error", upload: { state: "error", encodingSize: byteLength } });
    t.regex(given.database.failures[0]!, new RegExp(`party 0 must have .* have ${byteLength} bytes\\.$`));
    t.is(given.encodings.stored.size, 0);
    t.deepEqual(given.tasks.sent, []);
    const fine = JSON.stringify({
      clks: [clk(1, "schema" in project || "encodingSize" in project ? 128 : 8)],
    });
    await t.notThrowsAsync(json(given, 1, fine), "the party may try again");
  }
});

test("a disconnected client leaves no data, and its error is thrown", async (t) => {
  for (const [chunks, stateWhenRefused] of [
    [[], "error"],
    [[Buffer.alloc(600_000, 1)], "not_started"],
  ] as const) {
    const given = setUp({}, { maxRecords: 1e6 });
    async function* broken() {
      yield* chunks;
      throw new Error("reset");
    }
    await t.throwsAsync(binary(given, 1, "100000", "8", broken(), { stateWhenRefused }), {
      message: "reset",
    });
    t.is(given.database.party(1).state, stateWhenRefused);
    t.is(given.encodings.stored.size, 0);
    await t.throwsAsync(receiveJsonUpload(given.stores, given.options, given.request(2), broken()));
    t.is(given.database.party(2).state, "not_started");
  }
});

test("an abort ends an upload from a client that stops sending", async (t) => {
  const given = setUp();
  const abort = new AbortController();
  let isRead = () => {};
  const reading = new Promise<void>((resolve) => {
    isRead = resolve;
  });
  async function* silent(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(TWO.slice(0, 10));
    isRead();
    await new Promise(() => {});
  }
  const request = { ...given.request(1), signal: abort.signal };
  const upload = receiveJsonUpload(given.stores, given.options, request, silent());
  await reading;
  abort.abort(new Error("the service ends"));
  await t.throwsAsync(upload, { message: "the service ends" });
  t.is(given.database.party(1).state, "not_started");
});

test("a store failure puts the party in error and leaves no data", async (t) => {
  for (const at of ["beforeWrite", "beforeCommit"] as const) {
    const given = setUp();
    given.encodings[at] = () => Promise.reject(new Error("full"));
    await t.throwsAsync(json(given, 1, TWO), { message: "full" });
    t.is(given.database.party(1).state, "error");
    t.is(given.encodings.stored.size, 0);
  }
  const given = setUp();
  given.database.beforeFinish = () => Promise.reject(new Error("away"));
  await t.throwsAsync(json(given, 1, TWO), { message: "away" });
  t.is(given.database.party(1).state, "error");
  t.is(given.encodings.stored.size, 0);
});

test("accepts an upload even if the task that starts runs cannot be sent", async (t) => {
  const given = setUp();
  await json(given, 1, TWO);
  given.tasks.isAway = true;
  await json(given, 2, TWO);
  t.is(given.database.party(2).state, "done");
  t.is(given.unsent.length, 1);
});

test("reads and hashes a body once, even if its beginning may refer to files", async (t) => {
  for (const padding of [0, 16_384 - TWO.length, 16_385 - TWO.length, 100_000]) {
    for (const chunkLength of [16_384, 1000]) {
      const given = setUp();
      const text = TWO.replace("{", `{${" ".repeat(padding)}`);
      const chunks = text.match(new RegExp(`.{1,${chunkLength}}`, "g"))!;
      const receipt = await json(given, 1, ...chunks);
      t.is(receipt.sha256, createHash("sha256").update(text).digest("hex"));
      t.is(given.encodings.rowsOf(1), hex(1) + hex(2));
    }
  }
});

const FILE = { bucket: BUCKET, path: `${PROJECT_ID}/1/rows.bin` };

test("external files: accepts the upload and sends the task that reads them", async (t) => {
  const given = setUp();
  const body = JSON.stringify({ encodings: { file: FILE, credentials: { SecretAccessKey: "secret" } } });
  const receipt = await json(given, 1, ...body);
  t.is(receipt.recordCount, undefined);
  t.like(given.database.party(1), { state: "done", upload: { state: "pending" } });
  const upload = { project_id: PROJECT_ID, dp_id: 1, receipt_token: receipt.receiptToken };
  t.deepEqual(given.tasks.sent, [
    {
      name: "entityservice.tasks.encoding_uploading.pull_external_data_encodings_only",
      parameters: { ...upload, object_info: FILE, credentials: null },
      onError: { name: "entityservice.tasks.encoding_uploading.handle_upload_error", parameters: upload },
    },
  ]);

  const blocked = setUp({ usesBlocking: true });
  const blocks = { file: { ...FILE, path: `${PROJECT_ID}/1/blocks.json` } };
  await json(blocked, 1, JSON.stringify({ blocks, encodings: { file: FILE } }));
  t.like(blocked.tasks.sent[0], {
    name: "entityservice.tasks.encoding_uploading.pull_external_data",
    parameters: { dp_id: 1, encoding_object_info: FILE, blocks_object_info: blocks.file },
  });
});

test("rejects invalid external files", async (t) => {
  const files = (encodings: unknown, blocks?: unknown) => JSON.stringify({ encodings, blocks });
  const at = (path: string, bucket = BUCKET) => ({ file: { bucket, path } });
  const own = at(FILE.path);
  const refused: readonly (readonly [text: string, code: string, usesBlocking?: boolean])[] = [
    [files(at(`${PROJECT_ID}/2/rows.bin`)), "forbidden"],
    [files(at(`${PROJECT_ID}/12/rows.bin`)), "forbidden"],
    [files(at(`${PROJECT_ID}/1`)), "forbidden"],
    [files(at(`${PROJECT_ID}/1/`)), "forbidden"],
    [files(at(`${PROJECT_ID}/1/../2/rows.bin`)), "forbidden"],
    [files(at(FILE.path, "entityservice")), "forbidden"],
    [files(own, own), "forbidden"],
    [files(own), "forbidden", true],
    [files(own, at(`${PROJECT_ID}/2/blocks.json`)), "forbidden", true],
    [files({ file: { bucket: BUCKET } }), "invalid-request"],
    [files({ file: 5 }), "invalid-request"],
    [files({}), "invalid-request"],
    [files(own, { "0": ["a"] }), "invalid-request", true],
    [files([clk(1)], own), "invalid-request", true],
    [`{"encodings": ${JSON.stringify(own)}`, "invalid-request"],
    [`{"encodings": ${JSON.stringify(own)}, "x": "${"y".repeat(16_384)}"}`, "invalid-request"],
  ];
  for (const [text, code, usesBlocking = false] of refused) {
    const given = setUp({ usesBlocking });
    await t.throwsAsync(json(given, 1, text), { code }, text.slice(0, 200));
    t.is(given.database.party(1).state, "not_started", text.slice(0, 200));
    t.deepEqual(given.tasks.sent, []);
  }
  const given = setUp();
  given.stores.externalBucket = undefined;
  await t.throwsAsync(json(given, 1, files(own)), { code: "feature-disabled" });
  const away = setUp();
  away.tasks.isAway = true;
  await t.throwsAsync(json(away, 1, files(own)), { message: "no queue" });
  t.is(away.database.party(1).state, "error");
});
