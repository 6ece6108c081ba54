import { checkMayReadResults } from "../../linkage/authorize.js";
import { createProject } from "../../linkage/create-project.js";
import { type DeleteProjectStores, deleteProject } from "../../linkage/delete-project.js";
import { uploadProgress } from "../../linkage/upload-progress.js";
import { authorize, type Handlers, isoTime } from "../call.js";
import type { JsonReader } from "../json-body.js";
import type { ResponseBody } from "../openapi.js";
import type { ServiceParts } from "../parts.js";

type ProjectCalls = "listProjects" | "createProject" | "describeProject" | "deleteProject";

/** Creates, lists, describes and deletes projects. */
export function projectRoutes(
  { database, cache, tasks }: Pick<ServiceParts, "database"> & DeleteProjectStores,
  readJson: JsonReader,
  maxParties: number,
): Handlers<ProjectCalls> {
  return {
    async listProjects(call) {
      const projects = await database.listProjects();
      call.body = projects.map(({ projectId, timeAdded }) => ({
        project_id: projectId,
        time_added: isoTime(timeAdded),
      })) satisfies ResponseBody<"listProjects", 200>;
    },

    async createProject(call) {
      const body = await readJson(call, "createProject");
      const { projectId, updateTokens, resultToken } = await createProject(
        database,
        {
          schema: body.schema,
          resultType: body.result_type,
          partyCount: body.number_parties,
          name: body.name,
          notes: body.notes,
          usesBlocking: body.uses_blocking,
        },
        maxParties,
      );
      call.state.projectId = projectId;
      call.status = 201;
      call.body = {
        project_id: projectId,
        update_tokens: [...updateTokens],
        result_token: resultToken,
      } satisfies ResponseBody<"createProject", 201>;
    },

    async describeProject(call) {
      const access = await authorize(call, database, "result", "receipt");
      checkMayReadResults(access);
      const { project, parties } = access;
      const { partiesContributed, hasError } = uploadProgress(parties);
      call.body = {
        project_id: project.projectId,
        schema: { ...project.schema },
        result_type: project.resultType,
        number_parties: project.partyCount,
        name: project.name,
        notes: project.notes,
        uses_blocking: project.usesBlocking,
        parties_contributed: partiesContributed,
        error: hasError,
      } satisfies ResponseBody<"describeProject", 200>;
    },

    async deleteProject(call) {
      const { project } = await authorize(call, database, "result");
      await deleteProject({ database, cache, tasks }, project.projectId);
      call.status = 204;
    },
  };
}
