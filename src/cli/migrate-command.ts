import { Command } from "commander";
import { explainStart } from "./service-options.js";

const HELP = `
Creates the tables of the entity service in an empty database, or upgrades those
of the Python entity service to their newest revision, in one transaction. It is
safe to run it again, or several times at once.

The database is given by DATABASE_SERVER, DATABASE, DATABASE_USER and
DATABASE_PASSWORD. If it is not reachable, the command waits up to two minutes.`;

/** `anonlink-wasm migrate`: creates or upgrades the tables of a cluster. */
export function migrateCommand(): Command {
  return new Command("migrate")
    .summary("create or upgrade the tables of a cluster")
    .description("Create the tables of the entity service in PostgreSQL, or upgrade older ones.")
    .addHelpText("after", HELP)
    .action(async () => {
      const { migrateDatabase } = await import("../service/migrate.js"); // drivers that other commands do not need
      const { from, to, applied } = await migrateDatabase(process.env, ({ message }) => {
        process.stderr.write(`anonlink-wasm: the database is waited for (${message})\n`);
      }).catch((error: unknown) => {
        throw explainStart(error);
      });
      process.stdout.write(`${sentence(from, to, applied)}\n`);
    });
}

function sentence(from: string | undefined, to: string, applied: readonly string[]): string {
  if (applied.length === 0) return `The tables are up to date (revision ${to}).`;
  if (from === undefined) return `The tables were made (revision ${to}).`;
  return `The tables were brought from revision ${from} to ${applied.join(", then ")}.`;
}
