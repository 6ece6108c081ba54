import type { CheckedService } from "./checked-service.js";

/** A requirement on a service. */
export interface Check {
  /** What the service does if the check passes. */
  readonly name: string;
  /**
   * Resolves if the service meets the requirement.
   *
   * @throws CheckFailed with what was expected and received; LeftOut if the feature is disabled at this service
   */
  run(service: CheckedService): Promise<void>;
}
