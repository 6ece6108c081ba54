import { execFile, execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const cache = fileURLToPath(new URL("../../.cache/", import.meta.url));

/** The package managers in Node images, besides Debian and Node. */
const LINKS: Readonly<Record<string, string>> = {
  "usr/local/bin/npm": "../lib/node_modules/npm/bin/npm-cli.js",
  "usr/local/bin/npx": "../lib/node_modules/npm/bin/npx-cli.js",
  "usr/local/bin/corepack": "../lib/node_modules/corepack/dist/corepack.js",
  "usr/local/bin/yarn": "/opt/yarn-v1.22.22/bin/yarn",
  "usr/local/bin/yarnpkg": "/opt/yarn-v1.22.22/bin/yarnpkg",
};
const FILES = [
  "usr/local/lib/node_modules/corepack/dist/corepack.js",
  "usr/local/include/node/node.h",
  "opt/yarn-v1.22.22/bin/yarn",
  "opt/yarn-v1.22.22/bin/yarnpkg",
];

/** The environment of Node images. */
export const BASE_ENV = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" };

/**
 * Returns the root folder of a substitute for the image `node:<version>-<suite>-slim`, which is Debian with Node added:
 * Debian comes from debootstrap, Node and npm from this machine. Created at first use; appears only when complete.
 *
 * @throws Error for another image, or another major version of Node than this machine's
 */
export async function baseImage(reference: string): Promise<string> {
  const [, version, suite] = /^node:(\d+\.\d+\.\d+)-(\w+)-slim$/.exec(reference) ?? [];
  if (version === undefined || suite === undefined)
    throw new Error(`${reference}: expected node:x.y.z-…-slim`);
  const major = (text: string) => text.split(".")[0];
  if (major(version) !== major(process.versions.node)) {
    throw new Error(`${reference}: expected the Node of this machine, ${process.version}`);
  }
  const folder = join(cache, `debian-${suite}-node-${process.versions.node}`);
  if (!existsSync(folder)) {
    mkdirSync(cache, { recursive: true });
    const draft = mkdtempSync(join(cache, "draft-"));
    try {
      const root = join(draft, "root");
      // Its mounts disappear with it, however it ends.
      await run("unshare", ["--mount", "debootstrap", "--variant=minbase", suite, root], {
        maxBuffer: 2 ** 26,
      });
      rmSync(join(root, "var/cache/apt"), { recursive: true });
      for (const file of ["resolv.conf", "hosts"]) writeFileSync(join(root, "etc", file), ""); // each container's own
      installNode(root);
      if (!existsSync(folder)) renameSync(root, folder);
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  }
  return folder;
}

function installNode(root: string): void {
  const modules = execFileSync("npm", ["root", "--global"], { encoding: "utf8" }).trim();
  mkdirSync(join(root, "usr/local/bin"), { recursive: true });
  cpSync(process.execPath, join(root, "usr/local/bin/node"), { dereference: true });
  cpSync(join(modules, "npm"), join(root, "usr/local/lib/node_modules/npm"), { recursive: true });
  for (const file of FILES) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), "");
  }
  for (const [link, target] of Object.entries(LINKS)) symlinkSync(target, join(root, link));
  execFileSync("chroot", [root, "useradd", "--uid", "1000", "--create-home", "node"]);
}
