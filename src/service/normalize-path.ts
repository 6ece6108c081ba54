import type { ServiceMiddleware } from "./call.js";

const BASE_PATH = "/api/v1";

/** Normalizes paths: merges repeated slashes, and removes the prefix /api/v1. */
export const normalizePath: ServiceMiddleware = (ctx, next) => {
  const path = ctx.path.replace(/\/{2,}/g, "/");
  ctx.path = path.startsWith(`${BASE_PATH}/`) ? path.slice(BASE_PATH.length) : path;
  return next();
};
