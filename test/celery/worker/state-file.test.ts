import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { LamportClock } from "../../../src/celery/worker/clock.js";
import { RevokedIds } from "../../../src/celery/worker/revoked-ids.js";
import { StateFile } from "../../../src/celery/worker/state-file.js";

const log = { info: () => {}, warn: () => {} };

function pathOf(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), "state-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return join(folder, "state.json");
}

function open(path: string) {
  const [revoked, clock] = [new RevokedIds(), new LamportClock()];
  return { revoked, clock, file: new StateFile(path, revoked, clock, log) };
}

test("restores revoked ids with their expiry, and the clock", async (t) => {
  const path = pathOf(t);
  const first = open(path);
  first.revoked.add("old", Date.now() - RevokedIds.KEPT_MS + 60_000);
  first.revoked.add("expired", Date.now() - RevokedIds.KEPT_MS - 1);
  first.revoked.merge(["é😀", 7, "x".repeat(1001)]);
  first.clock.adjust(41);
  await first.file.close();
  const second = open(path);
  t.deepEqual(second.revoked.list(), ["old", "é😀"]);
  t.false(second.revoked.has("old", Date.now() + 60_001));
  t.true(second.clock.value >= 42);
  t.false(existsSync(`${path}.draft`));
});

test("keeps at most as many ids as Celery, the newest ones", async (t) => {
  const path = pathOf(t);
  const first = open(path);
  for (let n = 0; n < RevokedIds.MAX_COUNT + 10; n++) first.revoked.add(`id ${n}`);
  await first.file.close();
  const ids = open(path).revoked.list();
  t.is(ids.length, RevokedIds.MAX_COUNT);
  t.is(ids[0], "id 10");
});

for (const content of [
  "",
  "{",
  "[]",
  "null",
  '{"revoked":7,"clock":1}',
  '{"revoked":[["id"]],"clock":1}',
  '{"revoked":[]}',
]) {
  test(`rejects a state file that contains ${content || "nothing"} and leaves it unchanged`, (t) => {
    const path = pathOf(t);
    writeFileSync(path, content);
    t.throws(() => open(path), {
      instanceOf: TypeError,
      message: `The state file ${path} is not a state file of this worker; name another file, or remove this one to start without revoked ids.`,
    });
    t.is(readFileSync(path, "utf8"), content);
  });
}

test("rejects a path that cannot be read or written", (t) => {
  const path = pathOf(t);
  t.throws(() => open(join(path, "..")), { message: /cannot be read \(EISDIR\); name another file/ });
  t.throws(() => open(join(path, "missing", "state")), {
    message: /cannot be written \(ENOENT\); name another file/,
  });
});

test("ids received again from another worker keep their expiry", (t) => {
  const revoked = new RevokedIds();
  revoked.add("id", 0);
  revoked.merge(["id"], 1000);
  t.false(revoked.has("id", RevokedIds.KEPT_MS));
});
