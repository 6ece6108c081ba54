import type { ServiceMiddleware } from "./call.js";
import { isWaiting } from "./expect-continue.js";
import { isExpected, type Problem, problem, problemOf, refusal } from "./problem.js";

/** Answers failed and unanswered requests with a problem document. */
export const answerProblems: ServiceMiddleware = async (ctx, next) => {
  let refused: Problem | undefined;
  try {
    await next();
    if (ctx.status >= 400 && !ctx.body) refused = problem(ctx.status, refusal(ctx.status));
  } catch (error) {
    if (ctx.req.errored) return; // the client disconnected while sending its body
    if (!isExpected(error)) ctx.state.log.error({ err: error }, "call failed");
    refused = problemOf(error);
  }
  if (refused !== undefined) {
    ctx.status = refused.status;
    ctx.body = JSON.stringify(refused);
    ctx.type = "application/problem+json";
    if (refused.status === 503) ctx.set("Retry-After", "5");
  }
  // After a body that never came, or stalled, the connection cannot be reused.
  if (isWaiting(ctx.req) || ctx.status === 408) ctx.set("Connection", "close");
};
