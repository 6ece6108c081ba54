import type { ServiceMiddleware } from "./call.js";

const BASE_PATH = "/api/v1";

/** Lets paths with doubled slashes, and those below /api/v1 and without it, be one and the same. */
export const plainPath: ServiceMiddleware = (ctx, next) => {
  const path = ctx.path.replace(/\/{2,}/g, "/");
  ctx.path = path.startsWith(`${BASE_PATH}/`) ? path.slice(BASE_PATH.length) : path;
  return next();
};
