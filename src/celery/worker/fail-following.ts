import type { CeleryBackend } from "../backend.js";
import { tasksOfChain, tasksOfGroup, typeOf } from "../canvas/composites.js";
import { textOf } from "../canvas/prepare-task.js";
import type { Signature } from "../message.js";
import type { TaskFailure } from "../task-errors.js";

/** A part of a chord that fails without having run. */
export interface FailedPart {
  readonly taskId: string;
  readonly groupId: string;
  readonly groupIndex: number | null;
  readonly body: Signature;
}

/**
 * Stores a failure for everything that will not run because of it, so that no client waits for it: each task of a
 * chain, each member of a group, the body of a chord.
 *
 * @param parentId the task that failed
 * @returns the parts of chords among them, which are still to be counted
 */
export async function failFollowing(
  backend: CeleryBackend,
  signatures: readonly Signature[],
  failure: TaskFailure,
  parentId: string,
): Promise<FailedPart[]> {
  const parts: FailedPart[] = [];
  for (const signature of signatures) {
    const options = signature.options as Record<string, unknown>;
    const taskId = textOf(options["task_id"]);
    const groupId = textOf(options["group_id"]);
    const body = options["chord"] as Signature | null | undefined;
    if (taskId !== undefined) {
      await backend.storeFailure({ id: taskId, parentId, group: groupId ?? null }, failure);
      const groupIndex = typeof options["group_index"] === "number" ? options["group_index"] : null;
      if (groupId !== undefined && body) parts.push({ taskId, groupId, groupIndex, body });
    }
    parts.push(...(await failFollowing(backend, within(signature), failure, parentId)));
  }
  return parts;
}

/** What fails along with a signature. */
function within(signature: Signature): readonly Signature[] {
  switch (typeOf(signature)) {
    case "chain":
      return tasksOfChain(signature);
    case "group":
      return tasksOfGroup(signature.kwargs["tasks"]);
    case "chord":
      return [signature.kwargs["body"] as Signature];
    default:
      return [];
  }
}
