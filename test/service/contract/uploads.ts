import { gzipSync } from "node:zlib";
import type { Answer, NewProject, UploadReceipt } from "../client.js";
import {
  asSet,
  base64Rows,
  blockMap,
  clksAndBlocks,
  expectedOf,
  overlappingRows,
  pickRows,
  type Rows,
  randomBlocks,
  randomRows,
} from "../data.js";
import type { Contract } from "../test-service.js";
import { CODE, isProblem } from "./assertions.js";

const rows = randomRows(7, 20);
const clks = base64Rows(rows);
const blocks = randomBlocks(7, 20);
const [left, right] = overlappingRows(8, [40, 50]) as [Rows, Rows];
const leftBlocks = randomBlocks(1, 40, 4);
const rightBlocks = randomBlocks(2, 50, 4);
const UNKNOWN = "0123456789abcdef".repeat(3);

type Groups = { readonly groups: readonly (readonly (readonly [number, number])[])[] };

/** Every form of upload, and whose turn it is. */
export const uploads: Contract = (test, client) => {
  const forms: Readonly<Record<string, (project: NewProject, party: number) => Promise<Answer>>> = {
    clks: (project, party) => client().tryUpload(project, party, { clks }),
    encodings: (project, party) => client().tryUpload(project, party, { encodings: clks }),
    binaryclks: (project, party) => client().tryBinaryUpload(project, party, rows.bytes, rows.byteLength),
    "octet-stream on /clks": (project, party) =>
      client().tryBinaryUpload(project, party, rows.bytes, rows.byteLength, { path: "clks" }),
  };
  const blockForms: typeof forms = {
    clknblocks: (project, party) =>
      client().tryUpload(project, party, { clknblocks: clksAndBlocks(rows, blocks) }),
    "encodings and blocks": (project, party) =>
      client().tryUpload(project, party, { encodings: clks, blocks: blockMap(blocks) }),
    "blocks before encodings": (project, party) =>
      client().tryUpload(project, party, { blocks: blockMap(blocks), encodings: clks }),
  };

  for (const [form, upload] of Object.entries({ ...forms, ...blockForms })) {
    const uses_blocking = form in blockForms;

    test(`${form}: an upload gets 201 and a receipt token, and the party has contributed`, async (t) => {
      const project = await client().createProject({ uses_blocking });
      const answer = await upload(project, 0);
      t.is(answer.status, 201, answer.text);
      const { message, receipt_token } = answer.json<UploadReceipt>();
      t.is(message, "Updated");
      t.regex(receipt_token, CODE);
      t.false(project.update_tokens.includes(receipt_token));
      t.like(await client().describe(project), { parties_contributed: 1, error: false });
    });

    test(`${form}: an update token works once, whatever comes next`, async (t) => {
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

    test(`/${path}: without a token 400`, async (t) => {
      const { project_id } = await client().createProject();
      isProblem(t, await send(project_id, undefined), 400);
    });

    test(`/${path}: another token gets 403, also one of another project, and changes neither`, async (t) => {
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
      // One of two at once may find the party in progress; each alone gets 400.
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

  test("a refused upload on /clks gives the turn back, and the project has no error", async (t) => {
    const project = await client().createProject();
    isProblem(t, await client().tryUpload(project, 0, { clks: ["no base64!"] }), 400);
    t.like(await client().describe(project), { parties_contributed: 0, error: false });
    const { run_id } = await client().run(project);
    t.is((await forms["clks"]!(project, 0)).status, 201);
    t.is((await forms["clks"]!(project, 1)).status, 201);
    await client().waitUntilComplete(project, run_id);
  });

  test("a refused upload on /binaryclks stands in error until a retry succeeds", async (t) => {
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

  for (const [what, json] of [
    ["no base64", { clks: [clks[0], "§§§§"] }],
    ["an encoding that is a number", { clks: [clks[0], 7] }],
    ["an encoding that is null", { clks: [null] }],
    ["an empty encoding", { clks: [""] }],
    ["no list", { clks: "AAAA" }],
    ["an object instead of a list", { encodings: { a: clks[0] } }],
    ["nothing", {}],
    ["other members only", { records: clks }],
    ["a list", clks],
    ["a text", "clks"],
    ["null", null],
    ["two forms at once", { clks, encodings: clks }],
  ] as const) {
    test(`JSON with ${what} gets 400, and gives the turn back`, async (t) => {
      const project = await client().createProject();
      const problem = isProblem(t, await client().tryUpload(project, 0, json), 400);
      t.false(clks.some((encoding) => problem.detail.includes(encoding.slice(0, 20))));
      t.like(await client().describe(project), { parties_contributed: 0, error: false });
      t.is((await forms["clks"]!(project, 0)).status, 201);
    });
  }

  for (const [what, json] of [
    ["a block for a row that is not there", { encodings: clks, blocks: { "20": ["a"] } }],
    ["a block for no row", { encodings: clks, blocks: { x: ["a"] } }],
    ["a block that is no list", { encodings: clks, blocks: { "0": "a" } }],
    ["a block that is an object", { encodings: clks, blocks: { "0": [{}] } }],
    ["a row without an encoding", { clknblocks: [[]] }],
    ["rows that are no lists", { clknblocks: clks }],
    ["a block that is null", { clknblocks: [[clks[0], null]] }],
  ] as const) {
    test(`JSON with ${what} gets 400`, async (t) => {
      const project = await client().createProject({ uses_blocking: true });
      isProblem(t, await client().tryUpload(project, 0, json), 400);
      t.like(await client().describe(project), { parties_contributed: 0, error: false });
      t.is((await blockForms["clknblocks"]!(project, 0)).status, 201);
    });
  }

  test("JSON that breaks off, or is none, gets 400", async (t) => {
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

  test("a content type of neither form gets 400 or 415, and gives the turn back", async (t) => {
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

  test("a content type may name a charset", async (t) => {
    const project = await client().createProject();
    const answer = await client().request("POST", `/projects/${project.project_id}/clks`, {
      token: project.update_tokens[0],
      headers: { "Content-Type": "Application/JSON; charset=utf-8" },
      body: JSON.stringify({ clks }),
    });
    t.is(answer.status, 201, answer.text);
  });

  test("base64 may hold newlines", async (t) => {
    const project = await client().createProject();
    const folded = clks.map((encoding) => `${encoding.match(/.{1,20}/g)!.join("\n")}\n`);
    await client().upload(project, 0, { clks: folded });
    await client().upload(project, 1, { clks });
    const { groups } = await client().complete<Groups>(project, 1);
    t.is(groups.length, 20);
  });

  test("members beside the form's are passed over", async (t) => {
    const project = await client().createProject();
    await client().upload(project, 0, { note: { clks: [1, "[{"] }, clks, more: [null, [[]], "}"] });
    await client().upload(project, 1, { clks });
    const { groups } = await client().complete<Groups>(project, 1);
    t.is(groups.length, 20);
  });

  test("bodies may come in chunks, of unknown length", async (t) => {
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

  test("what should be gzip and is none, or breaks off, gets 400; another encoding 400 or 415", async (t) => {
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
    ["one row more than there is", { "Hash-Count": "21" }],
    ["one row less than there is", { "Hash-Count": "19" }],
    ["no row", { "Hash-Count": "0" }],
    ["-1 rows", { "Hash-Count": "-1" }],
    ["rows in words", { "Hash-Count": "many" }],
    ["half a row", { "Hash-Count": "19.5" }],
    ["more rows than numbers can count", { "Hash-Count": "1e30" }],
    ["more bytes than numbers can count", { "Hash-Count": "9".repeat(30) }],
    ["rows of 0 bytes", { "Hash-Size": "0" }],
    ["rows of -64 bytes", { "Hash-Size": "-64", "Hash-Count": "-20" }],
    ["a size in words", { "Hash-Size": "wide" }],
    ["rows of 4 bytes", { "Hash-Size": "4", "Hash-Count": "320" }],
    ["rows of 20 bytes", { "Hash-Size": "20", "Hash-Count": "64" }],
    ["rows of 4096 bytes", { "Hash-Size": "4096", "Hash-Count": "1" }],
  ] as const) {
    test(`/binaryclks: headers that tell of ${what} get 400, and a retry may succeed`, async (t) => {
      const project = await client().createProject();
      const body = what.endsWith("4096 bytes") ? new Uint8Array(4096) : rows.bytes;
      isProblem(t, await client().tryBinaryUpload(project, 0, body, 64, { headers }), 400);
      t.is((await forms["binaryclks"]!(project, 0)).status, 201);
      t.like(await client().describe(project), { parties_contributed: 1, error: false });
    });
  }

  for (const missing of ["Hash-Count", "Hash-Size"]) {
    test(`/binaryclks: without ${missing} 400`, async (t) => {
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

  for (const [what, json] of [
    ["clknblocks", { clknblocks: clksAndBlocks(rows, blocks) }],
    ["encodings and blocks", { encodings: clks, blocks: blockMap(blocks) }],
    ["blocks before encodings", { blocks: blockMap(blocks), encodings: clks }],
    ["encodings before empty blocks", { encodings: clks, blocks: {} }],
  ] as const) {
    test(`${what} get 403 where a project uses no blocks, and the turn back`, async (t) => {
      const project = await client().createProject();
      isProblem(t, await client().tryUpload(project, 0, json), 403);
      t.like(await client().describe(project), { parties_contributed: 0, error: false });
      t.is((await forms["clks"]!(project, 0)).status, 201);
    });
  }

  for (const form of ["clks", "encodings"]) {
    test(`${form} without blocks get 403 where a project uses them, and the turn back`, async (t) => {
      const project = await client().createProject({ uses_blocking: true });
      isProblem(t, await client().tryUpload(project, 0, { [form]: clks }), 403);
      t.like(await client().describe(project), { parties_contributed: 0, error: false });
      t.is((await blockForms["clknblocks"]!(project, 0)).status, 201);
    });
  }

  test("blocks are texts or integers, which are the same", async (t) => {
    const project = await client().createProject({ uses_blocking: true });
    await client().upload(project, 0, { clknblocks: clks.map((encoding, row) => [encoding, row]) });
    await client().upload(project, 1, { clknblocks: clks.map((encoding, row) => [encoding, String(row)]) });
    const { run_id } = await client().run(project, 1);
    const { total_number_comparisons } = await client().waitUntilComplete(project, run_id);
    t.is(total_number_comparisons, 20);
    t.is((await client().result<Groups>(project, run_id)).groups.length, 20);
  });

  test("rows of encodings with blocks are numbered by their place in encodings", async (t) => {
    const project = await client().createProject({ uses_blocking: true });
    // Neither in order nor complete: row 2 is in no block.
    const some = clks.slice(0, 4);
    await client().upload(project, 0, {
      encodings: some,
      blocks: { "3": ["x"], "0": ["x", "y"], "1": ["y"] },
    });
    await client().upload(project, 1, {
      encodings: [...some].reverse(),
      blocks: { "1": ["y"], "2": ["y"], "3": ["x"], "0": ["x"] },
    });
    const { groups } = await client().complete<Groups>(project, 1);
    t.deepEqual(
      asSet(groups),
      asSet([
        [
          [0, 0],
          [1, 3],
        ],
        [
          [0, 1],
          [1, 2],
        ],
        [
          [0, 3],
          [1, 0],
        ],
      ]),
    );
  });

  test("beyond the original, blocks may be a list with those of each row", async (t) => {
    const project = await client().createProject({ uses_blocking: true });
    await client().upload(project, 0, { encodings: clks.slice(0, 3), blocks: [["a"], [], ["b", 3]] });
    await client().upload(project, 1, {
      clknblocks: clks.slice(0, 3).map((encoding) => [encoding, "3", "a"]),
    });
    const { groups } = await client().complete<Groups>(project, 1);
    t.deepEqual(
      asSet(groups),
      asSet([
        [
          [0, 0],
          [1, 0],
        ],
        [
          [0, 2],
          [1, 2],
        ],
      ]),
    );
  });

  test("a row may be in no block, or in one twice", async (t) => {
    const project = await client().createProject({ uses_blocking: true });
    await client().upload(project, 0, { clknblocks: [[clks[0]], [clks[1], "a", "a", "b"]] });
    await client().upload(project, 1, {
      encodings: clks.slice(0, 2),
      blocks: { "0": [], "1": ["b", "b", "a"] },
    });
    const { groups } = await client().complete<Groups>(project, 1);
    t.deepEqual(groups, [
      [
        [0, 1],
        [1, 1],
      ],
    ]);
  });

  test("a party's index is its token's place, whatever the order of uploads", async (t) => {
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
    test(`${leftForm} and ${rightForm} of two parties meet`, async (t) => {
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

  test("clknblocks and encodings with blocks of two parties meet", async (t) => {
    const project = await client().createProject({ result_type: "similarity_scores", uses_blocking: true });
    await client().upload(project, 0, { clknblocks: clksAndBlocks(left, leftBlocks) });
    await client().upload(project, 1, { encodings: base64Rows(right), blocks: blockMap(rightBlocks) });
    const { scores, comparisons } = await expectedOf(
      [
        { ...left, blocks: leftBlocks },
        { ...right, blocks: rightBlocks },
      ],
      0.8,
    );
    const { run_id } = await client().run(project, 0.8);
    t.is((await client().waitUntilComplete(project, run_id)).total_number_comparisons, comparisons);
    t.deepEqual(await client().result(project, run_id), { similarity_scores: scores });
  });

  test("parties with no block in common get an empty result", async (t) => {
    const project = await client().createProject({ uses_blocking: true });
    await client().upload(project, 0, { clknblocks: clks.map((encoding) => [encoding, "left"]) });
    await client().upload(project, 1, { clknblocks: clks.map((encoding) => [encoding, "right"]) });
    const { run_id } = await client().run(project);
    t.is((await client().waitUntilComplete(project, run_id)).total_number_comparisons, 0);
    t.deepEqual(await client().result(project, run_id), { groups: [] });
  });

  test("encodings of 8 and of 1024 bytes are the narrowest and the widest", async (t) => {
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
