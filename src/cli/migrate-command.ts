import { Command } from "commander";
import { explainStart } from "./service-options.js";

const HELP = `
Makes the tables of the entity service in an empty database, or brings those that the Python entity service made to their
newest revision. All of it is done, or nothing; run again, or by several at once, it does no harm.

The database is named by DATABASE_SERVER, DATABASE, DATABASE_USER and DATABASE_PASSWORD; it is waited for for two minutes.`;

/** `anonlink-wasm migrate`: creates or upgrades the tables of a cluster. */
export function migrateCommand(): Command {
  return new Command("migrate")
    .summary("make the tables of a cluster")
    .description("Make the tables of the entity service in PostgreSQL, or bring older ones up to date.")
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
