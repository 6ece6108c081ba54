import { METHODS } from "node:http";
import { Router } from "@koa/router";
import type { Call, Handlers, ServiceMiddleware } from "./call.js";
import { type OperationId, operationList } from "./openapi.js";
import { validateHeaders } from "./validate.js";

/** Routes each call of the document to its handler, once its required headers are validated. */
export function routeCalls(handlers: Handlers<OperationId>): readonly ServiceMiddleware[] {
  const router = new Router({ methods: METHODS }); // methods that are not in this list would be answered with 501
  for (const operation of operationList) {
    const handler = handlers[operation.id];
    router[operation.method](operation.path.replace(/\{(\w+)\}/g, ":$1"), async (ctx) => {
      const call = ctx as unknown as Call;
      call.state.operation = operation;
      validateHeaders(operation, call.headers);
      await handler(call);
    });
  }
  return [router.routes(), router.allowedMethods()] as unknown as ServiceMiddleware[];
}
