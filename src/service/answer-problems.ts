import type { ServiceMiddleware } from "./call.js";
import { isWaiting } from "./expectation.js";
import { isExpected, type Problem, problem, problemOf, refusal } from "./problem.js";

/** Answers all that fails, and all that nobody has answered, with a problem document. */
export const answerProblems: ServiceMiddleware = async (ctx, next) => {
  let refused: Problem | undefined;
  try {
    await next();
    if (ctx.status >= 400 && !ctx.body) refused = problem(ctx.status, refusal(ctx.status));
  } catch (error) {
    if (ctx.req.errored) return; // the client has left in the middle of its body
    if (!isExpected(error)) ctx.state.log.error({ err: error }, "call failed");
    refused = problemOf(error);
  }
  if (refused !== undefined) {
    ctx.status = refused.status;
    ctx.body = JSON.stringify(refused);
    ctx.type = "application/problem+json";
    if (refused.status === 503) ctx.set("Retry-After", "5");
  }
  // A body that never came, or came to a standstill, leaves nothing that the connection could go on with.
  if (isWaiting(ctx.req) || ctx.status === 408) ctx.set("Connection", "close");
};
