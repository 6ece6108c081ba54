import { gzipSync } from "node:zlib";
import type { Contract } from "../test-service.js";
import { isProblem } from "./assertions.js";
import { clks, rows, uploadForms } from "./upload-forms.js";

/** Invalid uploads: they are refused with a reason, and the party may try again. */
export const refusedUploads: Contract = (test, client) => {
  const { forms, blockForms } = uploadForms(client);

  for (const [what, json] of [
    ["invalid base64", { clks: [clks[0], "§§§§"] }],
    ["an encoding that is a number", { clks: [clks[0], 7] }],
    ["an encoding that is null", { clks: [null] }],
    ["an empty encoding", { clks: [""] }],
    ["a string instead of an array", { clks: "AAAA" }],
    ["an object instead of an array", { encodings: { a: clks[0] } }],
    ["no members", {}],
    ["only unknown members", { records: clks }],
    ["a top-level array", clks],
    ["a top-level string", "clks"],
    ["a top-level null", null],
    ["two forms at once", { clks, encodings: clks }],
  ] as const) {
    test(`JSON with ${what} gets 400 and releases the upload slot`, async (t) => {
      const project = await client().createProject();
      const problem = isProblem(t, await client().tryUpload(project, 0, json), 400);
      t.false(clks.some((encoding) => problem.detail.includes(encoding.slice(0, 20))));
      t.like(await client().describe(project), { parties_contributed: 0, error: false });
      t.is((await forms["clks"]!(project, 0)).status, 201);
    });
  }

  for (const [what, json] of [
    ["blocks of a missing row", { encodings: clks, blocks: { "20": ["a"] } }],
    ["a block key that is not a row", { encodings: clks, blocks: { x: ["a"] } }],
    ["blocks that are not an array", { encodings: clks, blocks: { "0": "a" } }],
    ["a block that is an object", { encodings: clks, blocks: { "0": [{}] } }],
    ["a row without an encoding", { clknblocks: [[]] }],
    ["rows that are not arrays", { clknblocks: clks }],
    ["a block that is null", { clknblocks: [[clks[0], null]] }],
  ] as const) {
    test(`JSON with ${what} gets 400`, async (t) => {
      const project = await client().createProject({ uses_blocking: true });
      isProblem(t, await client().tryUpload(project, 0, json), 400);
      t.like(await client().describe(project), { parties_contributed: 0, error: false });
      t.is((await blockForms["clknblocks"]!(project, 0)).status, 201);
    });
  }

  test("truncated or invalid JSON gets 400", async (t) => {
    const project = await client().createProject();
    const whole = JSON.stringify({ clks });
    for (const body of [whole.slice(0, -1), whole.slice(0, 100), `${whole}}`, "", "clks", "\u0000"]) {
      const answer = await client().request("POST", `/projects/${project.project_id}/clks`, {
        token: project.update_tokens[0],
        headers: { "Content-Type": "application/json" },
        body,
      });
      isProblem(t, answer, 400);
    }
    t.is((await forms["clks"]!(project, 0)).status, 201);
  });

  test("an unsupported content type gets 400 or 415 and releases the upload slot", async (t) => {
    const project = await client().createProject();
    for (const [path, type] of [
      ["clks", "text/plain"],
      ["clks", "application/xml"],
      ["binaryclks", "application/json"],
      ["binaryclks", "text/plain"],
    ] as const) {
      const headers = { "Content-Type": type };
      const answer = await client().tryBinaryUpload(project, 0, rows.bytes, 64, { headers, path });
      t.true([400, 415].includes(answer.status), `${path} as ${type}: ${answer.status}`);
    }
    t.is((await forms["binaryclks"]!(project, 0)).status, 201);
  });

  test("invalid or truncated gzip gets 400, and another content encoding 400 or 415", async (t) => {
    const project = await client().createProject();
    const send = (body: Uint8Array, encoding: string) =>
      client().request("POST", `/projects/${project.project_id}/clks`, {
        token: project.update_tokens[0],
        headers: { "Content-Type": "application/json", "Content-Encoding": encoding },
        body: body as Uint8Array<ArrayBuffer>,
      });
    const whole = gzipSync(JSON.stringify({ clks }));
    isProblem(t, await send(Buffer.from(JSON.stringify({ clks })), "gzip"), 400);
    isProblem(t, await send(whole.subarray(0, whole.length - 20), "gzip"), 400);
    const other = await send(whole, "zstandard");
    t.true([400, 415].includes(other.status), `${other.status}`);
    t.is((await send(whole, "gzip")).status, 201);
  });

  for (const [what, headers] of [
    ["one row too many", { "Hash-Count": "21" }],
    ["one row too few", { "Hash-Count": "19" }],
    ["no rows", { "Hash-Count": "0" }],
    ["-1 rows", { "Hash-Count": "-1" }],
    ["a row count in words", { "Hash-Count": "many" }],
    ["half a row", { "Hash-Count": "19.5" }],
    ["too many rows", { "Hash-Count": "1e30" }],
    ["too many bytes", { "Hash-Count": "9".repeat(30) }],
    ["rows of 0 bytes", { "Hash-Size": "0" }],
    ["rows of -64 bytes", { "Hash-Size": "-64", "Hash-Count": "-20" }],
    ["a size in words", { "Hash-Size": "wide" }],
    ["rows of 4 bytes", { "Hash-Size": "4", "Hash-Count": "320" }],
    ["rows of 20 bytes", { "Hash-Size": "20", "Hash-Count": "64" }],
    ["rows of 4096 bytes", { "Hash-Size": "4096", "Hash-Count": "1" }],
  ] as const) {
    test(`/binaryclks: headers for ${what} get 400, and a retry succeeds`, async (t) => {
      const project = await client().createProject();
      const body = what.endsWith("4096 bytes") ? new Uint8Array(4096) : rows.bytes;
      isProblem(t, await client().tryBinaryUpload(project, 0, body, 64, { headers }), 400);
      t.is((await forms["binaryclks"]!(project, 0)).status, 201);
      t.like(await client().describe(project), { parties_contributed: 1, error: false });
    });
  }

  for (const missing of ["Hash-Count", "Hash-Size"]) {
    test(`/binaryclks: a missing ${missing} gets 400`, async (t) => {
      const project = await client().createProject();
      const headers = new Headers({
        Authorization: project.update_tokens[0]!,
        ...{ "Content-Type": "application/octet-stream", "Hash-Count": "20", "Hash-Size": "64" },
      });
      headers.delete(missing);
      const answer = await client().request("POST", `/projects/${project.project_id}/binaryclks`, {
        headers: Object.fromEntries(headers),
        body: rows.bytes as Uint8Array<ArrayBuffer>,
      });
      isProblem(t, answer, 400);
      t.is((await forms["binaryclks"]!(project, 0)).status, 201);
    });
  }
};
