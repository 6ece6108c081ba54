import { fileURLToPath } from "node:url";
import test from "ava";
import { runChecks } from "../../src/check/main.js";
import { until } from "../celery/until.js";
import { CLI, root, runCli } from "../cli/run-cli.js";
import { freePort } from "../servers/free-port.js";
import { startEmbedded } from "../service/embedded.js";
import type { TestService } from "../service/test-service.js";
import { StartedProcess } from "../started-process.js";
import { type Between, startProxy } from "./proxy.js";

// `anonlink-wasm check` against a correct service and against faulty ones.

let service: TestService & { close(): Promise<void> };
test.before(async () => {
  service = await startEmbedded();
});
test.after.always(() => service?.close());

type Suite = "integration" | "e2e";

/** For a suite, and for a program to start and stop; on a busy machine these take minutes. */
const PATIENCE_MS = 600_000;
test.beforeEach((t) => t.timeout(PATIENCE_MS + 60_000));

async function check(url: string, suite: Suite, timeoutMs = PATIENCE_MS) {
  const lines: string[] = [];
  const isFine = await runChecks({
    ...{ apiUrl: `${url}/api/v1`, suite, timeoutMs },
    signal: new AbortController().signal,
    print: (line) => lines.push(line),
  });
  return { isFine, lines, failed: lines.filter((line) => line.startsWith("✘")) };
}

/** The same through a proxy. */
async function checkThrough(between: Between, suite: Suite, timeoutMs?: number) {
  const proxy = await startProxy(service.url, between);
  try {
    return await check(proxy.url, suite, timeoutMs);
  } finally {
    await proxy.close();
  }
}

async function countProjects(): Promise<number> {
  // On its own connection: a reused one may be closed by the server at that very moment.
  const response = await fetch(`${service.url}/projects`, { headers: { Connection: "close" } });
  return ((await response.json()) as unknown[]).length;
}

const CODE = /[0-9a-f]{48}/;

for (const suite of ["integration", "e2e"] as const) {
  test.serial(`${suite}: passes against a correct service and deletes its projects`, async (t) => {
    const before = await countProjects();
    const { isFine, lines, failed } = await check(service.url, suite);
    t.deepEqual(failed, []);
    t.true(isFine);
    t.true(lines.filter((line) => line.startsWith("✔")).length >= 8);
    // Clients cannot reach an object store here, and the check reports that.
    for (const line of lines.filter((each) => each.startsWith("–")))
      t.regex(line, /switched off at this service$/);
    t.regex(lines.at(-1)!, /^\d+ passed, 0 failed, [23] left out$/);
    t.regex(lines.at(-2)!, /^deleted [1-9]\d* projects$/);
    t.is(await countProjects(), before);
  });
}

test.serial("each wrong answer fails its check with a one-line explanation", async (t) => {
  const { isFine, lines, failed } = await checkThrough(async ({ method, path }, forward) => {
    const answer = await forward();
    // Reveals which projects exist.
    if (method === "GET" && path.endsWith("/projects/unknown")) answer.status = 404;
    // Accepts a threshold of 0.
    if (answer.status === 400 && method === "POST" && path.endsWith("/runs")) answer.status = 201;
    // Reports no versions.
    if (path.endsWith("/version")) answer.text = "{}";
    return answer;
  }, "integration");
  t.false(isFine);
  t.deepEqual(
    failed.map((line) => line.slice(2, line.indexOf(" ("))),
    [
      "GET /version names three versions",
      "a project without its token gets 400, with another one 403, an unknown project 403",
      "a run with an invalid threshold gets 400",
      "runs without a token get 400, with a wrong one 403; an unknown run gets 403",
    ],
  );
  t.regex(failed[0]!, /\): GET \/version: expected a string as anonlink$/);
  t.regex(failed[1]!, /\): GET \/projects\/unknown returned 404 instead of 403 with \{.*\}$/);
  t.regex(failed[2]!, /\): POST \/projects\/…\/runs returned 201 instead of 400 with \{.*\}$/);
  t.notRegex(lines.join("\n"), CODE, "neither ids nor tokens");
  t.is(await countProjects(), 0);
});

test.serial("detects a score off by one bit, a missing group and a misaligned permutation", async (t) => {
  const { isFine, failed } = await checkThrough(async ({ path }, forward) => {
    const answer = await forward();
    if (!path.endsWith("/result") || answer.status !== 200) return answer;
    const result = JSON.parse(answer.text) as {
      similarity_scores?: [unknown, unknown, number][];
      groups?: unknown[];
      permutation?: number[];
    };
    const score = result.similarity_scores?.find(([, , value]) => value < 0.75);
    if (score !== undefined) score[2] += 2 ** -53;
    result.groups?.pop();
    if (result.permutation !== undefined) result.permutation.reverse();
    answer.text = JSON.stringify(result);
    return answer;
  }, "e2e");
  t.false(isFine);
  const said = failed.join("\n");
  t.regex(said, /^✘ two parties of .*: the number of groups: 999 instead of 1000$/m);
  t.regex(said, /^✘ similarity scores are the library's.*: the scores: …/m);
  t.regex(said, /^✘ permutations line up .*: the rows that line up: .* instead of /m);
  t.notRegex(said, /progress between 0 and 1/);
  t.is(await countProjects(), 0);
});

test.serial("passes if the service is occasionally busy", async (t) => {
  let count = 0;
  const { isFine, failed } = await checkThrough(async (_, forward) => {
    if (++count % 5 !== 0) return forward();
    return { status: 503, headers: { "retry-after": "0" }, text: "too many requests" };
  }, "e2e");
  t.deepEqual(failed, []);
  t.true(isFine);
  t.true(count > 50);
});

test.serial("fails if deleted projects are still listed", async (t) => {
  const before = await countProjects();
  const { isFine, lines } = await checkThrough(async ({ method, path }, forward) => {
    const isProject = /\/projects\/[0-9a-f]{48}$/.test(path);
    return method === "DELETE" && isProject ? { status: 204, headers: {}, text: "" } : forward();
  }, "e2e");
  t.false(isFine);
  const kept = lines.find((line) => line.startsWith("✘ what was made is deleted"));
  t.regex(kept ?? "", /GET \/projects: still lists \d+ projects that were deleted$/);
  t.true((await countProjects()) > before);
});

test.serial("fails pending checks on timeout and deletes its projects", async (t) => {
  const before = await countProjects();
  // Increases the time until it suffices to reach the wait for a run.
  for (let timeoutMs = 3000; ; timeoutMs *= 2) {
    let isWaiting = false;
    const { isFine, failed } = await checkThrough(
      async ({ path }, forward) => {
        const answer = await forward();
        if (/\/runs\/.*\/status$/.test(path) && answer.status === 200) {
          isWaiting = true;
          answer.text = answer.text.replace(/"state":"\w+"/, '"state":"running"');
        }
        return answer;
      },
      "e2e",
      timeoutMs,
    );
    t.false(isFine);
    t.is(await countProjects(), before);
    if (!isWaiting) continue;
    t.regex(failed[0]!, /waited in vain for the end of a run: the time of \d+ seconds is over$/);
    break;
  }
});

test.serial("SIGTERM stops the check and deletes its projects", async (t) => {
  const before = await countProjects();
  const proxy = await startProxy(service.url, async ({ path }, forward) => {
    const answer = await forward();
    if (path.endsWith("/status")) answer.text = answer.text.replace(/"state":"\w+"/, '"state":"running"');
    return answer;
  });
  t.teardown(() => proxy.close());
  const [program, ...first] = CLI;
  const args = [...first, "check", "--url", proxy.url, "--suite", "e2e"];
  const process = new StartedProcess("check", program, args, { cwd: fileURLToPath(root) });
  t.teardown(() => process.killGroup());
  await until("a project", PATIENCE_MS, async () => ((await countProjects()) > before ? true : undefined));
  t.is(await countProjects(), before + 1);
  process.signal("SIGTERM");
  t.is(await process.waitForEnd(PATIENCE_MS), 143);
  t.regex(process.output, /^✘ two parties .*: interrupted$/m);
  t.regex(process.output, /^deleted 1 project$/m);
  t.is(await countProjects(), before);
});

test("without a service, exits with code 1 and explains each failure", async (t) => {
  const { code, stdout } = await runCli([
    "check",
    "--url",
    `http://127.0.0.1:${await freePort()}`,
    "--suite",
    "e2e",
  ]);
  t.is(code, 1);
  const lines = stdout.trim().split("\n");
  for (const line of lines.slice(0, -2)) t.regex(line, /^✘ .*: POST \/projects: ECONNREFUSED$/);
  t.regex(lines.at(-1)!, /^0 passed, \d+ failed$/);
});

test("requires a service URL and a suite", async (t) => {
  for (const [args, message] of [
    [["--suite", "e2e"], /required option '--url <url>'/],
    [["--url", "http://localhost"], /required option '--suite <name>'/],
    [["--url", "localhost:8851", "--suite", "e2e"], /must be a URL such as http:\/\/localhost:8851/],
    [["--url", "http://user:word@localhost", "--suite", "e2e"], /must be a URL/],
    [["--url", "http://localhost", "--suite", "all"], /Allowed choices are integration, e2e/],
    [["--url", "http://localhost", "--suite", "e2e", "--timeout", "0"], /number of seconds above 0/],
  ] as const) {
    const { code, stderr } = await runCli(["check", ...args]);
    t.is(code, 2);
    t.regex(stderr, message);
  }
});
