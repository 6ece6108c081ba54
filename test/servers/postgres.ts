import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { StartedProcess } from "../started-process.js";
import { freePort } from "./free-port.js";

/** Where Debian installs the programs of each version. */
const DEBIAN_FOLDER = "/usr/lib/postgresql";
/** The user for the server if the tests run as root, because it refuses to run as root. */
const USER = "nobody";
const START_TIMEOUT_MS = 180_000;

/** A PostgreSQL server for one test, on a free port of 127.0.0.1, in a separate folder. */
export class PostgresServer {
  readonly host = "127.0.0.1";
  readonly user = "postgres";
  readonly password = "a ' strange \" pässword # / @ % [";
  readonly folder = mkdtempSync(join(tmpdir(), "postgres-"));
  readonly #programs = newestVersion();
  #process: StartedProcess | undefined;

  constructor(readonly port: number) {
    const passwordFile = join(this.folder, "password");
    writeFileSync(passwordFile, this.password);
    if (isRoot) execFileSync("chown", ["-R", USER, this.folder]);
    const [command, args] = this.#command("initdb", [
      ...["--pgdata", this.#data, "--username", this.user, "--pwfile", passwordFile, "--no-sync"],
      ...["--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8"],
    ]);
    execFileSync(command, args, { stdio: ["ignore", "ignore", "inherit"] });
  }

  get #data(): string {
    return join(this.folder, "data");
  }

  /** Starts the server, or restarts it after {@link stop} or {@link kill} on the same port with the same data. */
  async start(): Promise<void> {
    const settings = {
      listen_addresses: this.host,
      port: this.port,
      unix_socket_directories: "",
      fsync: "off",
      max_connections: 50,
    };
    const [command, args] = this.#command("postgres", [
      ...["-D", this.#data],
      ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
    ]);
    const deadline = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      this.#process = new StartedProcess("postgres", command, args);
      try {
        await this.#process.whenPrinted(/ready to accept connections/, START_TIMEOUT_MS);
        return;
      } catch (error) {
        // After a kill, processes that served clients take a moment to notice that their parent is gone.
        const isEarly = /pre-existing shared memory block/.test(this.#process.output);
        if (!isEarly || Date.now() > deadline) throw error;
        await sleep(50);
      }
    }
  }

  /** Shuts the server down cleanly, even if clients are connected; the data is kept. */
  async stop(): Promise<void> {
    this.#process?.signal("SIGINT");
    await this.#process?.waitForEnd();
  }

  /** SIGSTOP pauses the server until SIGCONT. The processes that serve clients lead their own process groups. */
  signal(signal: NodeJS.Signals): void {
    const pid = this.#process?.pid;
    if (pid === undefined || this.#process!.hasEnded) return;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
    for (const each of [String(pid), ...children]) {
      try {
        process.kill(Number(each), signal);
      } catch {
        // a client's process has since exited
      }
    }
  }

  async kill(): Promise<void> {
    await this.#process?.killGroup();
  }

  /** Kills the server and removes its data. */
  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Returns the connection settings of a database. */
  connection(database = "postgres") {
    const { host, port, user, password } = this;
    return { host, port, user, password, database };
  }

  /** Creates a database without tables. */
  async createEmptyDatabase(name: string): Promise<void> {
    await this.#run("postgres", `CREATE DATABASE ${pg.escapeIdentifier(name)}`);
  }

  /** Creates a database with the empty tables of the entity service. */
  async createDatabase(name: string): Promise<void> {
    await this.createEmptyDatabase(name);
    await this.#run(name, readFileSync(new URL("schema.sql", import.meta.url), "utf8"));
  }

  async #run(database: string, statements: string): Promise<void> {
    const client = new pg.Client(this.connection(database));
    await client.connect();
    try {
      await client.query(statements);
    } finally {
      await client.end();
    }
  }

  #command(program: string, args: readonly string[]): [command: string, args: string[]] {
    const path = join(this.#programs, program);
    if (!isRoot) return [path, [...args]];
    return ["setpriv", ["--reuid", USER, "--regid", "nogroup", "--clear-groups", path, ...args]];
  }
}

export async function startPostgres(): Promise<PostgresServer> {
  const server = new PostgresServer(await freePort());
  await server.start();
  return server;
}

const isRoot = process.getuid?.() === 0;

function newestVersion(): string {
  const versions = readdirSync(DEBIAN_FOLDER).map(Number).filter(Number.isInteger);
  return join(DEBIAN_FOLDER, String(Math.max(...versions)), "bin");
}
