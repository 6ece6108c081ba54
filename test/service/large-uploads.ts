import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { base64Rows, randomRows } from "./data.js";
import { ServeProcess } from "./serve-process.js";

export const MIB = 2 ** 20;
/** The memory that uploads may add to that of an idle service, whatever their size and number. */
export const ALLOWED_BYTES = 200 * MIB;
const BYTE_LENGTH = 128;
/** Time after the start until memory use is stable. */
const SETTLE_MS = 2000;
/** The number of encodings that a body repeats. */
const ROW_COUNT = 8192;
const BLOCK_COUNT = 50_000;
const ROWS = randomRows(1, ROW_COUNT, BYTE_LENGTH);

/** With `clknblocks`, each record is in two of many blocks. */
export type LargeForm = "clks" | "clknblocks" | "binaryclks" | "octet-stream";

export interface LargeUpload {
  readonly idleBytes: number;
  readonly peakBytes: number;
  /** Bytes in the body of each upload; `rowCount` is also per upload. */
  readonly bodyBytes: number;
  readonly rowCount: number;
  readonly seconds: number;
  readonly statuses: readonly number[];
}

/**
 * Sends large uploads to a new service at the same time, and measures its resident memory.
 *
 * @param bodyBytes approximate size of each body
 */
export async function uploadLarge(form: LargeForm, bodyBytes: number, count: number): Promise<LargeUpload> {
  const dataFolder = mkdtempSync(join(tmpdir(), "entity-service-large-"));
  const serve = await ServeProcess.start(dataFolder);
  try {
    const { client } = serve;
    // Creating the database takes memory that would hide that of uploads, so the idle service is a restarted one.
    await serve.stop();
    await serve.start();
    await pause(SETTLE_MS);
    const idleBytes = serve.residentBytes();
    const body = bodyOf(form, bodyBytes);
    const uses_blocking = form === "clknblocks";
    const projects = await Promise.all(
      Array.from({ length: count }, () => client.createProject({ uses_blocking })),
    );
    let statuses: number[] = [];
    const start = performance.now();
    const peakBytes = await serve.peakResidentBytes(async () => {
      const answers = await Promise.all(
        projects.map(({ project_id, update_tokens }) =>
          client.request("POST", `/projects/${project_id}/${form === "binaryclks" ? "binaryclks" : "clks"}`, {
            token: update_tokens[0],
            headers: body.headers,
            body: body.chunks(),
          }),
        ),
      );
      statuses = answers.map(({ status }) => status);
    });
    const seconds = (performance.now() - start) / 1000;
    return { idleBytes, peakBytes, bodyBytes: body.byteLength, rowCount: body.rowCount, seconds, statuses };
  } finally {
    await serve.kill();
    rmSync(dataFolder, { recursive: true, force: true });
  }
}

interface Body {
  readonly headers: Readonly<Record<string, string>>;
  readonly byteLength: number;
  readonly rowCount: number;
  chunks(): AsyncIterable<Uint8Array>;
}

/** A body that repeats the encodings as often as fits into `bodyBytes`. */
function bodyOf(form: LargeForm, bodyBytes: number): Body {
  if (form === "clks" || form === "clknblocks") return jsonBody(form, bodyBytes);
  const times = Math.floor(bodyBytes / ROWS.bytes.length);
  return {
    headers: {
      "Content-Type": "application/octet-stream",
      "Hash-Count": String(times * ROW_COUNT),
      "Hash-Size": String(BYTE_LENGTH),
    },
    byteLength: times * ROWS.bytes.length,
    rowCount: times * ROW_COUNT,
    async *chunks() {
      for (let n = 0; n < times; n++) yield ROWS.bytes;
    },
  };
}

function jsonBody(form: "clks" | "clknblocks", bodyBytes: number): Body {
  const encodings = base64Rows(ROWS).map((encoding) => JSON.stringify(encoding));
  const beginning = `{"${form}":[`;
  const end = "]}";
  /** The encodings for the n-th repetition; their blocks differ each time. */
  const textOf = (n: number): string => {
    if (form === "clks") return encodings.join();
    return encodings
      .map((encoding, row) => `[${encoding},${(n * ROW_COUNT + row) % BLOCK_COUNT},"block ${row}"]`)
      .join();
  };
  const first = Buffer.from(textOf(0));
  const times = Math.floor(bodyBytes / first.length);
  return {
    headers: { "Content-Type": "application/json" },
    byteLength: times * first.length,
    rowCount: times * ROW_COUNT,
    async *chunks() {
      yield Buffer.from(beginning);
      for (let n = 0; n < times; n++) {
        if (n > 0) yield Buffer.from(",");
        yield form === "clks" ? first : Buffer.from(textOf(n));
      }
      yield Buffer.from(end);
    },
  };
}

/** A summary for the log, in mebibytes. */
export function describeLarge({ idleBytes, peakBytes, bodyBytes, rowCount, seconds }: LargeUpload) {
  const mib = (bytes: number) => Math.round(bytes / MIB);
  return {
    bodyMib: mib(bodyBytes),
    rowCount,
    idleMib: mib(idleBytes),
    addedMib: mib(peakBytes - idleBytes),
    seconds: Number(seconds.toFixed(1)),
  };
}
