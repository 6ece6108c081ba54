import { gzipSync } from "node:zlib";
import type { UploadReceipt } from "../client.js";
import { asSet, base64Rows, expectedOf, overlappingRows, pickRows, type Rows, randomRows } from "../data.js";
import type { Contract } from "../test-service.js";
import { CODE, isProblem } from "./assertions.js";
import { clks, type Groups, rows, uploadForms } from "./upload-forms.js";

const [left, right] = overlappingRows(8, [40, 50]) as [Rows, Rows];
const UNKNOWN = "0123456789abcdef".repeat(3);

/** Every form of upload, and which upload holds a party's upload slot. */
export const uploads: Contract = (test, client) => {
  const { forms, blockForms } = uploadForms(client);

  for (const [form, upload] of Object.entries({ ...forms, ...blockForms })) {
    const uses_blocking = form in blockForms;

    test(`${form}: an upload gets 201 and a receipt token, and its party counts as contributed`, async (t) => {
      const project = await client().createProject({ uses_blocking });
      const answer = await upload(project, 0);
      t.is(answer.status, 201, answer.text);
      const { message, receipt_token } = answer.json<UploadReceipt>();
      t.is(message, "Updated");
      t.regex(receipt_token, CODE);
      t.false(project.update_tokens.includes(receipt_token));
      t.like(await client().describe(project), { parties_contributed: 1, error: false });
    });

    test(`${form}: an update token works only once`, async (t) => {
      const project = await client().createProject({ uses_blocking });
      t.is((await upload(project, 0)).status, 201);
      for (const again of Object.values(uses_blocking ? blockForms : forms)) {
        isProblem(t, await again(project, 0), 403);
      }
      t.like(await client().describe(project), { parties_contributed: 1, error: false });
    });
  }

  for (const path of ["clks", "binaryclks"] as const) {
    const headers = { "Content-Type": "application/octet-stream", "Hash-Count": "20", "Hash-Size": "64" };
    const send = (id: string, token: string | undefined) =>
      path === "clks"
        ? client().post(`/projects/${id}/clks`, { clks }, token)
        : client().request("POST", `/projects/${id}/binaryclks`, {
            headers,
            token,
            body: rows.bytes as Uint8Array<ArrayBuffer>,
          });

    test(`/${path}: a missing token gets 400`, async (t) => {
      const { project_id } = await client().createProject();
      isProblem(t, await send(project_id, undefined), 400);
    });

    test(`/${path}: a wrong token gets 403 and changes nothing`, async (t) => {
      const [project, other] = [await client().createProject(), await client().createProject()];
      for (const token of ["invalid", UNKNOWN, project.result_token, ...other.update_tokens]) {
        isProblem(t, await send(project.project_id, token), 403);
      }
      isProblem(t, await send(UNKNOWN, project.update_tokens[0]), 403);
      t.like(await client().describe(project), { parties_contributed: 0, error: false });
      t.like(await client().describe(other), { parties_contributed: 0, error: false });
      t.is((await send(other.project_id, other.update_tokens[0])).status, 201);
    });

    test(`/${path}: an empty upload gets 400`, async (t) => {
      const project = await client().createProject();
      const empty =
        path === "clks"
          ? [{ clks: [] }, { encodings: [] }].map((json) => client().tryUpload(project, 0, json))
          : [client().tryBinaryUpload(project, 0, new Uint8Array(0), 64)];
      // If sent together, one may find the party in progress and get 403; each alone gets 400.
      for (const answer of await Promise.all(empty)) t.true([400, 403].includes(answer.status));
      if (path === "clks") {
        isProblem(t, await client().tryUpload(project, 0, { clks: [] }), 400);
        isProblem(t, await client().tryUpload(project, 0, { encodings: [] }), 400);
        const blocking = await client().createProject({ uses_blocking: true });
        isProblem(t, await client().tryUpload(blocking, 0, { clknblocks: [] }), 400);
        isProblem(t, await client().tryUpload(blocking, 0, { encodings: [], blocks: {} }), 400);
      } else {
        isProblem(t, await client().tryBinaryUpload(project, 0, new Uint8Array(0), 64), 400);
      }
      t.is((await client().describe(project)).parties_contributed, 0);
      t.is((await forms["clks"]!(project, 0)).status, 201);
    });
  }

  test("a rejected upload to /clks releases the upload slot and leaves no project error", async (t) => {
    const project = await client().createProject();
    isProblem(t, await client().tryUpload(project, 0, { clks: ["no base64!"] }), 400);
    t.like(await client().describe(project), { parties_contributed: 0, error: false });
    const { run_id } = await client().run(project);
    t.is((await forms["clks"]!(project, 0)).status, 201);
    t.is((await forms["clks"]!(project, 1)).status, 201);
    await client().waitUntilComplete(project, run_id);
  });

  test("a rejected upload to /binaryclks leaves a project error until a retry succeeds", async (t) => {
    const project = await client().createProject();
    const headers = { "Hash-Count": "21" };
    isProblem(t, await client().tryBinaryUpload(project, 0, rows.bytes, 64, { headers }), 400);
    t.like(await client().describe(project), { parties_contributed: 0, error: true });
    const start = client().post(
      `/projects/${project.project_id}/runs`,
      { threshold: 0.9 },
      project.result_token,
    );
    isProblem(t, await start, 500);
    t.is((await forms["binaryclks"]!(project, 0)).status, 201);
    t.like(await client().describe(project), { parties_contributed: 1, error: false });
    t.is((await forms["clks"]!(project, 1)).status, 201);
    const { groups } = await client().complete<Groups>(project);
    t.is(groups.length, 20);
  });

  test("a content type may include a charset", async (t) => {
    const project = await client().createProject();
    const answer = await client().request("POST", `/projects/${project.project_id}/clks`, {
      token: project.update_tokens[0],
      headers: { "Content-Type": "Application/JSON; charset=utf-8" },
      body: JSON.stringify({ clks }),
    });
    t.is(answer.status, 201, answer.text);
  });

  test("base64 may contain newlines", async (t) => {
    const project = await client().createProject();
    const folded = clks.map((encoding) => `${encoding.match(/.{1,20}/g)!.join("\n")}\n`);
    await client().upload(project, 0, { clks: folded });
    await client().upload(project, 1, { clks });
    const { groups } = await client().complete<Groups>(project, 1);
    t.is(groups.length, 20);
  });

  test("unknown members are ignored", async (t) => {
    const project = await client().createProject();
    await client().upload(project, 0, { note: { clks: [1, "[{"] }, clks, more: [null, [[]], "}"] });
    await client().upload(project, 1, { clks });
    const { groups } = await client().complete<Groups>(project, 1);
    t.is(groups.length, 20);
  });

  test("bodies may be chunked, without a known length", async (t) => {
    const project = await client().createProject();
    const path = `/projects/${project.project_id}`;
    const json = await client().request("POST", `${path}/clks`, {
      token: project.update_tokens[0],
      headers: { "Content-Type": "application/json" },
      body: inPieces(Buffer.from(JSON.stringify({ clks })), 7),
    });
    t.is(json.status, 201, json.text);
    const binary = await client().request("POST", `${path}/binaryclks`, {
      token: project.update_tokens[1],
      headers: { "Content-Type": "application/octet-stream", "Hash-Count": "20", "Hash-Size": "64" },
      body: inPieces(rows.bytes, 7),
    });
    t.is(binary.status, 201, binary.text);
    const { groups } = await client().complete<Groups>(project, 1);
    t.is(groups.length, 20);
  });

  test("bodies may be compressed with gzip", async (t) => {
    const project = await client().createProject();
    const path = `/projects/${project.project_id}`;
    const json = await client().request("POST", `${path}/clks`, {
      token: project.update_tokens[0],
      headers: { "Content-Type": "application/json", "Content-Encoding": "gzip" },
      body: gzipSync(JSON.stringify({ clks })),
    });
    t.is(json.status, 201, json.text);
    const headers = { "Content-Encoding": "gzip", "Hash-Count": "20" };
    const binary = await client().tryBinaryUpload(project, 1, gzipSync(rows.bytes), 64, { headers });
    t.is(binary.status, 201, binary.text);
    const { groups } = await client().complete<Groups>(project, 1);
    t.is(groups.length, 20);
  });

  test("a party's index is that of its token, regardless of the upload order", async (t) => {
    const project = await client().createProject();
    await client().upload(project, 1, { clks: clks.slice(0, 7) });
    await client().upload(project, 0, { clks: clks.slice(5) });
    const { groups } = await client().complete<Groups>(project, 1);
    t.deepEqual(
      asSet(groups),
      asSet([
        [
          [0, 0],
          [1, 5],
        ],
        [
          [0, 1],
          [1, 6],
        ],
      ]),
    );
  });

  for (const [leftForm, rightForm] of [
    ["clks", "binaryclks"],
    ["binaryclks", "encodings"],
    ["octet-stream", "clks"],
    ["binaryclks", "octet-stream"],
  ] as const) {
    test(`${leftForm} and ${rightForm} uploads of two parties can be linked`, async (t) => {
      const project = await client().createProject({ result_type: "similarity_scores" });
      const send = (form: string, party: number, { bytes, byteLength }: Rows) => {
        if (form === "binaryclks") return client().tryBinaryUpload(project, party, bytes, byteLength);
        if (form === "octet-stream") {
          return client().tryBinaryUpload(project, party, bytes, byteLength, { path: "clks" });
        }
        return client().tryUpload(project, party, { [form]: base64Rows({ bytes, byteLength }) });
      };
      t.is((await send(leftForm, 0, left)).status, 201);
      t.is((await send(rightForm, 1, right)).status, 201);
      const { scores } = await expectedOf([left, right], 0.8);
      t.true(scores.length > 10);
      t.deepEqual(await client().complete(project, 0.8), { similarity_scores: scores });
    });
  }

  test("accepts encodings from 8 to 1024 bytes", async (t) => {
    for (const byteLength of [8, 1024]) {
      const project = await client().createProject({ schema: { clkConfig: { l: 8 * byteLength } } });
      const some = randomRows(byteLength, 10, byteLength);
      await client().binaryUpload(project, 0, some.bytes, byteLength);
      await client().upload(project, 1, { clks: base64Rows(pickRows(some, [4, 2])) });
      const { groups } = await client().complete<Groups>(project, 1);
      t.is(groups.length, 2);
    }
  });
};

async function* inPieces(bytes: Uint8Array, count: number): AsyncIterable<Uint8Array> {
  const length = Math.ceil(bytes.byteLength / count);
  for (let from = 0; from < bytes.byteLength; from += length) yield bytes.subarray(from, from + length);
}
