import type { SqlQueries } from "../../src/adapters/sql/sql-connection.js";

/** A database's schema as strings, so that two databases can be compared. */
export interface SchemaDescription {
  readonly columns: readonly string[];
  readonly constraints: readonly string[];
  readonly indexes: readonly string[];
  readonly sequences: readonly string[];
  readonly types: readonly string[];
}

/** Describes everything in the schema `public`; columns are in table order. */
export async function describeSchema(queries: SqlQueries): Promise<SchemaDescription> {
  const list = async (statement: string) => {
    const rows = await queries.query<{ text: string }>(statement);
    return rows.map(({ text }) => text);
  };
  return {
    columns: await list(`
      SELECT concat_ws(' ', class.relname, attname, format_type(atttypid, atttypmod),
        CASE WHEN attnotnull THEN 'NOT NULL' END, 'DEFAULT ' || pg_get_expr(adbin, adrelid)) AS text
      FROM pg_attribute
      JOIN pg_class AS class ON class.oid = attrelid AND class.relkind = 'r'
      LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
      WHERE class.relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped
      ORDER BY class.relname, attnum`),
    constraints: await list(`
      SELECT concat_ws(' ', class.relname, conname, pg_get_constraintdef(pg_constraint.oid)) AS text
      FROM pg_constraint JOIN pg_class AS class ON class.oid = conrelid
      WHERE class.relnamespace = 'public'::regnamespace
        AND contype <> 'n' -- which PostgreSQL lists from version 18 on; said of the columns already
      ORDER BY text`),
    indexes: await list("SELECT indexdef AS text FROM pg_indexes WHERE schemaname = 'public' ORDER BY text"),
    sequences: await list(`
      SELECT concat_ws(' ', sequencename, data_type, start_value, min_value, max_value, increment_by, cache_size,
        cycle, pg_get_serial_sequence(owner.relname, attname)) AS text
      FROM pg_sequences
      JOIN pg_depend ON objid = sequencename::text::regclass AND deptype = 'a'
      JOIN pg_class AS owner ON owner.oid = refobjid
      JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid
      WHERE schemaname = 'public'
      ORDER BY text`),
    types: await list(`
      SELECT typname || ' ' || string_agg(enumlabel, ' ' ORDER BY enumsortorder) AS text
      FROM pg_type JOIN pg_enum ON enumtypid = pg_type.oid
      WHERE typnamespace = 'public'::regnamespace
      GROUP BY typname ORDER BY text`),
  };
}
