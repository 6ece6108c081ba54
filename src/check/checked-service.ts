import type { ApiClient } from "./api-client.js";
import { CheckedProject, type NewProject, type ProjectHolder } from "./checked-project.js";
import { expectEqual, expectThat } from "./expectations.js";

/** So that whoever finds a project that a killed check has left knows whose it is. */
const PROJECT_NAME = "anonlink-wasm check";
const NOTES = "Made by a check of this service, which deletes it at its end.";
/** What nobody was given as an id or a token. */
export const UNKNOWN = "0123456789abcdef".repeat(3);
export const CODE = /^[0-9a-f]{48}$/;

/** How long making and deleting a project may take, whatever else is going on. */
const TIDY_MS = 60_000;

/** A service that is checked, and all that was made there. */
export class CheckedService implements ProjectHolder {
  readonly #projects = new Set<NewProject>();
  readonly #making = new Set<Promise<unknown>>();

  /** @param signal ends waiting: the check took too long, or somebody ended it */
  constructor(
    readonly api: ApiClient,
    readonly signal: AbortSignal,
  ) {}

  /** @param options what is unlike a project of two parties that gets groups */
  async createProject(options: Readonly<Record<string, unknown>> = {}): Promise<CheckedProject> {
    this.signal.throwIfAborted();
    const json = { schema: {}, result_type: "groups", name: PROJECT_NAME, notes: NOTES, ...options };
    // Not broken off, as nobody could delete the project then.
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

  /** A project that a check has deleted itself. */
  forget({ project_id }: NewProject): void {
    for (const project of this.#projects)
      if (project.project_id === project_id) this.#projects.delete(project);
  }

  /**
   * Deletes all projects that there are still, also after an abort.
   *
   * @returns how many were deleted
   * @throws CheckFailed where one is left
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
