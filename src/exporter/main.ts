import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { serveHealth } from "../worker/health-server.js";
import { ExporterMetrics } from "./metrics.js";
import { NoFigures, readFigures } from "./read-figures.js";

export interface ExporterOptions {
  /** The REST API, with `/api/v1` and without a slash at the end. */
  readonly apiUrl: string;
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** From the end of one query to the start of the next, in milliseconds. */
  readonly intervalMs: number;
  /** How long the service may take to respond, in milliseconds. */
  readonly timeoutMs: number;
  /** Called with the reason when the service stops responding, and without one when it responds (again). */
  readonly onChange?: (problem: string | undefined) => void;
}

export interface RunningExporter {
  /** `http://host:port` with the actual port. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Queries a service regularly and serves its figures at `/metrics`, whether or not the service responds. `/healthz`
 * reports on the exporter alone. `/readyz` is 503 only before the first response or failure.
 *
 * @throws the system's error if the port is unavailable
 */
export async function startExporter(options: ExporterOptions): Promise<RunningExporter> {
  const { apiUrl, host, port, intervalMs, timeoutMs, onChange } = options;
  const metrics = new ExporterMetrics();
  const closing = new AbortController();
  let isUp: boolean | undefined;
  const readiness = () => ({ isReady: isUp !== undefined, stores: { service: isUp === true } });
  const server = await serveHealth(host, port, { readiness }, metrics.registry);

  const ask = async () => {
    const start = performance.now();
    const late = new AbortController();
    // Instead of AbortSignal.timeout: Node 20 loses a timeout signal that only AbortSignal.any references.
    const timer = setTimeout(() => late.abort(), timeoutMs);
    let problem: string | undefined;
    try {
      const figures = await readFigures(apiUrl, AbortSignal.any([late.signal, closing.signal]));
      metrics.answered(figures, (performance.now() - start) / 1000);
    } catch (error) {
      if (closing.signal.aborted) return;
      if (!(error instanceof NoFigures)) throw error;
      metrics.failed(error.reason);
      problem = error.message;
    } finally {
      clearTimeout(timer);
    }
    if (isUp !== (problem === undefined)) onChange?.(problem);
    isUp = problem === undefined;
  };

  const asking = (async () => {
    while (!closing.signal.aborted) {
      await ask();
      await pause(intervalMs, undefined, { signal: closing.signal }).catch(() => {});
    }
  })();

  const { address, port: found, family } = server.address() as AddressInfo;
  return {
    url: `http://${family === "IPv6" ? `[${address}]` : address}:${found}`,
    async close() {
      closing.abort();
      server.closeAllConnections();
      await Promise.all([new Promise((resolve) => server.close(resolve)), asking]);
    },
  };
}
