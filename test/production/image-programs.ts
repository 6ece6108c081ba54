import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ContainerSpec } from "../chart/manifests.js";
import { pythonEnvironment } from "../python-environment.js";
import { mcProgram } from "../servers/mc-program.js";
import { minioProgram } from "../servers/minio-program.js";
import type { Program } from "./container.js";

const SYSTEM_PATH = `${dirname(process.execPath)}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
const cli = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const celery = fileURLToPath(new URL("../celery/requirements-newest.txt", import.meta.url));

/**
 * The equivalent on this machine of the program that a container's image would start. The image's entry point gets the
 * container's `args`; the container's `command` replaces the entry point.
 *
 * @param spec with strings translated for this machine
 * @param env the container's variables
 * @param userId the user that the pod runs as
 */
export function imageProgram(
  spec: ContainerSpec,
  env: Readonly<Record<string, string>>,
  userId: number | undefined,
): Program {
  const { image, command = [], args = [] } = spec;
  const repository = image.slice(0, image.lastIndexOf(":"));
  switch (repository) {
    case "anonlink-wasm":
      return {
        env: { PATH: SYSTEM_PATH, ...env },
        command: [process.execPath, cli, ...args, ...ownAddress(args)],
      };
    case "nginxinc/nginx-unprivileged":
      fillNginxTemplates(spec, env);
      // As root, it would start its workers as another user, which may not write to the pod's folders.
      return { env: { PATH: SYSTEM_PATH, ...env }, command: args, userId };
    case "mher/flower": {
      const python = join(pythonEnvironment(celery, "celery-newest"), "python");
      // The environment's scripts work only in the folder where they were installed.
      const [program, ...rest] = command;
      return { env: { PATH: SYSTEM_PATH, ...env }, command: [python, "-m", program!, ...rest] };
    }
    case "redis":
      return { env: { PATH: SYSTEM_PATH, ...env }, command };
    case "minio/minio":
      return { env: { PATH: SYSTEM_PATH, ...env }, command: [minioProgram(), ...args] };
    case "minio/mc":
      return { env: { ...env, PATH: `${dirname(mcProgram())}:${SYSTEM_PATH}` }, command };
    default:
      throw new Error(`${repository}: expected an image whose program is known here`);
  }
}

/** In a pod, our commands listen on all addresses; here, only on the loopback address. */
function ownAddress(args: readonly string[]): string[] {
  if (args[0] === "api") return ["--host", "127.0.0.1"];
  return args[0] === "worker" ? ["--health-host", "127.0.0.1"] : [];
}

/** Fills in all templates like the entry point of the nginx image, with the variables that match the filter. */
function fillNginxTemplates(
  { volumeMounts = [] }: ContainerSpec,
  env: Readonly<Record<string, string>>,
): void {
  const templates = volumeMounts.find(({ name }) => name === "nginx-template")!.mountPath;
  const filter = new RegExp(env["NGINX_ENVSUBST_FILTER"]!);
  const names = Object.keys(env)
    .filter((name) => filter.test(name))
    .map((name) => `\${${name}}`)
    .join(" ");
  const variables = { ...env, LISTEN_PORT: `127.0.0.1:${env["LISTEN_PORT"]}`, PATH: SYSTEM_PATH };
  for (const file of readdirSync(templates)) {
    const input = readFileSync(join(templates, file));
    const filled = execFileSync("envsubst", [names], { input, env: variables });
    writeFileSync(join(env["NGINX_ENVSUBST_OUTPUT_DIR"]!, file.replace(/\.template$/, "")), filled);
  }
}
