import type { ApiClient } from "./api-client.js";
import { CheckedProject, type NewProject, type ProjectHolder } from "./checked-project.js";
import { expectEqual, expectThat } from "./expectations.js";

/** Identifies projects left behind by a check that was killed. */
const PROJECT_NAME = "anonlink-wasm check";
const NOTES = "Made by a check of this service, which deletes it at its end.";
/** A well-formed id or token that was never issued. */
export const UNKNOWN = "0123456789abcdef".repeat(3);
export const CODE = /^[0-9a-f]{48}$/;

/** How long creating and deleting projects may take, even after the checks were aborted. */
const TIDY_MS = 60_000;

/** A service under test, and the projects created there. */
export class CheckedService implements ProjectHolder {
  readonly #projects = new Set<NewProject>();
  readonly #making = new Set<Promise<unknown>>();

  /** @param signal stops waiting, after a timeout or if the user interrupts the checks */
  constructor(
    readonly api: ApiClient,
    readonly signal: AbortSignal,
  ) {}

  /** @param options overrides of the defaults: two parties, groups as results */
  async createProject(options: Readonly<Record<string, unknown>> = {}): Promise<CheckedProject> {
    this.signal.throwIfAborted();
    const json = { schema: {}, result_type: "groups", name: PROJECT_NAME, notes: NOTES, ...options };
    // Not aborted, because the project could not be deleted then.
    const making = this.api
      .endedBy(AbortSignal.timeout(TIDY_MS))
      .post("/projects", json)
      .then((answer) => {
        const project = answer.json<NewProject>(201);
        this.#projects.add(project);
        return project;
      });
    this.#making.add(making);
    try {
      const project = await making;
      const { number_parties: parties = 2 } = options;
      expectEqual(project.update_tokens.length, parties, "POST /projects: the number of update tokens");
      return new CheckedProject(this, project);
    } finally {
      this.#making.delete(making);
    }
  }

  /** Forgets a project that a check has deleted itself. */
  forget({ project_id }: NewProject): void {
    for (const project of this.#projects)
      if (project.project_id === project_id) this.#projects.delete(project);
  }

  /**
   * Deletes all remaining projects, even after an abort.
   *
   * @returns the number of projects deleted
   * @throws CheckFailed if one remains
   */
  async deleteAll(): Promise<number> {
    await Promise.allSettled(this.#making);
    const api = this.api.endedBy(AbortSignal.timeout(TIDY_MS));
    const projects = [...this.#projects];
    const failures: unknown[] = [];
    for (const project of projects) {
      try {
        const path = `/projects/${project.project_id}`;
        (await api.delete(path, project.result_token)).expect(204);
        this.#projects.delete(project);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
    if (projects.length > 0) {
      const listed = (await api.get("/projects")).json<readonly { project_id: string }[]>(200);
      const ours = new Set(projects.map(({ project_id }) => project_id));
      const left = listed.filter(({ project_id }) => ours.has(project_id)).length;
      expectThat(left === 0, `GET /projects: still lists ${left} projects that were deleted`);
    }
    return projects.length;
  }
}
