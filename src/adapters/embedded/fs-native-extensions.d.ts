/** What we use of it; it comes without declarations. */
declare module "fs-native-extensions" {
  /** Locks a file that is open for writing against other open files, as long as it is open. Returns whether it did. */
  export function tryLock(fd: number): boolean;
}
