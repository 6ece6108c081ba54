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
 * What the image of a container would start, as it is on this machine. The image's entry point gets the container's
 * `args`; its `command` takes the entry point's place.
 *
 * @param spec with texts that mean something on this machine
 * @param env the container's variables
 * @param userId whom the pod runs as
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
      // As root, its workers would be somebody else, who may not write to the folders of the pod.
      return { env: { PATH: SYSTEM_PATH, ...env }, command: args, userId };
    case "mher/flower": {
      const python = join(pythonEnvironment(celery, "celery-newest"), "python");
      // The scripts of the environment know only the folder that they were installed in.
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

/** In a pod, our commands listen on all addresses; here on the loopback's only. */
function ownAddress(args: readonly string[]): string[] {
  if (args[0] === "api") return ["--host", "127.0.0.1"];
  return args[0] === "worker" ? ["--health-host", "127.0.0.1"] : [];
}

/** As the entry point of nginx's image does it: all templates, and of all variables those that the filter names. */
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
