import test from "ava";
import { authorize, authorizeRun, checkMayReadResults, type TokenKind } from "../../src/linkage/authorize.js";
import type { Dataprovider, Project, ResultType } from "../../src/linkage/project.js";
import { randomCode } from "../../src/linkage/random-code.js";
import type { Run } from "../../src/linkage/run.js";

const ALL: readonly TokenKind[] = ["update", "receipt", "result"];

function party(index: number, receiptToken?: string): Dataprovider {
  const upload = receiptToken && {
    receiptToken,
    state: "ready" as const,
    recordCount: 3,
    blockCount: 1,
    encodingSize: 128,
    file: undefined,
    timeAdded: new Date(),
  };
  return {
    id: index + 1,
    index,
    updateToken: randomCode(),
    state: upload ? "done" : "not_started",
    upload: upload || undefined,
  };
}

function stores(resultType: ResultType = "groups") {
  const receipt = randomCode();
  const project: Project = {
    projectId: randomCode(),
    resultToken: randomCode(),
    resultType,
    schema: {},
    name: "",
    notes: "",
    partyCount: 2,
    usesBlocking: false,
    timeAdded: new Date(),
    encodingSize: undefined,
  };
  const parties = [party(0), party(1, receipt)];
  const run = { runId: randomCode(), projectId: project.projectId } as Run;
  const asked: string[] = [];
  const database = {
    async findProject(id: string) {
      asked.push(id);
      return id === project.projectId ? project : undefined;
    },
    async listDataproviders(id: string) {
      return id === project.projectId ? parties : [];
    },
    async findRun(projectId: string, runId: string) {
      return projectId === project.projectId && runId === run.runId ? run : undefined;
    },
  };
  return { database, project, parties, receipt, run, asked };
}

test("identifies each kind of token and its party", async (t) => {
  const { database, project, parties, receipt } = stores();
  const who = async (token: string) => {
    const { kind, party } = await authorize(database, project.projectId, token, ALL);
    return [kind, party?.index];
  };
  t.deepEqual(await who(project.resultToken), ["result", undefined]);
  t.deepEqual(await who(parties[0]!.updateToken), ["update", 0]);
  t.deepEqual(await who(parties[1]!.updateToken), ["update", 1]);
  t.deepEqual(await who(receipt), ["receipt", 1]);
});

test("rejects wrong tokens, unknown projects and unknown runs with the same error", async (t) => {
  const { database, project, parties, run } = stores();
  const { projectId, resultToken } = project;
  const other = stores();
  const refusals = [
    () => authorize(database, projectId, randomCode(), ALL),
    () => authorize(database, projectId, "", ALL),
    () => authorize(database, projectId, resultToken.toUpperCase(), ALL),
    () => authorize(database, projectId, resultToken.slice(1), ALL),
    () => authorize(database, projectId, other.project.resultToken, ALL),
    () => authorize(database, projectId, parties[0]!.updateToken, ["result", "receipt"]),
    () => authorize(database, projectId, "0".repeat(48), ALL), // compared with if the project is unknown
    () => authorize(database, randomCode(), "0".repeat(48), ALL),
    () => authorize(database, randomCode(), resultToken, ALL),
    () => authorizeRun(database, projectId, randomCode(), resultToken, ["result"]),
    () => authorizeRun(database, projectId, "'; --", resultToken, ["result"]),
    () => authorizeRun(database, projectId, run.runId, parties[0]!.updateToken, ["result"]),
  ];
  const messages = new Set<string>();
  for (const refusal of refusals) {
    const error = await t.throwsAsync(refusal);
    t.like(error, { code: "forbidden" });
    messages.add(error.message);
  }
  t.is(messages.size, 1);
});

test("queries the database with valid ids only", async (t) => {
  const { database, asked, project } = stores();
  for (const id of ["", "../..", "\0", "a".repeat(5000), project.projectId.toUpperCase()]) {
    await t.throwsAsync(authorize(database, id, project.resultToken, ALL), {
      message: "Access denied: unknown project or run, or wrong token.",
    });
  }
  for (const id of asked) t.regex(id, /^[0-9a-f]{48}$/);
});

test("finds a run of the project", async (t) => {
  const { database, project, run } = stores();
  const access = await authorizeRun(database, project.projectId, run.runId, project.resultToken, ["result"]);
  t.is(access.run, run);
  t.is(access.project, project);
});

test("a receipt token reads only permutation results, and an update token reads none", async (t) => {
  for (const type of ["groups", "similarity_scores", "permutations"] as const) {
    const { database, project, parties, receipt } = stores(type);
    const may = async (token: string) => {
      const access = await authorize(database, project.projectId, token, ALL);
      try {
        checkMayReadResults(access);
        return true;
      } catch {
        return false;
      }
    };
    t.true(await may(project.resultToken));
    t.is(await may(receipt), type === "permutations");
    t.false(await may(parties[1]!.updateToken));
  }
});
