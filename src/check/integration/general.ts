import type { Check } from "../check.js";
import { expectThat } from "../expectations.js";

/** Requests that belong to no project. */
export const generalChecks: readonly Check[] = [
  {
    name: "GET /status reports ok, the number of projects and a rate",
    async run({ api }) {
      const { status, project_count, rate } = (await api.get("/status")).json<Record<string, unknown>>(200);
      expectThat(status === "ok", "GET /status: expected the status ok");
      expectThat(Number.isInteger(project_count), "GET /status: expected a whole number as project_count");
      expectThat(typeof rate === "number", "GET /status: expected a number as rate");
    },
  },
  {
    name: "GET /version names three versions",
    async run({ api }) {
      const versions = (await api.get("/version")).json<Record<string, unknown>>(200);
      for (const key of ["anonlink", "entityservice", "python"]) {
        const version = versions[key];
        expectThat(
          typeof version === "string" && version !== "",
          `GET /version: expected a string as ${key}`,
        );
      }
    },
  },
  {
    name: "a doubled slash is one slash",
    async run({ api }) {
      (await api.get("//status")).expect(200);
      (await api.get("//projects")).expect(200);
    },
  },
  {
    name: "an unknown path gets 404, a known one with another method 405",
    async run({ api }) {
      (await api.get("/nothing")).problem(404);
      (await api.request("PUT", "/projects", { json: {} })).problem(405);
      (await api.delete("/status")).problem(405);
    },
  },
];
