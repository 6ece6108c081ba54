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
  /** From the end of one question to the next, in milliseconds. */
  readonly intervalMs: number;
  /** How long the service may take to answer, in milliseconds. */
  readonly timeoutMs: number;
  /** Is told when the service stops answering, with the reason, and when it answers again, without one. */
  readonly onChange?: (problem: string | undefined) => void;
}

export interface RunningExporter {
  /** `http://host:port`, with the port that it has got. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Asks a service for its figures now and then, and serves them at `/metrics`, however the service is; `/healthz` is about
 * the exporter alone. `/readyz` is 503 only before the first answer or failure.
 *
 * @throws the system's error where the port cannot be had
 */
export async function startExporter(options: ExporterOptions): Promise<RunningExporter> {
  const { apiUrl, host, port, intervalMs, timeoutMs, onChange } = options;
  const metrics = new ExporterMetrics();
  const closing = new AbortController();
  let isUp: boolean | undefined;
  const readiness = () => ({ isReady: isUp !== undefined, stores: { service: isUp === true } });
  const server = await serveHealth(host, port, readiness, metrics.registry);

  const ask = async () => {
    const start = performance.now();
    const late = new AbortController();
    // In place of AbortSignal.timeout: Node 20 forgets one that AbortSignal.any alone knows of.
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
