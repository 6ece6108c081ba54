/** Creates ids: random for a client; derived from the task's id for a worker, so that a repeat is harmless. */
export type IdSource = () => string;
