import test from "ava";
import { createProject, type NewProject } from "../../src/linkage/create-project.js";
import type { ProjectDescription } from "../../src/linkage/project.js";

const groups: NewProject = { schema: {}, resultType: "groups" };

function database() {
  const added: [ProjectDescription, readonly string[]][] = [];
  return {
    added,
    async addProject(project: ProjectDescription, tokens: readonly string[]) {
      added.push([project, tokens]);
    },
  };
}

test("adds a project of two parties with random ids and tokens", async (t) => {
  const store = database();
  const made = await createProject(store, groups, 10);
  const codes = [made.projectId, made.resultToken, ...made.updateTokens];
  t.is(new Set(codes).size, 4);
  for (const code of codes) t.regex(code, /^[0-9a-f]{48}$/);
  t.like(store.added[0]![0], { partyCount: 2, name: "", notes: "", usesBlocking: false });
  t.deepEqual(store.added[0]![1], made.updateTokens);
});

test("accepts up to the allowed number of parties, and more than two only for groups", async (t) => {
  const store = database();
  t.is((await createProject(store, { ...groups, partyCount: 10 }, 10)).updateTokens.length, 10);
  for (const request of [
    { ...groups, partyCount: 11 },
    { ...groups, partyCount: 1 },
    { ...groups, partyCount: 2.5 },
    { ...groups, partyCount: 3, resultType: "permutations" as const },
    { ...groups, partyCount: 3, resultType: "similarity_scores" as const },
  ]) {
    await t.throwsAsync(createProject(store, request, 10), {
      message:
        /^(number_parties must be a whole number from 2 to 10|result_type must be groups for 3 parties), not /,
    });
  }
  t.is(store.added.length, 1);
});

test("rejects strings and schemas that a database cannot store", async (t) => {
  let deep: unknown = 1;
  for (let n = 0; n < 200; n++) deep = [deep];
  for (const request of [
    { ...groups, name: "a\0b" },
    { ...groups, notes: "\ud800" },
    { ...groups, schema: { "a\0": 1 } },
    { ...groups, schema: { a: [{ b: "\udc00 x" }] } },
    { ...groups, schema: { deep } },
  ]) {
    await t.throwsAsync(createProject(database(), request, 10), { message: /^(name|notes|schema) must be / });
  }
  await t.notThrowsAsync(
    createProject(database(), { ...groups, name: "🙂 ä", schema: { "ä🙂": [null, 1, "\n"] } }, 10),
  );
});
