// Receives an upload of 256 MiB of JSON, which is generated on the fly, and prints its outcome and the memory used.
import { randomBytes } from "node:crypto";
import type { WritableEncodingStore } from "../../../src/linkage/encoding-store.js";
import { receiveJsonUpload } from "../../../src/linkage/uploads/receive-json-upload.js";
import { setUp } from "./upload-set-up.js";

const BODY_LENGTH = 256 * 2 ** 20;
const { stores, options, request, database } = setUp({ usesBlocking: true }, { maxRecords: 1e8 });

let rowBytes = 0;
let pieces = 0;
let memberships = 0;
const encodings: Pick<WritableEncodingStore, "fileOf" | "begin" | "remove"> = {
  fileOf: () => undefined,
  begin: async () => ({
    write: async (rows) => {
      rowBytes += rows.length;
    },
    commit: async (blocks) => {
      const names = new Set<string>();
      for await (const { name, rows } of blocks) {
        names.add(name.slice(0, 8));
        pieces++;
        memberships += rows.length;
      }
      return { blockCount: names.size };
    },
    abort: async () => {},
  }),
  remove: async () => {},
};

let rowCount = 0;
async function* body(): AsyncGenerator<Uint8Array> {
  const clks = Array.from({ length: 64 }, () => randomBytes(128).toString("base64"));
  yield Buffer.from('{"clknblocks": [');
  let separator = "";
  for (let length = 0; length < BODY_LENGTH; ) {
    let text = "";
    for (; text.length < 2 ** 16; rowCount++) {
      text += `${separator}["${clks[rowCount & 63]}","all",${rowCount % 1000},"pair ${rowCount >> 3}"]`;
      separator = ",";
    }
    length += text.length;
    yield Buffer.from(text);
  }
  yield Buffer.from("]}");
}

const before = process.memoryUsage().rss;
const receipt = await receiveJsonUpload(
  { ...stores, encodings: encodings as WritableEncodingStore },
  options,
  request(1),
  body(),
);
console.log(
  JSON.stringify({
    rowCount,
    receivedCount: receipt.recordCount,
    rowBytes,
    pieces,
    memberships,
    blockCount: database.party(1).upload?.blockCount,
    state: database.party(1).state,
    addedMiB: (process.resourceUsage().maxRSS * 1024 - before) / 2 ** 20,
  }),
);
