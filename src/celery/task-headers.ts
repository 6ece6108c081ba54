import type { TaskToSend } from "./canvas/prepare-task.js";
import { pythonRepr } from "./python-repr.js";

/**
 * The headers of a task's message in version 2 of Celery's protocol.
 *
 * @param origin the sender, as `process@host`
 */
export function taskHeaders(task: TaskToSend, origin: string): Record<string, unknown> {
  return {
    lang: "js",
    task: task.task,
    id: task.id,
    shadow: null,
    eta: task.eta,
    expires: task.expires,
    group: task.group,
    group_index: task.groupIndex,
    retries: 0,
    timelimit: task.timelimit,
    root_id: task.rootId,
    parent_id: task.parentId,
    argsrepr: pythonRepr(task.args),
    kwargsrepr: pythonRepr(task.kwargs),
    origin,
    ignore_result: task.ignoreResult,
    replaced_task_nesting: 0,
    stamped_headers: null,
    stamps: {},
  };
}
