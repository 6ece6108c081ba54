import test from "ava";
import { BlockNameHasher, hashBlockName } from "../../../src/linkage/uploads/block-name-hash.js";

// The results of Python's hashlib.blake2b(name.encode(), digest_size=32).hexdigest().
const HASHES: readonly (readonly [name: string, hash: string])[] = [
  ["1", "92cdf578c47085a5992256f0dcf97d0b19f1f1c9de4d5fe30c3ace6191b6e5db"],
  ["", "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"],
  ["abc", "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"],
  ["é", "75a277d82cae96881cd1c0639531ca0f7be39ca18a353a1680fdc6d979bdc291"],
  ["区", "6d3d9cd3ae08257da91e9027edbea902ab31b57493abaa32fc0104fdbc211ea3"],
  ["🙂 block", "b5e8a3f7ec4f38518813df8b88a9a049aaaa5c127da04ec112f570ef7e6cdb23"],
  ["x".repeat(64), "68fe15b51246fb05aa84b11d8ad165b0c71f34348f386ef879dda156340ef6e9"],
  ["x".repeat(65), "d15d47fd5554451d9b34dc57cadcef10242c8ba3141da1df848358223b64e60a"],
  ["y".repeat(128), "344a3b5dec41f412c454eb8e0a96c5ff9d31c94fed2bd73d4eea9bc92524993d"],
  ["z".repeat(129), "db288c576f314569b2e2533bff1c045c4b168ce326c3d7b30329b01b965b02c1"],
];

test("hashes names as Python does, the first time and again", async (t) => {
  for (let round = 0; round < 2; round++) {
    for (const [name, hash] of HASHES) t.is(await hashBlockName(name), hash, JSON.stringify(name));
  }
});

test("hashes remain correct after cache collisions", async (t) => {
  const kept = await BlockNameHasher.create();
  const target = Buffer.alloc(40);
  const hash = (hasher: BlockNameHasher, name: string) => {
    const bytes = Buffer.from(name);
    hasher.hashInto(bytes, bytes.length, target, 8);
    return target.toString("hex", 8);
  };
  const first = Array.from({ length: 100_000 }, (_, n) => hash(kept, `block ${n}`));
  t.is(new Set(first).size, 100_000);
  for (let n = 0; n < 100_000; n += 997) {
    t.is(hash(kept, `block ${n}`), first[n]!);
    t.is(await hashBlockName(`block ${n}`), first[n]!);
  }
});
