import type { IncomingMessage } from "node:http";
import type { Context } from "koa";

/** Requests whose clients wait for a word before they send a body (`Expect: 100-continue`), and have not got it. */
const waiting = new WeakSet<IncomingMessage>();

/** Notes that the client waits. */
export function expectContinue(request: IncomingMessage): void {
  waiting.add(request);
}

/** Lets the client send its body; call it once the token was found to be right, before the body is read. */
export function continueBody({ req, res }: Pick<Context, "req" | "res">): void {
  if (waiting.delete(req)) res.writeContinue();
}

/** Whether the client still waits: then no body will come, and the connection can serve no further request. */
export function isWaiting(request: IncomingMessage): boolean {
  return waiting.has(request);
}
