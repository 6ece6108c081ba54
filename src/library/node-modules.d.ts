// The parts of Node's API that node-platform.ts uses, so that the library type-checks without Node's types.
declare module "node:os" {
  export function availableParallelism(): number;
}
declare module "node:worker_threads" {
  export class Worker {
    constructor(program: string, options: { eval: boolean; execArgv: string[] });
    on(event: string, listener: (value: never) => void): void;
    postMessage(message: unknown): void;
    ref(): void;
    unref(): void;
    terminate(): Promise<number>;
  }
}
