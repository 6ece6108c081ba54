import { cutText } from "./cut-text.js";
import { TaskFailure } from "./task-errors.js";

/**
 * Binds positional and keyword arguments to names, as a Python function does.
 *
 * @param names in order; optional ones end in `?`
 * @param takesPositionals whether all positional arguments are bound to `args`, like Python's `*args`
 * @throws TaskFailure TypeError, with Python's message
 */
export function bindParameters(
  task: string,
  names: readonly string[],
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
  takesPositionals = false,
): Record<string, unknown> {
  const wrong = (text: string) => new TaskFailure("TypeError", [`${task}() ${text}`]);
  if (!takesPositionals && args.length > names.length) {
    throw wrong(`takes ${names.length} positional arguments but ${args.length} were given`);
  }
  const bound: Record<string, unknown> = takesPositionals ? { args } : {};
  const plain = names.map((name) => name.replace("?", ""));
  if (!takesPositionals) {
    args.forEach((value, n) => {
      bound[plain[n]!] = value;
    });
  }
  for (const [name, value] of Object.entries(kwargs)) {
    if (!plain.includes(name)) throw wrong(`got an unexpected keyword argument '${cutText(name, 80)}'`);
    if (Object.hasOwn(bound, name)) throw wrong(`got multiple values for argument '${name}'`);
    bound[name] = value;
  }
  const missing = names.filter((name) => !name.endsWith("?") && !Object.hasOwn(bound, name));
  if (missing.length > 0) {
    throw wrong(
      `missing ${missing.length} required positional arguments: ${missing.map((name) => `'${name}'`).join(", ")}`,
    );
  }
  return bound;
}
