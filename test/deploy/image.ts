import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { BASE_ENV, baseImage } from "./base-image.js";
import { runToBuild } from "./chroot.js";
import { type Dockerfile, execForm, expand, type Instruction, pairsOf, type Stage } from "./dockerfile.js";

const run = promisify(execFile);

/** The result of a build stage. */
export interface Image {
  /** Its root folder. */
  readonly root: string;
  readonly env: Record<string, string>;
  readonly labels: Record<string, string>;
  readonly ports: string[];
  folder: string;
  user: string | undefined;
  entrypoint: readonly string[];
  command: readonly string[];
  /** The command of its HEALTHCHECK. */
  healthCheck: readonly string[];
}

/**
 * Builds the images of a Dockerfile's stages like a container engine, as far as folders and chroot allow: the base
 * image comes from debootstrap, and each stage is one layer.
 *
 * @param context the folder that COPY reads
 * @param folder where the stages' roots are created
 * @returns the image of the last stage
 */
export async function buildImage(dockerfile: Dockerfile, context: string, folder: string): Promise<Image> {
  const built = new Map<string, Image>();
  let last: Image | undefined;
  for (const [index, stage] of dockerfile.stages.entries()) {
    last = await beginStage(stage, built, join(folder, String(index)));
    const args: Record<string, string> = {};
    for (const instruction of stage.instructions) await follow(instruction, last, args, context, built);
    built.set(stage.name ?? String(index), last);
  }
  return last!;
}

async function beginStage(stage: Stage, built: ReadonlyMap<string, Image>, root: string): Promise<Image> {
  const earlier = built.get(stage.base);
  await run("cp", ["-a", "--reflink=auto", earlier?.root ?? (await baseImage(stage.base)), root]);
  const plain = {
    folder: "/",
    user: undefined,
    entrypoint: [],
    command: ["node"],
    healthCheck: [],
    ports: [],
  };
  const { env, labels, ...more } = earlier ?? { ...plain, env: BASE_ENV, labels: {} };
  return { ...more, root, env: { ...env }, labels: { ...labels }, ports: [...more.ports] };
}

async function follow(
  { name, text }: Instruction,
  image: Image,
  args: Record<string, string>,
  context: string,
  built: ReadonlyMap<string, Image>,
): Promise<void> {
  const values = () => ({ ...args, ...image.env });
  switch (name) {
    case "ARG":
      for (const [arg, value] of pairsOf(text)) args[arg] = value;
      return;
    case "ENV":
      for (const [variable, value] of pairsOf(text)) image.env[variable] = expand(value, values());
      return;
    case "LABEL":
      for (const [label, value] of pairsOf(text)) image.labels[label] = expand(value, values());
      return;
    case "WORKDIR":
      image.folder = join(image.folder, expand(text, values()));
      mkdirSync(join(image.root, image.folder), { recursive: true });
      return;
    case "COPY":
      return copy(expand(text, values()), image, context, built);
    case "RUN":
      await runToBuild(image.root, execForm(text) ?? ["/bin/sh", "-c", text], { ...image, env: values() });
      return;
    case "USER":
      image.user = text;
      return;
    case "EXPOSE":
      image.ports.push(...text.split(/\s+/));
      return;
    case "ENTRYPOINT":
      image.entrypoint = execForm(text)!;
      image.command = [];
      return;
    case "CMD":
      image.command = execForm(text)!;
      return;
    case "HEALTHCHECK":
      image.healthCheck = execForm(/\bCMD\s+(.*)$/.exec(text)![1]!)!;
      return;
    default:
      throw new Error(`${name} ${text}: not known here`);
  }
}

/** Runs COPY: of a folder, its contents are copied. The copies belong to root. */
async function copy(
  text: string,
  image: Image,
  context: string,
  built: ReadonlyMap<string, Image>,
): Promise<void> {
  const [, from, paths] = /^(?:--from=(\S+)\s+)?(.*)$/.exec(text)!;
  const source = from === undefined ? context : built.get(from)!.root;
  const [target, ...sources] = paths!.split(/\s+/).reverse();
  const isFolder = target!.endsWith("/") || sources.length > 1;
  const absolute = join(image.root, target!.startsWith("/") ? "" : image.folder, target!);
  for (const path of sources.reverse()) {
    const found = join(source, path);
    const to = isFolder && !statSync(found).isDirectory() ? join(absolute, basename(path)) : absolute;
    mkdirSync(dirname(to), { recursive: true });
    if (statSync(found).isDirectory()) mkdirSync(to, { recursive: true });
    await run("cp", ["-a", "--no-target-directory", found, to]);
    await run("chown", ["-R", "-h", "0:0", to]);
  }
}

/**
 * Creates a build context with the files that a project's .dockerignore keeps. It must consist of `*`, then `!path` for
 * each path that is kept, then `**` patterns of names that are ignored anyway.
 */
export function makeContext(project: string, folder: string): void {
  const lines = readFileSync(join(project, ".dockerignore"), "utf8").split("\n");
  const [first, ...rules] = lines.filter((line) => line !== "" && !line.startsWith("#"));
  if (first !== "*") throw new Error(".dockerignore: expected * first");
  for (const rule of rules) {
    if (rule.startsWith("!")) {
      const path = rule.slice(1);
      cpSync(join(project, path), join(folder, path), { recursive: true });
    } else if (rule.startsWith("**/*.")) {
      const ending = rule.slice(4);
      for (const path of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
        if (path.endsWith(ending) && existsSync(join(folder, path))) rmSync(join(folder, path));
      }
    } else {
      throw new Error(`.dockerignore: ${rule}: not known here`);
    }
  }
}
