/** The part of the package that we use; it ships without type declarations. */
declare module "fs-native-extensions" {
  /** Locks a file opened for writing, until it is closed, against all others that open it. Returns whether it did. */
  export function tryLock(fd: number): boolean;
}
