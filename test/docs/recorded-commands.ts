import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { CodeBlock } from "./documents.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
/** Programs that are not run, because there is no cluster and no container engine; only their arguments are checked. */
const STAND_INS = [
  "helm",
  "kubectl",
  "docker",
  "minikube",
  "anonlink-wasm",
  "mc",
  "pg_dump",
  "pg_restore",
  "psql",
];
STAND_INS.push("redis-cli");

/**
 * Records its name and arguments in one write, because others may write at the same time. For kubectl commands that
 * read a Secret, it prints one.
 */
const STAND_IN = `#!/bin/sh
line=$(printf '%s\\0' "\${0##*/}" "$@" | base64 -w 0)
printf '%s\\n' "$line" >>"$RECORD"
case " $* " in
  *" get secret "*jsonpath*) printf 'c2VjcmV0' ;;
  *" get secret "*" json "*) echo '{"apiVersion": "v1", "kind": "Secret", "data": {"DATABASE_PASSWORD": "c2VjcmV0"}}' ;;
  *" apply -f - "*) cat >/dev/null ;;
esac
`;

/** A command of a document, as parsed by the shell. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  /** Document, line and command, for messages. */
  readonly where: string;
}

/** A folder that resembles the checkout, with the files that the documents ask their readers to create. */
export class ReadersFolder {
  readonly path = mkdtempSync(join(tmpdir(), "reader-"));
  readonly #programs = join(this.path, ".programs");

  /** @param blocks the code blocks of all documents; YAML that starts with a comment `# NAME.yaml` becomes that file */
  constructor(blocks: readonly CodeBlock[]) {
    for (const folder of ["chart", "deploy"]) {
      cpSync(join(root, folder), join(this.path, folder), {
        recursive: true,
        filter: (source) => !source.endsWith("/.env"),
      });
    }
    for (const { language, text } of blocks) {
      const name = /^# ([\w-]+\.yaml)\n/.exec(text)?.[1];
      if (language === "yaml" && name !== undefined) writeFileSync(join(this.path, name), text);
    }
    mkdirSync(this.#programs);
    for (const name of STAND_INS) {
      const file = join(this.#programs, name);
      writeFileSync(file, STAND_IN);
      chmodSync(file, 0o755);
    }
  }

  /** Runs a block with stand-ins for the programs; returns how each was called. */
  record({ document, line, text }: Pick<CodeBlock, "document" | "line" | "text">): Command[] {
    const record = join(this.path, ".record");
    rmSync(record, { force: true });
    execFileSync("bash", ["-euo", "pipefail", "-c", `${text}\nwait`], {
      cwd: this.path,
      stdio: ["ignore", "ignore", "inherit"],
      env: { ...process.env, PATH: `${this.#programs}:${process.env["PATH"]}`, RECORD: record },
    });
    if (!existsSync(record)) return [];
    const lines = readFileSync(record, "utf8").trimEnd().split("\n");
    return lines.map((encoded) => {
      const [program = "", ...args] = Buffer.from(encoded, "base64").toString().split("\0").slice(0, -1);
      return { program, args, where: `${document}:${line}: ${program} ${args.join(" ")}` };
    });
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
