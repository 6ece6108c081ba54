import { readFileSync } from "node:fs";

/** The statements of schema.sql: the tables of the Python service after its newest migration. */
export const NEWEST_SCHEMA: readonly string[] = readFileSync(new URL("schema.sql", import.meta.url), "utf8")
  .split(/;\s*$/m)
  .map((statement) => statement.trim())
  .filter((statement) => statement !== "");

const SECOND_SCHEMA = [
  ...NEWEST_SCHEMA,
  "ALTER TABLE encodings DROP COLUMN dp", // also drops its foreign key
  "UPDATE alembic_version SET version_num = 'e321799791b7'",
];

const FIRST_SCHEMA = [
  ...SECOND_SCHEMA,
  "ALTER TABLE runs DROP COLUMN error_msg",
  "UPDATE alembic_version SET version_num = '292d2f2d3939'",
];

/** The statements that create the tables of each schema revision of the Python service, oldest first. */
export const SCHEMAS: ReadonlyMap<string, readonly string[]> = new Map([
  ["292d2f2d3939", FIRST_SCHEMA],
  ["e321799791b7", SECOND_SCHEMA],
  ["9a5d78339327", NEWEST_SCHEMA],
]);
