import { setTimeout as pause } from "node:timers/promises";
import { doHarm, type FaultKind } from "./cluster-faults.js";
import { countPhases, type PatientClient } from "./patient-client.js";
import type { ServiceCluster } from "./service-cluster.js";

/** The faults of a round. */
export class Harm {
  readonly done: string[] = [];
  readonly counts: Partial<Record<FaultKind, number>> = {};
  #deck: FaultKind[] = [];
  #ends: Promise<void>[] = [];

  constructor(
    readonly cluster: ServiceCluster,
    readonly below: (limit: number) => number,
    readonly kinds: readonly FaultKind[],
  ) {}

  /** Resolves when all faults are over. */
  get over(): Promise<unknown> {
    return Promise.all(this.#ends);
  }

  /** Injects up to `count` faults, at random moments, and waits until they are over. */
  async go(count: number, pauseMs: number, clients: readonly PatientClient[]): Promise<void> {
    for (let n = 0; n < count; n++) {
      await pause(this.below(pauseMs));
      const kind = this.#draw();
      const fault = doHarm(this.cluster, kind, this.below);
      if (fault === undefined) continue; // a fault is already in progress there
      fault.over.catch(() => {}); // awaited below
      this.#ends.push(fault.over);
      this.counts[kind] = (this.counts[kind] ?? 0) + 1;
      const { uploading, running } = countPhases(clients);
      const moment = clients.length === 0 ? "deleting" : `${uploading} upload, ${running} run`;
      this.done.push(`${fault.what} (${moment})`);
    }
    await this.over;
  }

  /** Returns each kind once, in random order, before any is repeated. */
  #draw(): FaultKind {
    if (this.#deck.length === 0) this.#deck = [...this.kinds];
    return this.#deck.splice(this.below(this.#deck.length), 1)[0]!;
  }
}
