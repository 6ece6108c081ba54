import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { FileObjectStore } from "../../src/adapters/embedded/file-object-store.js";
import type { Project } from "../../src/linkage/project.js";
import { deleteMinioObjects } from "../../src/worker/delete-minio-objects.js";

const PROJECT = "a".repeat(48);
const OTHER = `${PROJECT.slice(1)}b`;

async function storeWith(t: ExecutionContext, names: readonly string[]): Promise<FileObjectStore> {
  const folder = mkdtempSync(join(tmpdir(), "delete-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const store = await FileObjectStore.open(folder);
  for (const name of names) await store.put(name, async function* () {}, 0);
  return store;
}

async function namesIn(store: FileObjectStore): Promise<string[]> {
  const names: string[] = [];
  for await (const name of store.list("")) names.push(name);
  return names.sort();
}

async function setUp(t: ExecutionContext, isThere: boolean, hasBucket = true) {
  const objects = await storeWith(t, [
    "quarantine/1.txt",
    "similarity-scores/2.bin",
    "similarity-scores/3.bin",
  ]);
  const uploadObjects = await storeWith(t, [`${PROJECT}/1/a`, `${PROJECT}/12/b`, `${OTHER}/1/c`]);
  const project = { projectId: PROJECT } as Project;
  const database = { findProject: async (id: string) => (isThere && id === PROJECT ? project : undefined) };
  const task = deleteMinioObjects({
    database,
    objects,
    uploadObjects: hasBucket ? uploadObjects : undefined,
  });
  const run = (filenames: unknown, projectId: unknown = PROJECT) =>
    task.run({ filenames, project_id: projectId, parent_span: {} }, { taskId: "t" });
  return { objects, uploadObjects, run };
}

test("removes the given files, and the uploads of a deleted project's parties", async (t) => {
  const { objects, uploadObjects, run } = await setUp(t, false);
  await run(["quarantine/1.txt", "similarity-scores/2.bin", "similarity-scores/none.bin"]);
  t.deepEqual(await namesIn(objects), ["similarity-scores/3.bin"]);
  t.deepEqual(await namesIn(uploadObjects), [`${OTHER}/1/c`]);
  await t.notThrowsAsync(run(["quarantine/1.txt"]), "again");
});

test("keeps the uploads of an existing project's parties", async (t) => {
  const { objects, uploadObjects, run } = await setUp(t, true);
  await run(["quarantine/1.txt"]);
  t.deepEqual(await namesIn(objects), ["similarity-scores/2.bin", "similarity-scores/3.bin"]);
  t.is((await namesIn(uploadObjects)).length, 3);
});

test("works without an upload bucket", async (t) => {
  const { objects, run } = await setUp(t, false, false);
  await run([]);
  t.is((await namesIn(objects)).length, 3);
});

test("rejects invalid arguments without removing anything", async (t) => {
  const { objects, uploadObjects, run } = await setUp(t, false);
  for (const filenames of [undefined, "quarantine/1.txt", [1], [["a"]]]) {
    await t.throwsAsync(run(filenames), { code: "invalid-arguments" });
  }
  for (const projectId of [7, null, [PROJECT]]) {
    await t.throwsAsync(run([], projectId), { code: "invalid-arguments" });
  }
  t.is((await namesIn(objects)).length + (await namesIn(uploadObjects)).length, 6);
});
