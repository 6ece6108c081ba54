import type { Check } from "./check.js";
import { linkageChecks } from "./e2e/linkages.js";
import { objectStoreChecks } from "./e2e/object-stores.js";
import { generalChecks } from "./integration/general.js";
import { projectChecks } from "./integration/projects.js";
import { refusedUploadChecks } from "./integration/refused-uploads.js";
import { resultChecks } from "./integration/results.js";
import { runChecks } from "./integration/runs.js";
import { uploadChecks } from "./integration/uploads.js";

/** `integration`: each resource of the API separately. `e2e`: whole linkages with known results. */
export const SUITES: Readonly<Record<"integration" | "e2e", readonly Check[]>> = {
  integration: [
    ...generalChecks,
    ...projectChecks,
    ...uploadChecks,
    ...refusedUploadChecks,
    ...runChecks,
    ...resultChecks,
  ],
  e2e: [...linkageChecks, ...objectStoreChecks],
};
