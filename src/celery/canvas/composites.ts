import type { Signature } from "../message.js";
import { signaturesOf, textOf } from "./prepare-task.js";

/** The kind of a signature: a task, or several of them. */
export type SignatureType = "task" | "chain" | "group" | "chord";

/** The type of a signature; taken from its task's name if it came without one. */
export function typeOf({ subtask_type: type, task }: Signature): SignatureType {
  const named = type ?? /^celery\.(chain|group|chord)$/.exec(task)?.[1];
  return named === "chain" || named === "group" || named === "chord" ? named : "task";
}

/** The tasks of a chain, including those of nested chains. A group followed by a task becomes a chord with it. */
export function tasksOfChain(signature: Signature): Signature[] {
  return joinGroups(flattenChains(signature));
}

/** The tasks of groups, including those of nested groups. */
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

/** Joins each group and the task that follows it into a chord. */
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

/** Whether a chord was made from a group in a chain, so that what follows is part of its body. */
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

/**
 * The id under which a signature's result will be stored, if it is known: the id of a chain's last task or a chord's
 * body, whatever id the signature itself has. For chords, Python sets that to the id of the group.
 */
export function resultIdOf(signature: Signature): string | undefined {
  const own = textOf((signature.options as Record<string, unknown>)["task_id"]);
  switch (typeOf(signature)) {
    case "chain": {
      const last = tasksOfChain(signature).at(-1);
      return (last && resultIdOf(last)) ?? own;
    }
    case "chord": {
      const header = signature.kwargs["header"] as Signature | readonly Signature[];
      const groupId = "options" in header ? header.options["task_id"] : undefined;
      return resultIdOf(signature.kwargs["body"] as Signature) ?? (own === groupId ? undefined : own);
    }
    default:
      return own;
  }
}

/** How many tasks of a chord's header report to the chord: the last one of a chain, the body of a chord. */
export function partCount(signature: Signature): number {
  switch (typeOf(signature)) {
    case "chain": {
      const last = tasksOfChain(signature).at(-1);
      return last === undefined ? 0 : partCount(last);
    }
    case "group":
      return tasksOfGroup(signature).reduce((sum, task) => sum + partCount(task), 0);
    case "chord":
      return partCount(signature.kwargs["body"] as Signature);
    default:
      return 1;
  }
}
