import type { ResultTree } from "../backend.js";
import type { Signature } from "../message.js";
import { partCount, resultIdOf, tasksOfChain, tasksOfGroup, typeOf } from "./composites.js";
import type { IdSource } from "./id-source.js";
import type { Place } from "./place.js";
import { prepareTask, signaturesOf, type TaskToSend, textOf } from "./prepare-task.js";

/** Sends the messages of a canvas. */
export interface CanvasSender {
  sendPrepared(task: TaskToSend): Promise<void>;
  setChordSize(groupId: string, size: number): Promise<void>;
}

/**
 * Applies a signature: sends the task, the first task of a chain, all tasks of a group, or the header of a chord, whose
 * last task to finish sends the body. `values` precede the signature's arguments unless it is immutable.
 *
 * @returns the id under which the result will be stored, and the tree of results
 */
export async function applySignature(
  sender: CanvasSender,
  ids: IdSource,
  signature: Signature,
  values: readonly unknown[],
  place: Place,
): Promise<ResultTree> {
  switch (typeOf(signature)) {
    case "chain":
      return applyChain(sender, ids, signature, values, place);
    case "group":
      return applyGroup(sender, ids, signature, values, place);
    case "chord":
      return applyChord(sender, ids, signature, values, place);
    default: {
      const task = prepareTask(ids, signature, values, place);
      await sender.sendPrepared(task);
      return [[task.id, null], null];
    }
  }
}

async function applyChain(
  sender: CanvasSender,
  ids: IdSource,
  signature: Signature,
  values: readonly unknown[],
  place: Place,
): Promise<ResultTree> {
  const tasks = tasksOfChain(signature);
  const [first, ...rest] = tasks;
  const options = signature.options as Record<string, unknown>;
  const lastId = resultIdOf(signature) ?? place.taskId;
  const { link, linkError } = followersOf(signature, place);
  if (first === undefined) return [[lastId ?? ids(), null], null];
  const chordBody = place.chord ?? (options["chord"] as Signature | undefined);
  /** Options of the chain as a whole, which its last task carries. */
  const last = {
    ...(lastId === undefined ? {} : { task_id: lastId }),
    ...(chordBody === undefined ? {} : { chord: chordBody }),
    ...(place.groupId === undefined ? {} : { group_id: place.groupId }),
    ...(place.groupIndex === undefined ? {} : { group_index: place.groupIndex }),
  };
  const signatures = [first, ...rest].map((task, n, all): Signature => {
    const isLast = n === all.length - 1;
    const own = task.options as Record<string, unknown>;
    const id = (isLast ? lastId : undefined) ?? resultIdOf(task) ?? ids();
    return {
      ...task,
      options: {
        ...own,
        task_id: id,
        ...(isLast ? last : {}),
        ...addFollowers(own, { link: isLast ? link : [], linkError }),
      },
    };
  });
  const following = signatures.slice(1).reverse();
  const chain = [...(place.chain ?? []), ...following];
  const { rootId, parentId, priority } = place;
  const root = rootId ?? textOf(signatures[0]!.options["task_id"]);
  await applySignature(
    sender,
    ids,
    signatures[0]!,
    signature.immutable ? [] : [...values, ...signature.args],
    {
      rootId: root,
      parentId,
      priority,
      ...(chain.length > 0 ? { chain } : {}),
    },
  );
  // Each result names the previous one as its parent; the last one stands for the chain.
  return signatures.reduce<ResultTree | null>(
    (parent, task) => [[String(task.options["task_id"]), parent], null],
    null,
  )!;
}

async function applyGroup(
  sender: CanvasSender,
  ids: IdSource,
  signature: Signature,
  values: readonly unknown[],
  place: Place,
): Promise<ResultTree> {
  const options = signature.options as Record<string, unknown>;
  const groupId = place.taskId ?? textOf(options["task_id"]) ?? ids();
  // At the end of a chain that is part of a chord, the group's members are parts of that chord.
  const chord = place.chord ?? (options["chord"] as Signature | null | undefined) ?? undefined;
  const outerGroupId = chord === undefined ? undefined : textOf(options["group_id"]);
  const tasks = tasksOfGroup(signature.kwargs["tasks"]);
  const followers = followersOf(signature, place);
  const children: ResultTree[] = [];
  for (const [groupIndex, task] of tasks.entries()) {
    const given = signature.immutable ? [] : [...values, ...signature.args];
    children.push(
      await applySignature(sender, ids, task, given, {
        rootId: place.rootId,
        parentId: place.parentId,
        priority: place.priority,
        groupId: outerGroupId ?? groupId,
        groupIndex,
        ...(chord === undefined ? {} : { chord }),
        ...followers,
      }),
    );
  }
  return [[groupId, null], children];
}

async function applyChord(
  sender: CanvasSender,
  ids: IdSource,
  signature: Signature,
  values: readonly unknown[],
  place: Place,
): Promise<ResultTree> {
  const options = signature.options as Record<string, unknown>;
  const header = signature.kwargs["header"] as Signature | readonly Signature[];
  const tasks = tasksOfGroup(header);
  const original = signature.kwargs["body"] as Signature;
  const bodyId = resultIdOf(signature) ?? place.taskId ?? ids();
  const chainOf = place.chain ?? (options["chain"] as Signature[] | undefined);
  const outerChord = place.chord ?? (options["chord"] as Signature | undefined);
  const groupId =
    textOf(Array.isArray(header) ? undefined : (header as Signature).options["task_id"]) ?? ids();
  const outerGroup = place.groupId ?? textOf(options["group_id"]);
  const outerIndex = place.groupIndex ?? (options["group_index"] as number | undefined);
  const body: Signature = {
    ...original,
    options: {
      ...original.options,
      task_id: bodyId,
      ...(place.rootId === undefined ? {} : { root_id: place.rootId }),
      ...(chainOf === undefined || chainOf.length === 0 ? {} : { chain: chainOf }),
      ...(outerChord === undefined ? {} : { chord: outerChord }),
      ...(outerGroup === undefined ? {} : { group_id: outerGroup }),
      ...(outerIndex === undefined ? {} : { group_index: outerIndex }),
      ...addFollowers(original.options, followersOf(signature, place)),
    },
  };
  const given = signature.immutable ? [] : [...values, ...signature.args];
  if (tasks.length === 0) {
    return applySignature(sender, ids, body, [[]], { rootId: place.rootId, parentId: place.parentId });
  }
  const children: ResultTree[] = [];
  const size = tasks.reduce((sum, task) => sum + partCount(task), 0);
  for (const [groupIndex, task] of tasks.entries()) {
    if (groupIndex === tasks.length - 1) await sender.setChordSize(groupId, size);
    children.push(
      await applySignature(sender, ids, task, given, {
        rootId: place.rootId,
        parentId: place.parentId,
        priority: place.priority,
        groupId,
        groupIndex,
        chord: body,
      }),
    );
  }
  return [[bodyId, [[groupId, null], children]], null];
}

/** What is sent after a success, and after a failure. */
interface Followers {
  readonly link: readonly Signature[];
  readonly linkError: readonly Signature[];
}

/** The followers that a signature names itself, then those of its place. */
function followersOf({ options }: Signature, place: Place): Followers {
  const { link, link_error: linkError } = options as Record<string, unknown>;
  return {
    link: [...signaturesOf(link), ...(place.link ?? [])],
    linkError: [...signaturesOf(linkError), ...(place.linkError ?? [])],
  };
}

/** Options that add followers to those in a task's own options; empty if there are none to add. */
function addFollowers(own: Signature["options"], { link, linkError }: Followers): Record<string, unknown> {
  const { link: ownLink, link_error: ownLinkError } = own as Record<string, unknown>;
  return {
    ...(link.length > 0 ? { link: [...signaturesOf(ownLink), ...link] } : {}),
    ...(linkError.length > 0 ? { link_error: [...signaturesOf(ownLinkError), ...linkError] } : {}),
  };
}
