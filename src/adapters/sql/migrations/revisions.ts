import { INITIAL_TABLES } from "./initial-tables.js";

/** A version of the tables, under the name that the Python service's migrations give it. */
export interface Revision {
  readonly name: string;
  /** Migrates from the previous revision to this one. */
  readonly statements: readonly string[];
}

/** Oldest first. */
export const REVISIONS: readonly Revision[] = [
  { name: "292d2f2d3939", statements: INITIAL_TABLES },
  { name: "e321799791b7", statements: ["ALTER TABLE runs ADD COLUMN error_msg text"] },
  {
    name: "9a5d78339327",
    statements: [
      "ALTER TABLE encodings ADD COLUMN dp integer",
      `ALTER TABLE encodings ADD CONSTRAINT fk_encoding_dp
         FOREIGN KEY (dp) REFERENCES dataproviders ON DELETE CASCADE`,
    ],
  },
];

export const NEWEST_REVISION = REVISIONS.at(-1)!.name;
