import type { TestFn } from "ava";
import { ServiceClient } from "./client.js";

/** How a service is built: all in one process, or on servers, with encodings in tables or packed into objects. */
export type ServiceKind = "embedded" | "tables" | "packed";

/** A service that tests use over HTTP. Projects are independent, so tests can share one service. */
export interface TestService {
  /** Without a path: `http://127.0.0.1:4711`. */
  readonly url: string;
  readonly kind: ServiceKind;
}

/** Tests of the service's contract, for every {@link ServiceKind}. `client` may be called only within a test. */
export type Contract = (test: TestFn, client: () => ServiceClient, kind: ServiceKind) => void;

/** Declares the tests of contracts on a service that runs for the test file. */
export function holdsContracts(
  test: TestFn,
  kind: ServiceKind,
  start: () => Promise<TestService & { close(): Promise<void> }>,
  contracts: readonly Contract[],
): void {
  let service: (TestService & { close(): Promise<void> }) | undefined;
  let client: ServiceClient | undefined;
  test.before(async () => {
    service = await start();
    client = new ServiceClient(service.url);
  });
  test.after.always(() => service?.close());
  for (const contract of contracts) contract(test, () => client!, kind);
}
