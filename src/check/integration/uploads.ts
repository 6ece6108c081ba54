import { gzipSync } from "node:zlib";
import type { Answer } from "../answer.js";
import type { Check } from "../check.js";
import { type CheckedProject, receiptOf } from "../checked-project.js";
import { type CheckedService, UNKNOWN } from "../checked-service.js";
import { expectEqual, LeftOut } from "../expectations.js";
import { base64Rows, type Clks, randomClks } from "../planted-clks.js";
import { SharedObjectStore } from "../shared-object-store.js";

interface Form {
  readonly name: string;
  readonly usesBlocks?: boolean;
  send(project: CheckedProject, party: number, rows: Clks, service: CheckedService): Promise<Answer>;
}

const ROW_COUNT = 20;
const blocksOf = (row: number) => [`block ${row % 3}`, row % 2];

const FORMS: readonly Form[] = [
  { name: "clks", send: (project, party, rows) => project.tryUpload(party, { clks: base64Rows(rows) }) },
  {
    name: "encodings",
    send: (project, party, rows) => project.tryUpload(party, { encodings: base64Rows(rows) }),
  },
  {
    name: "clks compressed by gzip",
    send: ({ path, made }, party, rows, { api }) =>
      api.request("POST", `${path}/clks`, {
        token: made.update_tokens[party],
        body: gzipSync(JSON.stringify({ clks: base64Rows(rows) })),
        headers: { "Content-Type": "application/json", "Content-Encoding": "gzip" },
      }),
  },
  { name: "binaryclks", send: (project, party, rows) => project.tryBinaryUpload(party, rows) },
  {
    name: "plain bytes on /clks",
    send: (project, party, rows) => project.tryBinaryUpload(party, rows, {}, "clks"),
  },
  {
    name: "clknblocks",
    usesBlocks: true,
    send: (project, party, rows) =>
      project.tryUpload(party, { clknblocks: base64Rows(rows).map((clk, row) => [clk, ...blocksOf(row)]) }),
  },
  {
    name: "encodings and blocks",
    usesBlocks: true,
    send: (project, party, rows) => {
      const encodings = base64Rows(rows);
      const blocks = Object.fromEntries(encodings.map((_, row) => [row, blocksOf(row)]));
      return project.tryUpload(party, { encodings, blocks });
    },
  },
];

/** Every form stores the same records: two parties upload them, one in this form, and each record must match itself. */
const formChecks = FORMS.map(
  (form): Check => ({
    name: `an upload as ${form.name} is stored, counts its party, and works once`,
    async run(service) {
      const project = await service.createProject({ uses_blocking: form.usesBlocks === true });
      const rows = randomClks(ROW_COUNT);
      receiptOf(await form.send(project, 1, rows, service));
      const { parties_contributed, error } = await project.describe();
      expectEqual(
        { parties_contributed, error },
        { parties_contributed: 1, error: false },
        "GET /projects/{id}",
      );
      (await form.send(project, 1, rows, service)).problem(403);
      const plain = FORMS.find(({ name }) => name === (form.usesBlocks ? "clknblocks" : "binaryclks"))!;
      receiptOf(await plain.send(project, 0, rows, service));
      const { result } = await project.complete<{ groups: [number, number][][] }>(1);
      const same = result.groups
        .map((group) => group.map(([, row]) => row))
        .filter(([one, other]) => one === other);
      expectEqual(same.length, ROW_COUNT, "the rows that were found again");
    },
  }),
);

/** The ways to upload encodings. */
export const uploadChecks: readonly Check[] = [
  ...formChecks,
  {
    name: "an upload without its token gets 400, with another one 403",
    async run(service) {
      const [{ path, made }, other] = [await service.createProject(), await service.createProject()];
      const clks = base64Rows(randomClks(3));
      for (const call of ["clks", "binaryclks"]) {
        const request =
          call === "clks"
            ? { json: { clks } }
            : {
                body: new Uint8Array(64),
                headers: { "Content-Type": "application/octet-stream", "Hash-Count": "1", "Hash-Size": "64" },
              };
        (await service.api.request("POST", `${path}/${call}`, request)).problem(400);
        for (const token of ["wrong", UNKNOWN, made.result_token, other.made.update_tokens[0]]) {
          (await service.api.request("POST", `${path}/${call}`, { ...request, token })).problem(403);
        }
      }
    },
  },
  {
    name: "authorize-external-upload gives a party credentials for a path of its own, where it is switched on",
    async run(service) {
      const project = await service.createProject();
      const { made } = project;
      const path = `${project.path}/authorize-external-upload`;
      (await service.api.get(path)).problem(400);
      const answer = await service.api.get(path, made.update_tokens[0]);
      if (answer.status === 500 && answer.problem(500) === "Feature Disabled") {
        throw new LeftOut("switched off at this service");
      }
      for (const token of ["wrong", made.result_token]) (await service.api.get(path, token)).problem(403);
      const { credentials, upload } = answer.json<{ credentials: never; upload: never }>(201);
      const { place } = new SharedObjectStore(credentials, upload);
      const prefix = `${made.project_id}/`;
      expectEqual(place.path.slice(0, prefix.length), prefix, "the path for uploads");
    },
  },
];
