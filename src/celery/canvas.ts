import type { Embed, Signature } from "./message.js";
import { formatDate, parseDate } from "./python-date.js";

/** Where a signature is applied: what it inherits, and what its surroundings lay on it. */
export interface Place {
  readonly rootId?: string | undefined;
  readonly parentId?: string | undefined;
  readonly taskId?: string | undefined;
  readonly priority?: number | undefined;
  /** Reversed: the last one is next. */
  readonly chain?: readonly Signature[] | undefined;
  readonly chord?: Signature | undefined;
  readonly groupId?: string | undefined;
  readonly groupIndex?: number | undefined;
  readonly link?: readonly Signature[] | undefined;
  readonly linkError?: readonly Signature[] | undefined;
}

/** A task, ready to be sent. */
export interface TaskToSend {
  readonly task: string;
  readonly id: string;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly embed: Embed;
  readonly queue: string | undefined;
  readonly exchange: string | undefined;
  readonly routingKey: string | undefined;
  readonly priority: number;
  readonly eta: string | null;
  readonly expires: string | null;
  readonly timelimit: readonly (number | null)[];
  readonly group: string | null;
  readonly groupIndex: number | null;
  readonly rootId: string;
  readonly parentId: string | null;
  readonly ignoreResult: boolean;
  readonly replyTo: string | undefined;
}

/** Sends the messages of a canvas. */
export interface CanvasSender {
  sendPrepared(task: TaskToSend): Promise<void>;
  setChordSize(groupId: string, size: number): Promise<void>;
}

/** Makes ids: random ones for a client; ones that follow from the task's for a worker, so that doing it again is harmless. */
export type IdSource = () => string;

/** The tree of what was sent, as results name their children: `[[id, parent], children or null]`. */
export type ResultTree = readonly [readonly [string, ResultTree | null], readonly ResultTree[] | null];

/**
 * Applies a signature: a task is sent; of a chain the first task; of a group all; of a chord its header, whose last
 * finisher sends the body. `values` go before its arguments unless it is immutable.
 *
 * @returns the id under which the result will be, and the tree of results
 */
export async function applySignature(
  sender: CanvasSender,
  ids: IdSource,
  signature: Signature,
  values: readonly unknown[],
  place: Place,
): Promise<ResultTree> {
  switch (signature.subtask_type ?? typeOf(signature.task)) {
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

function typeOf(task: string): string | undefined {
  return /^celery\.(chain|group|chord)$/.exec(task)?.[1];
}

/** Makes a task of a signature that is one. */
export function prepareTask(
  ids: IdSource,
  signature: Signature,
  values: readonly unknown[],
  place: Place,
): TaskToSend {
  const options = signature.options as Record<string, unknown>;
  const id = place.taskId ?? textOf(options["task_id"]) ?? ids();
  const chainOf = place.chain ?? (options["chain"] as Signature[] | undefined);
  const limit = (name: string) => (typeof options[name] === "number" ? (options[name] as number) : null);
  return {
    task: signature.task,
    id,
    args: signature.immutable ? signature.args : [...values, ...signature.args],
    kwargs: signature.kwargs,
    embed: {
      callbacks: listOrNull([...signaturesOf(options["link"]), ...(place.link ?? [])]),
      errbacks: listOrNull([...signaturesOf(options["link_error"]), ...(place.linkError ?? [])]),
      chain: listOrNull(chainOf ?? []),
      chord: place.chord ?? (options["chord"] as Signature | undefined) ?? null,
    },
    queue: queueOf(options["queue"]),
    exchange: textOf(options["exchange"]),
    routingKey: textOf(options["routing_key"]),
    priority: (options["priority"] as number | undefined) ?? place.priority ?? 0,
    eta: etaOf(options),
    expires: expiryOf(options["expires"]),
    timelimit: [limit("time_limit"), limit("soft_time_limit")],
    group: place.groupId ?? textOf(options["group_id"]) ?? null,
    groupIndex: place.groupIndex ?? (options["group_index"] as number | undefined) ?? null,
    rootId: place.rootId ?? textOf(options["root_id"]) ?? id,
    parentId: place.parentId ?? textOf(options["parent_id"]) ?? null,
    ignoreResult: options["ignore_result"] === true,
    replyTo: textOf(options["reply_to"]),
  };
}

async function applyChain(
  sender: CanvasSender,
  ids: IdSource,
  signature: Signature,
  values: readonly unknown[],
  place: Place,
): Promise<ResultTree> {
  const tasks = joinGroups(flattenChains(signature));
  const [first, ...rest] = tasks;
  const options = signature.options as Record<string, unknown>;
  const lastId = place.taskId ?? textOf(options["task_id"]);
  const links = [...signaturesOf(options["link"]), ...(place.link ?? [])];
  const errbacks = [...signaturesOf(options["link_error"]), ...(place.linkError ?? [])];
  if (first === undefined) return [[lastId ?? ids(), null], null];
  const chordBody = place.chord ?? (options["chord"] as Signature | undefined);
  /** What the chain as a whole is given, its last task carries. */
  const last = {
    ...(lastId === undefined ? {} : { task_id: lastId }),
    ...(chordBody === undefined ? {} : { chord: chordBody }),
    ...(place.groupId === undefined ? {} : { group_id: place.groupId }),
    ...(place.groupIndex === undefined ? {} : { group_index: place.groupIndex }),
  };
  const dressed = [first, ...rest].map((task, n, all): Signature => {
    const isLast = n === all.length - 1;
    const own = task.options as Record<string, unknown>;
    const id = (isLast ? lastId : undefined) ?? textOf(own["task_id"]) ?? ids();
    return {
      ...task,
      options: {
        ...own,
        task_id: id,
        ...(isLast ? last : {}),
        ...(isLast && links.length > 0 ? { link: [...signaturesOf(own["link"]), ...links] } : {}),
        ...(errbacks.length > 0 ? { link_error: [...signaturesOf(own["link_error"]), ...errbacks] } : {}),
      },
    };
  });
  const following = dressed.slice(1).reverse();
  const chain = [...(place.chain ?? []), ...following];
  const { rootId, parentId, priority } = place;
  const root = rootId ?? textOf(dressed[0]!.options["task_id"]);
  await applySignature(sender, ids, dressed[0]!, signature.immutable ? [] : [...values, ...signature.args], {
    rootId: root,
    parentId,
    priority,
    ...(chain.length > 0 ? { chain } : {}),
  });
  // Each result names the one before it as its parent, the last one stands for the chain.
  return dressed.reduce<ResultTree | null>(
    (parent, task) => [[String(task.options["task_id"]), parent], null],
    null,
  )!;
}

function flattenChains(signature: Signature): Signature[] {
  return signaturesOf(signature.kwargs["tasks"]).flatMap((task) =>
    (task.subtask_type ?? typeOf(task.task)) === "chain" && Object.keys(task.options).length === 0
      ? flattenChains(task)
      : [task],
  );
}

/** A group that is followed by a task becomes a chord with it. */
function joinGroups(tasks: readonly Signature[]): Signature[] {
  const joined: Signature[] = [];
  for (const task of tasks) {
    const before = joined.at(-1);
    if (before !== undefined && (before.subtask_type ?? typeOf(before.task)) === "group") {
      joined[joined.length - 1] = {
        task: "celery.chord",
        args: [],
        kwargs: { header: before, body: task },
        options: {},
        subtask_type: "chord",
        immutable: false,
      };
    } else if (
      before !== undefined &&
      (before.subtask_type ?? typeOf(before.task)) === "chord" &&
      isImplicit(before)
    ) {
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
  const tasks =
    (body.subtask_type ?? typeOf(body.task)) === "chain" ? signaturesOf(body.kwargs["tasks"]) : [body];
  return {
    task: "celery.chain",
    args: [],
    kwargs: { tasks: [...tasks, next] },
    options: {},
    subtask_type: "chain",
    immutable: false,
  };
}

/** The tasks of a group, those of groups within it included. */
function flattenGroups(tasks: readonly Signature[]): Signature[] {
  return tasks.flatMap((task) =>
    (task.subtask_type ?? typeOf(task.task)) === "group"
      ? flattenGroups(signaturesOf(task.kwargs["tasks"]))
      : [task],
  );
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
  const tasks = flattenGroups(signaturesOf(signature.kwargs["tasks"]));
  const link = [...signaturesOf(options["link"]), ...(place.link ?? [])];
  const linkError = [...signaturesOf(options["link_error"]), ...(place.linkError ?? [])];
  const children: ResultTree[] = [];
  for (const [groupIndex, task] of tasks.entries()) {
    const given = signature.immutable ? [] : [...values, ...signature.args];
    children.push(
      await applySignature(sender, ids, task, given, {
        rootId: place.rootId,
        parentId: place.parentId,
        priority: place.priority,
        groupId,
        groupIndex,
        ...(place.chord === undefined ? {} : { chord: place.chord }),
        link,
        linkError,
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
  const tasks = flattenGroups(
    Array.isArray(header) ? header : signaturesOf((header as Signature).kwargs["tasks"]),
  );
  const original = signature.kwargs["body"] as Signature;
  const bodyId = place.taskId ?? textOf(options["task_id"]) ?? textOf(original.options["task_id"]) ?? ids();
  const chainOf = place.chain ?? (options["chain"] as Signature[] | undefined);
  const link = [...signaturesOf(options["link"]), ...(place.link ?? [])];
  const linkError = [...signaturesOf(options["link_error"]), ...(place.linkError ?? [])];
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
      ...(link.length > 0 ? { link: [...signaturesOf(original.options["link"]), ...link] } : {}),
      ...(linkError.length > 0
        ? { link_error: [...signaturesOf(original.options["link_error"]), ...linkError] }
        : {}),
    },
  };
  const given = signature.immutable ? [] : [...values, ...signature.args];
  if (tasks.length === 0) {
    return applySignature(sender, ids, body, [[]], { rootId: place.rootId, parentId: place.parentId });
  }
  const children: ResultTree[] = [];
  for (const [groupIndex, task] of tasks.entries()) {
    if (groupIndex === tasks.length - 1) await sender.setChordSize(groupId, tasks.length);
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

/** Signatures of an option or argument: none, one or a list. */
export function signaturesOf(value: unknown): Signature[] {
  if (value === null || value === undefined) return [];
  return (Array.isArray(value) ? value : [value]) as Signature[];
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function queueOf(value: unknown): string | undefined {
  if (typeof value === "object" && value !== null) return textOf((value as { name?: unknown }).name);
  return textOf(value);
}

function listOrNull(list: readonly Signature[]): readonly Signature[] | null {
  return list.length === 0 ? null : list;
}

function etaOf(options: Record<string, unknown>): string | null {
  if (typeof options["countdown"] === "number") {
    return formatDate(new Date(Date.now() + 1000 * options["countdown"]));
  }
  const eta = parseDate(options["eta"]);
  return eta === undefined ? null : formatDate(new Date(eta));
}

function expiryOf(expires: unknown): string | null {
  if (typeof expires === "number") return formatDate(new Date(Date.now() + 1000 * expires));
  const date = parseDate(expires);
  return date === undefined ? null : formatDate(new Date(date));
}
