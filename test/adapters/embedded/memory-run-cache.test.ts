import test from "ava";
import { MemoryRunCache } from "../../../src/adapters/embedded/memory-run-cache.js";
import { testRunCache } from "../../contract/run-cache.js";

testRunCache(test, async (t) => {
  let now = 0;
  const cache = new MemoryRunCache({ now: () => now });
  t.teardown(() => cache.close());
  return { cache, pass: async (_token, seconds) => void (now += 1000 * seconds) };
});
