import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { randomRows } from "./data.js";
import { ServeProcess } from "./serve-process.js";

export const MIB = 2 ** 20;
/** What uploads may add to the memory of an idle service, however large and however many they are. */
export const ALLOWED_BYTES = 200 * MIB;
const BYTE_LENGTH = 128;
/** After the start, until memory is what it stays. */
const SETTLE_MS = 2000;
/** Rows that a body repeats. */
const ROWS = randomRows(1, 8192, BYTE_LENGTH);

export type LargeForm = "clks" | "binaryclks" | "octet-stream";

export interface LargeUpload {
  readonly idleBytes: number;
  readonly peakBytes: number;
  /** Of each upload. */
  readonly bodyBytes: number;
  readonly rowCount: number;
  readonly seconds: number;
  readonly statuses: readonly number[];
}

/**
 * Sends large bodies to a service of its own, at the same time, and measures its resident memory.
 *
 * @param bodyBytes of each body; about so many
 */
export async function uploadLarge(form: LargeForm, bodyBytes: number, count: number): Promise<LargeUpload> {
  const dataFolder = mkdtempSync(join(tmpdir(), "entity-service-large-"));
  const serve = await ServeProcess.start(dataFolder);
  try {
    const { client } = serve;
    // Making the database takes memory that would hide what uploads take: the idle service is one that was started again.
    await serve.stop();
    await serve.start();
    await pause(SETTLE_MS);
    const idleBytes = serve.residentBytes();
    const body = bodyOf(form, bodyBytes);
    const projects = await Promise.all(Array.from({ length: count }, () => client.createProject()));
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

/** Whole blocks of rows, up to a length. */
function bodyOf(form: LargeForm, bodyBytes: number): Body {
  const isJson = form === "clks";
  const rows = Buffer.from(ROWS.bytes);
  const block = isJson ? Buffer.from(jsonRows(rows)) : rows;
  const blockCount = Math.floor(bodyBytes / block.length);
  const rowCount = blockCount * (rows.length / BYTE_LENGTH);
  const beginning = isJson ? Buffer.from('{"clks":[') : Buffer.alloc(0);
  // Each block ends in a comma.
  const end = isJson
    ? Buffer.from(`${JSON.stringify(rows.toString("base64", 0, BYTE_LENGTH))}]}`)
    : Buffer.alloc(0);
  return {
    headers: isJson
      ? { "Content-Type": "application/json" }
      : {
          "Content-Type": "application/octet-stream",
          "Hash-Count": String(rowCount),
          "Hash-Size": String(BYTE_LENGTH),
        },
    byteLength: beginning.length + blockCount * block.length + end.length,
    rowCount: rowCount + (isJson ? 1 : 0),
    // An empty chunk would end the body.
    async *chunks() {
      if (beginning.length > 0) yield beginning;
      for (let n = 0; n < blockCount; n++) yield block;
      if (end.length > 0) yield end;
    },
  };
}

function jsonRows(rows: Buffer): string {
  let text = "";
  for (let from = 0; from < rows.length; from += BYTE_LENGTH) {
    text += `${JSON.stringify(rows.toString("base64", from, from + BYTE_LENGTH))},`;
  }
  return text;
}

/** In mebibytes, to be read. */
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
