/** Meanings of the system's error codes, worded to follow the name of a file. */
const PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  ENOTDIR: "does not exist",
  EACCES: "cannot be read: access is denied",
  EPERM: "cannot be read: access is denied",
  EISDIR: "is a folder, not a file",
};

/** Why a file cannot be read, worded to follow its name; `undefined` for other errors than the system's. */
export function fileProblem(error: unknown): string | undefined {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === undefined) return undefined;
  return PROBLEMS[code] ?? (syscall === undefined ? undefined : `cannot be read (${code})`);
}
