// A process that opens the database of a data folder, adds a project, says how that went, and waits to be killed.
import { EmbeddedDatabase } from "../../../src/adapters/embedded/embedded-database.js";
import { addProject } from "../../contract/database/opened-database.js";

try {
  const database = await EmbeddedDatabase.open(process.argv[2]!);
  const { project } = await addProject(database);
  console.log(`opened ${project.projectId}`);
} catch (error) {
  console.log(`refused ${(error as Error).message}`);
}
// Nobody refers to the database any more: its folder stays locked all the same.
setInterval(() => globalThis.gc?.(), 50);
