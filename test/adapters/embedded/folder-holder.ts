// A process that opens the database of a data folder, adds a project, reports the outcome, and waits to be killed.
import { EmbeddedDatabase } from "../../../src/adapters/embedded/embedded-database.js";
import { addProject } from "../../contract/database/opened-database.js";

try {
  const database = await EmbeddedDatabase.open(process.argv[2]!);
  const { project } = await addProject(database);
  console.log(`opened ${project.projectId}`);
} catch (error) {
  console.log(`refused ${(error as Error).message}`);
}
// The database is no longer referenced, but its folder must stay locked.
setInterval(() => globalThis.gc?.(), 50);
