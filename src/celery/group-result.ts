import type { CeleryBackend } from "./backend.js";
import type { TaskResult } from "./task-result.js";

/** The results of a group that was sent. */
export class GroupResult {
  readonly #backend: CeleryBackend;

  /**
   * @param groupId the group's id
   * @param results its members' results, in order
   */
  constructor(
    readonly groupId: string,
    readonly results: readonly TaskResult[],
    backend: CeleryBackend,
  ) {
    this.#backend = backend;
  }

  /**
   * Waits for all members.
   *
   * @param timeoutMs milliseconds for all of them; default: no limit
   * @returns their values, in order
   * @throws TaskFailure the failure of a member
   */
  get(timeoutMs?: number): Promise<unknown[]> {
    return Promise.all(this.results.map((result) => result.get(timeoutMs)));
  }

  /** Stores the members' ids under the group's id, so that other clients (Python's `GroupResult.restore`) find them. */
  async save(): Promise<void> {
    await this.#backend.saveGroup(
      this.groupId,
      this.results.map(({ taskId }) => taskId),
    );
  }
}
