import { formatDate } from "../python-date.js";
import { isTrueInPython } from "../read-envelope.js";
import { type Command, ok, required, textsOf } from "./command.js";
import { describeRequest, heldTasks } from "./held-tasks.js";
import { revokedIdsIn } from "./mingle.js";
import { installationReport, resourceUsage } from "./node-info.js";
import { describeQueue } from "./queue-info.js";
import { censorSettings } from "./settings-censor.js";

/** The priority of scheduled tasks in the timer of Python's worker; unrelated to the message's. */
const TIMER_PRIORITY = 6;

const scheduled: Command = ({ worker }) =>
  worker.scheduled().map(({ eta, request }) => ({
    eta: formatDate(eta),
    priority: TIMER_PRIORITY,
    request: describeRequest(request),
  }));

const active: Command = ({ worker }, { safe }) =>
  worker.active().map((request) => describeRequest(request, isTrueInPython(safe)));

const reserved: Command = ({ worker }) => worker.reserved().map((request) => describeRequest(request));

const revoked: Command = ({ worker }) => worker.revokedIds();

const registered: Command = ({ worker }, { builtins }) =>
  worker
    .registered()
    .filter((name) => isTrueInPython(builtins) || !name.startsWith("celery."))
    .sort();

const conf: Command = ({ worker }) => censorSettings(worker.settings());

const stats: Command = ({ worker, clock }) => {
  const { maxConcurrency, processes } = worker.pool();
  return {
    total: worker.totals(),
    pid: process.pid,
    clock: String(clock.value),
    uptime: Math.round(worker.uptimeSeconds()),
    pool: {
      implementation: "node:TaskPool",
      "max-concurrency": maxConcurrency,
      processes: processes,
      "max-tasks-per-child": "N/A",
      "put-guarded-by-semaphore": false,
      timeouts: [0, 0],
      writes: "N/A",
    },
    broker: worker.brokerInfo(),
    prefetch_count: worker.prefetchCount(),
    rusage: resourceUsage(),
  };
};

const queryTask: Command = ({ worker }, args) => {
  const ids = new Set(textsOf(required(args, "ids", "query_task")));
  const wanted = heldTasks(worker).filter(({ request }) => ids.has(request.id));
  return Object.fromEntries(
    wanted.map(({ request, state }) => [request.id, [state, describeRequest(request)]]),
  );
};

/** Exchanges state with a worker that starts. */
const hello: Command = ({ worker, clock }, args) => {
  if (required(args, "from_node", "hello") === worker.hostname) return undefined;
  worker.mergeRevoked(revokedIdsIn(args["revoked"]));
  return { revoked: worker.revokedIds(), clock: clock.forward() };
};

/** Commands that inspect a worker, by name; the aliases are for older clients. */
export const INSPECT_COMMANDS: Readonly<Record<string, Command>> = {
  ping: () => ok("pong"),
  hello,
  clock: ({ clock }) => ({ clock: clock.value }),
  report: ({ worker, events }) => ok(installationReport(events.software, censorSettings(worker.settings()))),
  conf,
  dump_conf: conf,
  stats,
  active,
  dump_active: active,
  reserved,
  dump_reserved: reserved,
  scheduled,
  dump_schedule: scheduled,
  revoked,
  dump_revoked: revoked,
  registered,
  registered_tasks: registered,
  dump_tasks: registered,
  query_task: queryTask,
  active_queues: ({ worker }) => worker.queues().map(describeQueue),
};
