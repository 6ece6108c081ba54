import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { toFileName, toObjectName } from "../../../src/adapters/embedded/file-names.js";
import { FileObjectStore } from "../../../src/adapters/embedded/file-object-store.js";
import { ServiceError } from "../../../src/linkage/errors.js";
import { content, digest, namesIn, testObjectStore } from "../../contract/object-store.js";
import { StartedProcess } from "../../started-process.js";

function folderOf(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), "objects-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

testObjectStore(test, async (t) => {
  const folder = join(folderOf(t), "made/by/itself");
  const store = await FileObjectStore.open(folder);
  return { store, leftovers: async () => readdirSync(folder).filter((name) => name.startsWith(".")) };
});

test("objects with similar or draft-like names do not collide", async (t) => {
  const folder = folderOf(t);
  const store = await FileObjectStore.open(folder);
  const names = ["a", "a/b", "a%2Fb", "a/b/c", ".draft-x", ".a", "A"];
  for (const [n, name] of names.entries()) await store.put(name, () => content(n), n);
  const again = await FileObjectStore.open(folder);
  for (const [n, name] of names.entries()) t.is(await again.byteLengthOf(name), n);
  t.deepEqual(await namesIn(again, ""), [...names].sort());
  t.true(readdirSync(folder).every((name) => /^[A-Za-z0-9_~%-][A-Za-z0-9_.~%-]*$/.test(name)));
});

test("object names map one-to-one to file names", (t) => {
  const part = fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 3 }), (parts) => {
      const name = parts.join("/");
      let fileName: string;
      try {
        fileName = toFileName(name);
      } catch {
        return; // refused
      }
      t.regex(fileName, /^[^./\\\0][^/\\\0]*$/);
      t.is(toObjectName(fileName), name);
    }),
  );
  t.is(toObjectName("%61"), undefined, "not as we write it");
  t.is(toObjectName("%zz"), undefined);
  t.throws(() => toFileName("€".repeat(100)), { message: /255 bytes/ });
});

test("foreign files are neither listed nor removed", async (t) => {
  const folder = folderOf(t);
  writeFileSync(join(folder, "lost+found"), "");
  writeFileSync(join(folder, ".draft-of-one-that-was-killed"), "abc");
  const store = await FileObjectStore.open(folder);
  t.deepEqual(await namesIn(store, ""), []);
  t.deepEqual(readdirSync(folder), ["lost+found"]);
});

test("a killed process leaves only complete files", async (t) => {
  const folder = folderOf(t);
  const writer = fileURLToPath(new URL("write-files.ts", import.meta.url));
  let completed = 0;
  for (let round = 0; round < 4; round++) {
    const args = ["--import=tsx", writer, folder, String(round)];
    const writing = new StartedProcess("writer", process.execPath, args);
    await writing.whenPrinted(/written 0/);
    await sleep(30 + 60 * round);
    await writing.killGroup();
    const promised = [...writing.output.matchAll(/written (\d+)/g)].map(([, n]) => `${round}/${n}`);
    const store = await FileObjectStore.open(folder);
    t.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith(".")),
      [],
    );
    const names = await namesIn(store, `${round}/`);
    for (const name of promised) t.true(names.includes(name), name);
    for (const name of names) {
      const byteLength = (await store.byteLengthOf(name))!;
      const seed = Number(name.split("/")[1]) + 1;
      t.is(byteLength, 8_000_000 + seed);
      t.is(await digest(store.get(name)), await digest(content(byteLength, seed)));
    }
    completed += names.length;
  }
  t.true(completed > 4);
});

test("a file system error does not reveal the object's name", async (t) => {
  const folder = folderOf(t);
  const store = await FileObjectStore.open(folder);
  const token = "5ec4e7".repeat(8);
  const name = `packed/${token}`;
  // A folder in its place cannot be read, replaced or removed as a file, not even by root.
  mkdirSync(join(folder, toFileName(name)));
  const read = async () => {
    for await (const _ of store.get(name));
  };
  for (const action of [
    () => store.put(name, () => content(3), 3),
    () => store.putStream(name, content(3)),
    () => store.remove([name]),
    read,
  ]) {
    const error = await t.throwsAsync(action());
    t.false(
      `${error!.stack} ${inspect(error, { depth: 9, showHidden: true })}`.includes(token),
      error!.message,
    );
    t.regex(error!.message, /EISDIR|EPERM|ENOTEMPTY/);
  }
  const error = await t.throwsAsync(
    store.put(name, () => content(3), 3),
    { instanceOf: ServiceError },
  );
  t.is(error!.message, "Cannot use a file in packed/: the system reported EISDIR.");
  t.deepEqual(
    readdirSync(folder).filter((each) => each.startsWith(".")),
    [],
    "no draft is left",
  );
});

test("a write fails without revealing the name if the folder is removed", async (t) => {
  const folder = folderOf(t);
  const store = await FileObjectStore.open(join(folder, "objects"));
  async function* vanishing() {
    yield Buffer.from("abc");
    rmSync(join(folder, "objects"), { recursive: true });
  }
  const error = await t.throwsAsync(store.putStream("packed/secret", vanishing()));
  t.false(error!.message.includes("secret"));
});
