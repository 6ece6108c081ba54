/** Something that the user can put right: the command line says it in one sentence and exits with code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
