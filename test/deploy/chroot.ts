import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";

const run = promisify(execFile);
const OUTPUT_BYTES = 64 * 2 ** 20;

/** The user, environment and working directory of a command. */
export interface CommandSettings {
  /** `uid:gid`; default: root. */
  readonly user?: string;
  readonly env: Readonly<Record<string, string>>;
  readonly folder: string;
}

/**
 * Mounts what a build needs besides its files, in a separate mount namespace, and enters the root. The network settings
 * are those of this machine; they are on a tmpfs and leave nothing behind.
 */
const ENTER_TO_BUILD = `
set -eu
root=$1 authorities=$2 cache=$3
shift 3
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mkdir "$root/run/network" "$root/run/npm"
for file in resolv.conf hosts; do
  cp -L "/etc/$file" "$root/run/network/"
  mount --bind "$root/run/network/$file" "$root/etc/$file"
done
if [ -n "$authorities" ]; then cp -L "$authorities" "$root/run/network/authorities.pem"; fi
mount --bind "$cache" "$root/run/npm"
exec chroot "$root" "$@"`;

/** Enters a read-only root; /tmp is empty, and volumes are folders of this machine. */
const ENTER_READ_ONLY = `
set -eu
root=$1
shift
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
while [ "$1" != -- ]; do
  mkdir -p "$root$2"
  mount --bind "$1" "$root$2"
  shift 2
done
shift
mount -o remount,bind,ro "$root"
exec chroot "$root" "$@"`;

/** Runs a command as a build step, with this machine's network; resolves with its output. */
export async function runToBuild(
  root: string,
  command: readonly string[],
  settings: CommandSettings,
): Promise<string> {
  const authorities = process.env["NODE_EXTRA_CA_CERTS"] ?? (await npmSetting("cafile"));
  const hasAuthorities = authorities !== "null" && existsSync(authorities);
  const authoritiesFile = "/run/network/authorities.pem";
  const env = {
    ...proxySettings(),
    npm_config_registry: await npmSetting("registry"),
    npm_config_cache: "/run/npm",
    ...(hasAuthorities ? { npm_config_cafile: authoritiesFile, NODE_EXTRA_CA_CERTS: authoritiesFile } : {}),
    ...settings.env,
  };
  const cache = await npmSetting("cache");
  await run("mkdir", ["-p", cache]);
  const [program, ...args] = inNamespaces(
    ENTER_TO_BUILD,
    [root, hasAuthorities ? authorities : "", cache],
    asUser(command, { ...settings, env }),
  );
  try {
    const { stdout, stderr } = await run(program!, args, { maxBuffer: OUTPUT_BYTES });
    return stdout + stderr;
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${command.join(" ")}:\n${stdout}${stderr}`, { cause: error });
  }
}

/**
 * The command line that starts a program as a container engine does with a read-only root: as process 1, unprivileged.
 *
 * @param volumes folders of this machine, by the path where they are mounted
 */
export function readOnlyCommand(
  root: string,
  command: readonly string[],
  settings: CommandSettings,
  volumes: Readonly<Record<string, string>> = {},
): [program: string, ...args: string[]] {
  const mounts = Object.entries(volumes).flatMap(([path, folder]) => [folder, path]);
  return inNamespaces(ENTER_READ_ONLY, [root, ...mounts, "--"], asUser(command, settings));
}

function inNamespaces(
  enter: string,
  args: readonly string[],
  command: readonly string[],
): [program: string, ...args: string[]] {
  const namespaces = ["--mount", "--pid", "--fork", "--kill-child"];
  return ["unshare", ...namespaces, "sh", "-c", enter, "enter", ...args, ...command];
}

/** A command to be run inside the root. */
export function asUser(
  command: readonly string[],
  { user, env, folder }: CommandSettings,
): readonly string[] {
  const [uid, gid = uid] = user?.split(":") ?? [];
  const rights = ["--clear-groups", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"];
  const become = uid === undefined ? [] : ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, ...rights];
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return [...become, "env", "-i", `--chdir=${folder}`, ...variables, ...command];
}

async function npmSetting(name: string): Promise<string> {
  return (await run("npm", ["config", "get", name])).stdout.trim();
}

function proxySettings(): Record<string, string> {
  const names = Object.keys(process.env).filter((name) => /^(https?|no)_proxy$/i.test(name));
  return Object.fromEntries(names.map((name) => [name, process.env[name]!]));
}
