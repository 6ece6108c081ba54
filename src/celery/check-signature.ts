import { typeOf } from "./canvas/composites.js";
import type { Signature } from "./message.js";
import { recordOf } from "./read-envelope.js";

/** A value still to be checked, and where it is in the message. */
interface Place {
  readonly value: unknown;
  readonly where: string;
  /** Whether a list of signatures is allowed. */
  readonly isList: boolean;
}

/**
 * Checks that a value is a signature or a list of signatures, and so are all nested ones, so that code that sends them
 * can rely on their form. Avoids recursion, because messages from others may be nested deeply.
 *
 * @param isList whether a list is allowed
 * @returns the problem as a sentence; `undefined` if there is none
 */
export function findSignatureProblem(value: unknown, where: string, isList: boolean): string | undefined {
  const places: Place[] = [{ value, where, isList }];
  for (let place = places.pop(); place !== undefined; place = places.pop()) {
    if (place.value === null || place.value === undefined) continue;
    if (place.isList && Array.isArray(place.value)) {
      for (const each of place.value) {
        if (recordOf(each) === undefined)
          return `The message has a signature in ${where} that is not an object.`;
        places.push({ value: each, where: place.where, isList: false });
      }
      continue;
    }
    const signature = recordOf(place.value);
    if (signature === undefined) return `The message has a signature in ${where} that is not an object.`;
    const problem = findMemberProblem(signature);
    if (problem !== undefined) return `The message has a signature in ${where} ${problem}.`;
    places.push(...within(signature as unknown as Signature));
  }
  return undefined;
}

function findMemberProblem(signature: Record<string, unknown>): string | undefined {
  if (typeof signature["task"] !== "string" || signature["task"] === "") return "without a task";
  if (!Array.isArray(signature["args"])) return "whose args are not a list";
  if (recordOf(signature["kwargs"]) === undefined) return "whose kwargs are not an object";
  if (recordOf(signature["options"]) === undefined) return "whose options are not an object";
  const { kwargs } = signature as unknown as Signature;
  switch (typeOf(signature as unknown as Signature)) {
    case "chain":
    case "group":
      return Array.isArray(kwargs["tasks"]) ? undefined : "whose tasks are not a list";
    case "chord":
      if (kwargs["header"] === null || kwargs["header"] === undefined) return "of a chord without a header";
      return recordOf(kwargs["body"]) === undefined ? "of a chord without a body" : undefined;
    default:
      return undefined;
  }
}

function within(signature: Signature): Place[] {
  const { kwargs, options } = signature;
  const list = (value: unknown, where: string): Place => ({ value, where, isList: true });
  const places = ["link", "link_error", "chain"].map((name) => list(options[name], name));
  places.push({ value: options["chord"], where: "chord", isList: false });
  const type = typeOf(signature);
  if (type === "chain" || type === "group") places.push(list(kwargs["tasks"], "tasks"));
  if (type === "chord") {
    places.push(list(kwargs["header"], "header"), { value: kwargs["body"], where: "body", isList: false });
  }
  return places;
}
