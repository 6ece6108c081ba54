import type { Answer, NewProject, ServiceClient } from "../client.js";
import { base64Rows, blockMap, clksAndBlocks, randomBlocks, randomRows } from "../data.js";

/** The content of all forms: encodings without near neighbors, the same in base64, and their blocks. */
export const rows = randomRows(7, 20);
export const clks = base64Rows(rows);
export const blocks = randomBlocks(7, 20);

export type Groups = { readonly groups: readonly (readonly (readonly [number, number])[])[] };

type Forms = Readonly<Record<string, (project: NewProject, party: number) => Promise<Answer>>>;

/** Uploads of {@link rows} by the name of their form, for projects without and with blocking. */
export function uploadForms(client: () => ServiceClient): { forms: Forms; blockForms: Forms } {
  const forms: Forms = {
    clks: (project, party) => client().tryUpload(project, party, { clks }),
    encodings: (project, party) => client().tryUpload(project, party, { encodings: clks }),
    binaryclks: (project, party) => client().tryBinaryUpload(project, party, rows.bytes, rows.byteLength),
    "octet-stream on /clks": (project, party) =>
      client().tryBinaryUpload(project, party, rows.bytes, rows.byteLength, { path: "clks" }),
  };
  const blockForms: Forms = {
    clknblocks: (project, party) =>
      client().tryUpload(project, party, { clknblocks: clksAndBlocks(rows, blocks) }),
    "encodings and blocks": (project, party) =>
      client().tryUpload(project, party, { encodings: clks, blocks: blockMap(blocks) }),
    "blocks before encodings": (project, party) =>
      client().tryUpload(project, party, { blocks: blockMap(blocks), encodings: clks }),
  };
  return { forms, blockForms };
}
