/** The first revision of the Python service's tables. */
export const INITIAL_TABLES: readonly string[] = [
  createType("mappingresult", ["groups", "permutations", "similarity_scores"]),
  createType("uploadedstate", ["not_started", "in_progress", "done", "error"]),
  createType("processedstate", ["pending", "ready", "error"]),
  createType("runstate", ["created", "queued", "running", "completed", "error"]),

  `CREATE TABLE projects (
     id serial PRIMARY KEY,
     project_id char(48) NOT NULL UNIQUE,
     time_added timestamp DEFAULT CURRENT_TIMESTAMP,
     access_token text NOT NULL,
     schema jsonb NOT NULL,
     encoding_size integer,
     name text,
     notes text,
     parties smallint DEFAULT 2,
     result_type mappingresult NOT NULL,
     marked_for_deletion boolean DEFAULT false,
     uses_blocking boolean DEFAULT false
   )`,

  `CREATE TABLE dataproviders (
     id serial PRIMARY KEY,
     token char(48) NOT NULL UNIQUE,
     uploaded uploadedstate NOT NULL,
     project char(48) REFERENCES projects (project_id) ON DELETE CASCADE
   )`,
  "CREATE INDEX ix_dataproviders_project ON dataproviders (project)",
  "CREATE INDEX ix_dataproviders_uploaded ON dataproviders (uploaded)",

  `CREATE TABLE uploads (
     id serial PRIMARY KEY,
     ts timestamp DEFAULT CURRENT_TIMESTAMP,
     dp integer REFERENCES dataproviders ON DELETE CASCADE,
     token char(48) NOT NULL UNIQUE,
     file char(64),
     state processedstate NOT NULL,
     encoding_size integer,
     count integer NOT NULL,
     block_count integer NOT NULL DEFAULT 1
   )`,

  `CREATE TABLE blocks (
     dp integer REFERENCES dataproviders ON DELETE CASCADE,
     block_name char(64) NOT NULL,
     block_id serial PRIMARY KEY,
     count integer NOT NULL,
     state processedstate NOT NULL
   )`,
  "CREATE INDEX blocks_dp_block_name_idx ON blocks (dp, block_name)",

  "CREATE TABLE encodings (encoding_id bigserial PRIMARY KEY, encoding bytea NOT NULL)",

  `CREATE TABLE encodingblocks (
     dp integer REFERENCES dataproviders ON DELETE CASCADE,
     entity_id integer,
     encoding_id bigint REFERENCES encodings ON DELETE CASCADE,
     block_id integer REFERENCES blocks
   )`,
  "CREATE INDEX ix_encodingblocks_block_id ON encodingblocks (block_id)",
  "CREATE INDEX ix_encodingblocks_encoding_id ON encodingblocks (encoding_id)",

  `CREATE TABLE runs (
     id serial PRIMARY KEY,
     run_id char(48) NOT NULL UNIQUE,
     project char(48) REFERENCES projects (project_id) ON DELETE CASCADE,
     name text,
     notes text,
     threshold double precision NOT NULL,
     state runstate NOT NULL,
     stage smallint DEFAULT 1,
     type text NOT NULL,
     time_added timestamp DEFAULT CURRENT_TIMESTAMP,
     time_started timestamp,
     time_completed timestamp
   )`,

  `CREATE TABLE run_results (
     id serial PRIMARY KEY,
     run_id char(48) REFERENCES runs (run_id) ON DELETE CASCADE,
     result jsonb
   )`,
  "CREATE INDEX ix_run_results_run_id ON run_results (run_id)",

  `CREATE TABLE similarity_scores (
     id serial PRIMARY KEY,
     run char(48) REFERENCES runs (run_id) ON DELETE CASCADE,
     file char(70) NOT NULL
   )`,
  "CREATE INDEX ix_similarity_scores_run ON similarity_scores (run)",

  `CREATE TABLE permutations (
     id serial PRIMARY KEY,
     dp integer REFERENCES dataproviders ON DELETE CASCADE,
     run char(48) REFERENCES runs (run_id) ON DELETE CASCADE,
     permutation jsonb
   )`,

  `CREATE TABLE permutation_masks (
     id serial PRIMARY KEY,
     project char(48) REFERENCES projects (project_id) ON DELETE CASCADE,
     run char(48) REFERENCES runs (run_id) ON DELETE CASCADE,
     raw jsonb
   )`,

  `CREATE TABLE metrics (
     id serial PRIMARY KEY,
     ts timestamp DEFAULT CURRENT_TIMESTAMP,
     rate bigint
   )`,
];

/** Types may already exist: undoing the Python service's migrations drops only the tables. */
function createType(name: string, values: readonly string[]): string {
  const list = values.map((value) => `'${value}'`).join(", ");
  return `DO $$ BEGIN
       IF to_regtype('${name}') IS NULL THEN CREATE TYPE ${name} AS ENUM (${list}); END IF;
     END $$`;
}
