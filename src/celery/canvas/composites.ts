import type { Signature } from "../message.js";
import { signaturesOf, textOf } from "./prepare-task.js";

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

/**
 * The id under which the result of a signature will be, where that is settled: of a chain its last task's, of a chord its
 * body's, whatever the signature around them says. Python names chords after their group there.
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

/** How many tasks of a chord's header tell the chord that they are done: of a chain the last, of a chord its body. */
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
