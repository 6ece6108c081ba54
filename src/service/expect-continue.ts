import type { IncomingMessage } from "node:http";
import type { Context } from "koa";

/** Requests with `Expect: 100-continue` whose clients still wait for permission to send the body. */
const waiting = new WeakSet<IncomingMessage>();

/** Marks the client as waiting. */
export function expectContinue(request: IncomingMessage): void {
  waiting.add(request);
}

/** Lets the client send its body; call it once the token is verified, before the body is read. */
export function continueBody({ req, res }: Pick<Context, "req" | "res">): void {
  if (waiting.delete(req)) res.writeContinue();
}

/** Whether the client is still waiting: then no body will come, and the connection cannot be reused. */
export function isWaiting(request: IncomingMessage): boolean {
  return waiting.has(request);
}
