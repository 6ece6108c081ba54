import { unlessAborted } from "../linkage/unless-aborted.js";

/** A store with a health check. */
export interface Checkable {
  check(signal?: AbortSignal): Promise<void>;
}

/** Less than the 5-second timeout of our chart's probes. */
const CHECK_MS = 4000;
/** Maximum age of an answer, so that frequent requests do not burden the stores. */
const ANSWER_MS = 1000;

export interface ReadinessAnswer {
  readonly isReady: boolean;
  /** By store: whether it answers. */
  readonly stores: Readonly<Record<string, boolean>>;
}

/** Whether all stores answer. */
export class Readiness {
  readonly #stores: Readonly<Record<string, Checkable>>;
  #answer: Promise<ReadinessAnswer> | undefined;
  #until = 0;

  /** @param stores by their names in answers */
  constructor(stores: Readonly<Record<string, Checkable>>) {
    this.#stores = stores;
  }

  /** Checks all stores, for up to 4 seconds. */
  ask(): Promise<ReadinessAnswer> {
    if (this.#answer === undefined || performance.now() >= this.#until) {
      this.#answer = this.#askAll().finally(() => {
        this.#until = performance.now() + ANSWER_MS;
      });
      this.#until = Number.POSITIVE_INFINITY;
    }
    return this.#answer;
  }

  async #askAll(): Promise<ReadinessAnswer> {
    const answers = await Promise.all(
      Object.entries(this.#stores).map(async ([name, store]) => [name, await isAlive(store)] as const),
    );
    return { isReady: answers.every(([, doesAnswer]) => doesAnswer), stores: Object.fromEntries(answers) };
  }
}

async function isAlive(store: Checkable): Promise<boolean> {
  const signal = AbortSignal.timeout(CHECK_MS);
  return unlessAborted(store.check(signal), signal).then(
    () => true,
    () => false,
  );
}
