/** A mistake that the user can correct: the command prints it in one sentence and exits with code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
