import type { CheckedService } from "./checked-service.js";

/** Something that a service must do. */
export interface Check {
  /** Says what the service does when it passes. */
  readonly name: string;
  /**
   * Ends well if the service does it.
   *
   * @throws CheckFailed with what was expected and what came; LeftOut where this service is set up without it
   */
  run(service: CheckedService): Promise<void>;
}
