/** A store that can be asked for a sign of life. */
export interface Checkable {
  check(signal?: AbortSignal): Promise<void>;
}

const CHECK_MS = 5000;
/** How old an answer may be: those who ask often do not bother the stores. */
const ANSWER_MS = 1000;

export interface ReadinessAnswer {
  readonly isReady: boolean;
  /** By store, whether it answers. */
  readonly stores: Readonly<Record<string, boolean>>;
}

/** Whether all stores answer. */
export class Readiness {
  readonly #stores: Readonly<Record<string, Checkable>>;
  #answer: Promise<ReadinessAnswer> | undefined;
  #until = 0;

  /** @param stores by the names that answers give them */
  constructor(stores: Readonly<Record<string, Checkable>>) {
    this.#stores = stores;
  }

  /** Asks all stores, for up to 5 seconds. */
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
  const late = new Promise<boolean>((resolve) => {
    signal.addEventListener("abort", () => resolve(false), { once: true });
  });
  const asked = store.check(signal).then(
    () => true,
    () => false,
  );
  return Promise.race([asked, late]);
}
