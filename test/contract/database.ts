// The contract of every Database.
import type { TestFn } from "ava";
import { testBlocks } from "./database/blocks.js";
import type { OpenedDatabase } from "./database/opened-database.js";
import { testProjects } from "./database/projects.js";
import { testResults } from "./database/results.js";
import { testRuns } from "./database/runs.js";
import { testUploadSlots } from "./database/upload-slots.js";
import { testUploads } from "./database/uploads.js";

/** @param open opens the database that all tests share; it is closed at the end */
export function testDatabase(test: TestFn, open: () => Promise<OpenedDatabase>): void {
  let opened: OpenedDatabase;
  test.before(async () => {
    opened = await open();
  });
  test.after.always(() => opened?.database.close());

  test("a database with its tables passes the check", async (t) => {
    await t.notThrowsAsync(opened.database.check());
    await t.notThrowsAsync(opened.database.check(new AbortController().signal));
    await t.throwsAsync(opened.database.check(AbortSignal.abort(new Error("too late"))), {
      message: "too late",
    });
  });

  for (const add of [testProjects, testUploadSlots, testUploads, testBlocks, testRuns, testResults]) {
    add(test, () => opened);
  }
}
