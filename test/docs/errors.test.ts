// docs/errors.md lists each error code once, and the HTTP status that the service answers with.
import test from "ava";
import { ServiceError, type ServiceErrorCode } from "../../src/linkage/errors.js";
import { problemOf } from "../../src/service/problem.js";
import { readText, tableRows } from "./documents.js";

const FAILED = 500;

/** The codes of a union type, as its source lists them. */
function codesIn(path: string): string[] {
  return [...readText(path).matchAll(/^ {2}\| "([a-z-]+)"/gm)].map(([, code = ""]) => code);
}

const rows = tableRows("docs/errors.md").filter(([code]) => code !== "code");
const serviceCodes = codesIn("src/linkage/errors.ts");

test("docs/errors.md lists each code once", (t) => {
  const libraryCodes = codesIn("src/core/errors.ts");
  t.true(libraryCodes.length > 5 && serviceCodes.length > 5);
  const listed = rows.map(([code = ""]) => code.replaceAll("`", ""));
  t.deepEqual(listed.sort(), [...libraryCodes, ...serviceCodes].sort());
});

for (const code of serviceCodes) {
  test(`docs/errors.md has the status of ${code}`, (t) => {
    const { status, detail } = problemOf(new ServiceError(code as ServiceErrorCode, "This cannot be done."));
    const isInternal = detail !== "This cannot be done.";
    const listed = rows.find(([listedCode]) => listedCode === `\`${code}\``)?.[1];
    t.is(listed, isInternal ? "" : String(status));
    if (isInternal) t.is(status, FAILED);
  });
}
