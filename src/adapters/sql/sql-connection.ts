/** Runs statements, in a transaction or each in one of its own. */
export interface SqlQueries {
  /**
   * Runs one statement.
   *
   * @param values of `$1`, `$2`, …: texts, finite numbers, booleans and null. A longer list comes as one JSON text, as
   *   drivers write arrays in ways of their own; and columns that drivers read in ways of their own (times, 64-bit
   *   numbers, JSON, blank-padded text) are cast by the statement
   * @returns the rows, by the names of the columns
   */
  query<Row extends object>(statement: string, values?: readonly SqlValue[]): Promise<Row[]>;
}

export type TransactionAction<T> = (queries: SqlQueries, mayBeDone: boolean) => Promise<T>;

export type SqlValue = string | number | boolean | null;

/** What {@link SqlDatabase} needs of a PostgreSQL, wherever that runs. */
export interface SqlConnection extends SqlQueries {
  /**
   * As {@link SqlQueries.query}. The statement may run twice if the connection is lost: to be used for what only reads,
   * and for what may be done twice.
   */
  query<Row extends object>(
    statement: string,
    values?: readonly SqlValue[],
    signal?: AbortSignal,
  ): Promise<Row[]>;

  /**
   * Runs an action in a transaction (read committed), and again from its beginning if that was lost; it takes effect once.
   * Where the server crashes just as a transaction ends, nobody can tell whether it was lost: the action is run again,
   * is told that it may be done already, and must then change nothing.
   *
   * @throws what the action throws, and then nothing was changed
   */
  transaction<T>(action: TransactionAction<T>): Promise<T>;

  close(): Promise<void>;
}
