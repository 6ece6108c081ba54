/** Makes ids: random ones for a client; ones that follow from the task's for a worker, so that doing it again is harmless. */
export type IdSource = () => string;
