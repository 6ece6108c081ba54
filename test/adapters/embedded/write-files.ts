// Writes files until it is killed, and prints which ones are complete.
import { FileObjectStore } from "../../../src/adapters/embedded/file-object-store.js";
import { content } from "../../contract/object-store.js";

const [folder, round] = process.argv.slice(2);
const store = await FileObjectStore.open(folder!);
for (let n = 0; ; n++) {
  const seed = n + 1;
  await store.putStream(`${round}/${n}`, content(8_000_000 + seed, seed));
  console.log(`written ${n}`);
}
