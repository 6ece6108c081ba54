import { setTimeout as pause } from "node:timers/promises";

/**
 * Asks again until there is an answer.
 *
 * @param what what is waited for, in the error
 * @param answer gives `undefined` while there is none
 */
export async function until<Answer>(
  what: string,
  timeoutMs: number,
  answer: () => Promise<Answer | undefined> | Answer | undefined,
): Promise<Answer> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const found = await answer();
    if (found !== undefined) return found;
    if (Date.now() >= end) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await pause(20);
  }
}
