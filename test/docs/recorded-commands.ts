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
/** What is not run, as there is no cluster and no engine: only how they are called is looked at. */
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

/** Notes its name and its arguments, at once, as others may do so at the same time; of kubectl, what asks for a Secret gets one. */
const STAND_IN = `#!/bin/sh
line=$(printf '%s\\0' "\${0##*/}" "$@" | base64 -w 0)
printf '%s\\n' "$line" >>"$RECORD"
case " $* " in
  *" get secret "*jsonpath*) printf 'c2VjcmV0' ;;
  *" get secret "*" json "*) echo '{"apiVersion": "v1", "kind": "Secret", "data": {"DATABASE_PASSWORD": "c2VjcmV0"}}' ;;
  *" apply -f - "*) cat >/dev/null ;;
esac
`;

/** A command of a document, as the shell has understood it. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  /** Document and line, for messages. */
  readonly where: string;
}

/** A folder that looks like the checkout, with the files that a document tells its readers to make. */
export class ReadersFolder {
  readonly path = mkdtempSync(join(tmpdir(), "reader-"));
  readonly #programs = join(this.path, ".programs");

  /** @param blocks those of all documents: YAML whose first line is a comment with a file's name is that file */
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

  /** Runs a block with stand-ins for the programs, and tells how each was called. */
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
