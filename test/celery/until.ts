import { setTimeout as pause } from "node:timers/promises";

/**
 * Polls until there is an answer.
 *
 * @param what a description for the error message
 * @param answer returns `undefined` while there is no answer
 * @throws Error if there is no answer after `timeoutMs`
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
