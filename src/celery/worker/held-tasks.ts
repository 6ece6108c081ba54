import { pythonRepr } from "../python-repr.js";
import type { ControlledWorker, RequestInfo } from "./controlled-worker.js";

/** The tasks that a worker holds, started or not. */
export function heldTasks(
  worker: ControlledWorker,
): { request: RequestInfo; state: "active" | "reserved" }[] {
  return [
    ...worker.active().map((request) => ({ request, state: "active" as const })),
    ...worker.reserved().map((request) => ({ request, state: "reserved" as const })),
    ...worker.scheduled().map(({ request }) => ({ request, state: "reserved" as const })),
  ];
}

/**
 * Describes a task as Python's workers do.
 *
 * @param isSafe whether arguments are strings, for a client that does not read unknown values
 */
export function describeRequest(request: RequestInfo, isSafe = false): Readonly<Record<string, unknown>> {
  return {
    id: request.id,
    name: request.name,
    args: isSafe ? pythonRepr(request.args) : request.args,
    kwargs: isSafe ? pythonRepr(request.kwargs) : request.kwargs,
    type: request.name,
    hostname: request.hostname,
    time_start: request.timeStart,
    acknowledged: request.acknowledged,
    delivery_info: request.deliveryInfo,
    worker_pid: request.workerPid,
  };
}
