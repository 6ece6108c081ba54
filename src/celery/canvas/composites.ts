import type { Signature } from "../message.js";
import { signaturesOf } from "./prepare-task.js";

/** What a signature is: a task, or several of them. */
export type SignatureType = "task" | "chain" | "group" | "chord";

/** By its type, or by its name where it came without one. */
export function typeOf({ subtask_type: type, task }: Signature): SignatureType {
  const named = type ?? /^celery\.(chain|group|chord)$/.exec(task)?.[1];
  return named === "chain" || named === "group" || named === "chord" ? named : "task";
}

/** The tasks of a chain, those of chains within it included; a group that is followed by a task is a chord with it. */
export function tasksOfChain(signature: Signature): Signature[] {
  return joinGroups(flattenChains(signature));
}

/** The tasks of groups, those of groups within them included. */
export function tasksOfGroup(header: unknown): Signature[] {
  return signaturesOf(header).flatMap((each) =>
    typeOf(each) === "group" ? tasksOfGroup(each.kwargs["tasks"]) : [each],
  );
}

function flattenChains(signature: Signature): Signature[] {
  return signaturesOf(signature.kwargs["tasks"]).flatMap((task) =>
    typeOf(task) === "chain" && Object.keys(task.options).length === 0 ? flattenChains(task) : [task],
  );
}

/** A group that is followed by a task becomes a chord with it. */
function joinGroups(tasks: readonly Signature[]): Signature[] {
  const joined: Signature[] = [];
  for (const task of tasks) {
    const before = joined.at(-1);
    if (before !== undefined && typeOf(before) === "group") {
      joined[joined.length - 1] = {
        task: "celery.chord",
        args: [],
        kwargs: { header: before, body: task },
        options: {},
        subtask_type: "chord",
        immutable: false,
      };
    } else if (before !== undefined && typeOf(before) === "chord" && isImplicit(before)) {
      joined[joined.length - 1] = { ...before, kwargs: { ...before.kwargs, body: followed(before, task) } };
    } else {
      joined.push(task);
    }
  }
  return joined;
}

/** Whether a chord came of a group in a chain, so that what follows is part of its body. */
function isImplicit(chordSignature: Signature): boolean {
  return (chordSignature.options as Record<string, unknown>)["task_id"] === undefined;
}

function followed(chordSignature: Signature, next: Signature): Signature {
  const body = chordSignature.kwargs["body"] as Signature;
  const tasks = typeOf(body) === "chain" ? signaturesOf(body.kwargs["tasks"]) : [body];
  return {
    task: "celery.chain",
    args: [],
    kwargs: { tasks: [...tasks, next] },
    options: {},
    subtask_type: "chain",
    immutable: false,
  };
}
