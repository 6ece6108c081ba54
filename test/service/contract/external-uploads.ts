import { Client } from "minio";
import type { Answer, NewProject } from "../client.js";
import {
  asSet,
  base64Rows,
  blockMap,
  expectedOf,
  overlappingRows,
  type Rows,
  randomBlocks,
} from "../data.js";
import type { Contract } from "../test-service.js";
import { isProblem } from "./assertions.js";

const [left, right] = overlappingRows(41, [60, 50]) as [Rows, Rows];
const leftBlocks = randomBlocks(1, 60, 4);
const rightBlocks = randomBlocks(2, 50, 4);
const THRESHOLD = 0.8;

interface Authorization {
  readonly credentials: Readonly<
    Record<"AccessKeyId" | "SecretAccessKey" | "SessionToken" | "Expiration", string>
  >;
  readonly upload: {
    readonly endpoint: string;
    readonly secure: boolean;
    readonly bucket: string;
    readonly path: string;
  };
}

type Groups = { readonly groups: readonly (readonly (readonly [number, number])[])[] };

/** Uploads through an object store, if the service has one that clients can reach. */
export const externalUploads: Contract = (test, client, kind) => {
  const authorize = (project: NewProject, token: string | undefined) =>
    client().get(`/projects/${project.project_id}/authorize-external-upload`, token);

  if (kind === "embedded") {
    test("without an object store, authorize-external-upload is a disabled feature", async (t) => {
      const project = await client().createProject();
      const problem = isProblem(t, await authorize(project, project.update_tokens[0]), 500);
      t.is(problem.title, "Feature Disabled");
    });
    return;
  }

  const authorized = async (project: NewProject, party: number) => {
    const answer = await authorize(project, project.update_tokens[party]);
    if (answer.status !== 201) throw new Error(`${answer.status}: ${answer.text}`);
    const { credentials, upload } = answer.json<Authorization>();
    const [endPoint, port] = upload.endpoint.split(":") as [string, string];
    const store = new Client({
      endPoint,
      port: Number(port),
      useSSL: upload.secure,
      accessKey: credentials.AccessKeyId,
      secretKey: credentials.SecretAccessKey,
      sessionToken: credentials.SessionToken,
      region: "us-east-1",
    });
    const put = async (name: string, content: string | Uint8Array, metadata: Record<string, string> = {}) => {
      const buffer = Buffer.from(content);
      await store.putObject(upload.bucket, `${upload.path}/${name}`, buffer, buffer.length, metadata);
      return { file: { bucket: upload.bucket, path: `${upload.path}/${name}` } };
    };
    return { store, upload, credentials, put };
  };

  const metadataOf = ({ bytes, byteLength }: Rows) => ({
    "hash-count": String(bytes.byteLength / byteLength),
    "hash-size": String(byteLength),
  });

  const groupsOf = async (parties: Parameters<typeof expectedOf>[0]) =>
    asSet((await expectedOf(parties, THRESHOLD)).groups);

  test("authorize-external-upload returns temporary credentials for the party's own path", async (t) => {
    const project = await client().createProject();
    const paths = [];
    for (const party of [0, 1]) {
      const answer = await authorize(project, project.update_tokens[party]);
      t.is(answer.status, 201);
      const { credentials, upload } = answer.json<Authorization>();
      t.deepEqual(Object.keys(credentials).sort(), [
        ...["AccessKeyId", "Expiration", "SecretAccessKey", "SessionToken"],
      ]);
      t.true(Date.parse(credentials.Expiration) > Date.now(), credentials.Expiration);
      t.deepEqual(Object.keys(upload).sort(), ["bucket", "endpoint", "path", "secure"]);
      t.regex(upload.path, new RegExp(`^${project.project_id}/\\d+$`));
      paths.push(upload.path);
    }
    t.not(paths[0], paths[1]);
    t.like(await client().describe(project), { parties_contributed: 0, error: false });
  });

  test("authorize-external-upload requires an update token of the project", async (t) => {
    const [project, other] = [await client().createProject(), await client().createProject()];
    isProblem(t, await authorize(project, undefined), 400);
    for (const token of ["invalid", project.result_token, other.update_tokens[0]]) {
      isProblem(t, await authorize(project, token), 403);
    }
    isProblem(t, await authorize({ ...project, project_id: "none" }, project.update_tokens[0]), 403);
  });

  test("temporary credentials only allow putting objects below the path", async (t) => {
    const project = await client().createProject();
    const { store, upload, put } = await authorized(project, 0);
    const other = await authorized(project, 1);
    const { bucket, path } = upload;
    await put("a.bin", "one");
    await put("b.bin", "two");
    const denied = (what: () => Promise<unknown>) => t.throwsAsync(what, { code: "AccessDenied" });
    const write = (to: string, name: string) => store.putObject(to, name, Buffer.from("x"), 1);
    await denied(() => write(bucket, "object"));
    await denied(() => write(bucket, `${other.upload.path}/a.bin`));
    await denied(() => write(bucket, `${path}2/a.bin`));
    await denied(() => write("entityservice", `${path}/a.bin`));
    await denied(() => store.getObject(bucket, `${path}/a.bin`));
    await denied(() => store.removeObject(bucket, `${path}/a.bin`));
    await denied(() => store.listBuckets());
    await denied(() => store.listObjects(bucket, `${path}/`, true).toArray());
  });

  test("binary objects are read by their metadata and linked", async (t) => {
    const project = await client().createProject();
    const first = await authorized(project, 0);
    const encodings = await first.put("encodings.bin", left.bytes, metadataOf(left));
    const answer = await client().tryUpload(project, 0, { encodings });
    t.is(answer.status, 201, answer.text);
    t.like(answer.json<object>(), { message: "Updated" });
    await client().binaryUpload(project, 1, right.bytes, right.byteLength);
    const { groups } = await client().complete<Groups>(project, THRESHOLD);
    t.deepEqual(asSet(groups), await groupsOf([left, right]));
    isProblem(t, await client().tryUpload(project, 0, { encodings }), 403);
  });

  test("a .json object is linked with the other party's JSON", async (t) => {
    const project = await client().createProject();
    const { put } = await authorized(project, 0);
    const content = JSON.stringify({ clks: base64Rows(left) });
    const encodings = await put("encodings.json", content, metadataOf(left));
    await client().upload(project, 0, { encodings });
    await client().upload(project, 1, { clks: base64Rows(right) });
    const { groups } = await client().complete<Groups>(project, THRESHOLD);
    t.deepEqual(asSet(groups), await groupsOf([left, right]));
  });

  for (const form of ["bin", "json"] as const) {
    test(`links encodings (.${form}) and blocks in objects`, async (t) => {
      const project = await client().createProject({ uses_blocking: true });
      for (const [party, rows, blocks] of [
        [0, left, leftBlocks],
        [1, right, rightBlocks],
      ] as const) {
        const { put } = await authorized(project, party);
        const content = form === "bin" ? rows.bytes : JSON.stringify({ clks: base64Rows(rows) });
        await client().upload(project, party, {
          encodings: await put(`encodings.${form}`, content, metadataOf(rows)),
          blocks: await put("blocks", JSON.stringify({ blocks: blockMap(blocks) })),
        });
      }
      const { groups } = await client().complete<Groups>(project, THRESHOLD);
      t.deepEqual(
        asSet(groups),
        await groupsOf([
          { ...left, blocks: leftBlocks },
          { ...right, blocks: rightBlocks },
        ]),
      );
    });
  }

  test("rows of an object beyond the count in its metadata are ignored", async (t) => {
    const project = await client().createProject();
    const some: Rows = { bytes: left.bytes.subarray(0, 10 * left.byteLength), byteLength: left.byteLength };
    const { put } = await authorized(project, 0);
    await client().upload(project, 0, { encodings: await put("rows", left.bytes, metadataOf(some)) });
    await client().upload(project, 1, { clks: base64Rows(left) });
    const { run_id } = await client().run(project, 1);
    t.is((await client().waitUntilComplete(project, run_id)).total_number_comparisons, 10 * 60);
    const { groups } = await client().result<Groups>(project, run_id);
    t.is(groups.length, 10);
  });

  test("rows of a .json object are used up to the count and padded with zeros", async (t) => {
    const project = await client().createProject();
    const short = base64Rows({ bytes: left.bytes.slice(0, 60), byteLength: 20 });
    const { put } = await authorized(project, 0);
    const metadata = { "Hash-Count": "2", "HASH-SIZE": "64" };
    const encodings = await put("rows.json", JSON.stringify({ clks: short }), metadata);
    await client().upload(project, 0, { encodings });
    const padded = new Uint8Array(128);
    padded.set(left.bytes.subarray(0, 20), 0);
    padded.set(left.bytes.subarray(20, 40), 64);
    await client().binaryUpload(project, 1, padded, 64);
    const { groups } = await client().complete<Groups>(project, 1);
    t.is(groups.length, 2);
  });

  test("another party's path or a similar one gets 403 and releases the upload slot", async (t) => {
    const project = await client().createProject();
    const [own, other] = [await authorized(project, 0), await authorized(project, 1)];
    const { bucket, path } = own.upload;
    const foreign = await other.put("rows", right.bytes, metadataOf(right));
    for (const encodings of [
      foreign,
      { file: { bucket, path: `${path}2/rows` } }, // the path of party 1 is a prefix of that of party 12
      { file: { bucket, path } },
      { file: { bucket, path: "rows" } },
    ]) {
      isProblem(t, await client().tryUpload(project, 0, { encodings }), 403);
    }
    t.like(await client().describe(project), { parties_contributed: 0, error: false });
    await client().upload(project, 0, { encodings: await own.put("rows", left.bytes, metadataOf(left)) });
    await client().upload(project, 1, { encodings: foreign });
    const { groups } = await client().complete<Groups>(project, THRESHOLD);
    t.deepEqual(asSet(groups), await groupsOf([left, right]));
  });

  test("blocks at another party's path get 403", async (t) => {
    const project = await client().createProject({ uses_blocking: true });
    const [own, other] = [await authorized(project, 0), await authorized(project, 1)];
    const encodings = await own.put("rows", left.bytes, metadataOf(left));
    const blocks = await other.put("blocks", JSON.stringify({ blocks: blockMap(leftBlocks) }));
    isProblem(t, await client().tryUpload(project, 0, { encodings, blocks }), 403);
  });

  test("objects outside the upload bucket are not read", async (t) => {
    const project = await client().createProject();
    const { upload } = await authorized(project, 0);
    const encodings = { file: { bucket: "entityservice", path: `${upload.path}/rows` } };
    const answer = await client().tryUpload(project, 0, { encodings });
    if (answer.status === 201) await client().waitForProjectError(project);
    else t.true([400, 403].includes(answer.status), answer.text);
    t.pass();
  });

  test("blocks in an object get 403 if the project uses none, as do encodings alone if it does", async (t) => {
    for (const uses_blocking of [false, true]) {
      const project = await client().createProject({ uses_blocking });
      const { put } = await authorized(project, 0);
      const encodings = await put("rows", left.bytes, metadataOf(left));
      const blocks = await put("blocks", JSON.stringify({ blocks: blockMap(leftBlocks) }));
      const json = uses_blocking ? { encodings } : { encodings, blocks };
      isProblem(t, await client().tryUpload(project, 0, json), 403);
      t.is((await client().describe(project)).error, false);
    }
  });

  const broken: Readonly<Record<string, (put: Put) => Promise<Answer | object>>> = {
    "is missing": async (put) => {
      const { file } = await put("here", "");
      return { encodings: { file: { ...file, path: file.path.replace(/here$/, "nowhere") } } };
    },
    "has no metadata": async (put) => ({ encodings: await put("rows", left.bytes) }),
    "has metadata that is not a number": async (put) => ({
      encodings: await put("rows", left.bytes, { "hash-count": "all", "hash-size": "64" }),
    }),
    "holds fewer bytes than its metadata says": async (put) => ({
      encodings: await put("rows", left.bytes.subarray(1), metadataOf(left)),
    }),
    "is truncated JSON": async (put) => ({
      encodings: await put(
        "rows.json",
        JSON.stringify({ clks: base64Rows(left) }).slice(0, -2),
        metadataOf(left),
      ),
    }),
    "has rows of 20 bytes": async (put) => ({
      encodings: await put("rows", left.bytes.subarray(0, 1200), { "hash-count": "60", "hash-size": "20" }),
    }),
  };
  type Put = Awaited<ReturnType<typeof authorized>>["put"];
  for (const [what, prepare] of Object.entries(broken)) {
    test(`an object that ${what}: 400, or an error in the project and its runs`, async (t) => {
      const project = await client().createProject();
      const { run_id } = await client().run(project);
      const { put } = await authorized(project, 0);
      const answer = await client().tryUpload(project, 0, await prepare(put));
      if (answer.status !== 201) {
        isProblem(t, answer, 400);
        return;
      }
      await client().waitForProjectError(project);
      t.is((await client().runStatus(project, run_id)).state, "error");
    });
  }
};
