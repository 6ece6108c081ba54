/** Runs statements, in one transaction or each in its own. */
export interface SqlQueries {
  /**
   * Runs one statement.
   *
   * @param values of `$1`, `$2`, …: strings, finite numbers, booleans and null. Lists are passed as one JSON string,
   *   because drivers differ in how they write arrays. Columns that drivers read differently (times, 64-bit numbers,
   *   JSON, blank-padded strings) are cast by the statement
   * @returns the rows, keyed by column name
   */
  query<Row extends object>(statement: string, values?: readonly SqlValue[]): Promise<Row[]>;
}

export type TransactionAction<T> = (queries: SqlQueries, mayBeDone: boolean) => Promise<T>;

export type SqlValue = string | number | boolean | null;

/** What {@link SqlDatabase} requires of PostgreSQL, whether embedded or on a server. */
export interface SqlConnection extends SqlQueries {
  /**
   * Like {@link SqlQueries.query}. If the connection is lost, the statement may run twice: use it only for statements
   * that read, or that are safe to repeat.
   */
  query<Row extends object>(
    statement: string,
    values?: readonly SqlValue[],
    signal?: AbortSignal,
  ): Promise<Row[]>;

  /**
   * Runs an action in a transaction (read committed), and again from the start if the transaction is lost; it takes
   * effect once. If the server crashes just as a transaction ends, its outcome is unknown: the action then runs again
   * with `mayBeDone` set, and must change nothing if it has already taken effect.
   *
   * @throws what the action throws; then nothing is changed
   */
  transaction<T>(action: TransactionAction<T>): Promise<T>;

  close(): Promise<void>;
}
