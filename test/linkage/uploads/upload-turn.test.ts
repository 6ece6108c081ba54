import test from "ava";
import { receiveJsonUpload } from "../../../src/linkage/uploads/receive-json-upload.js";
import { bodyOf, clk, hex, setUp } from "./upload-set-up.js";

const TWO = JSON.stringify({ clks: [clk(1), clk(2)] });

function json(given: ReturnType<typeof setUp>, party: number, text: string) {
  return receiveJsonUpload(given.stores, given.options, given.request(party), bodyOf(text));
}

test("one of several concurrent uploads gets the slot", async (t) => {
  const given = setUp();
  const results = await Promise.allSettled([json(given, 1, TWO), json(given, 1, TWO), json(given, 1, TWO)]);
  t.deepEqual(results.map(({ status }) => status).sort(), ["fulfilled", "rejected", "rejected"]);
  t.is(given.encodings.rowsOf(1), hex(1) + hex(2));
});

test("the slot of a crashed upload can be taken over once it is old and no longer held", async (t) => {
  const given = setUp();
  const crash = async (age: number) => {
    const old = "d".repeat(48);
    given.database.party(1).state = "not_started";
    await given.database.beginUpload(1, old, undefined);
    const party = given.database.party(1);
    party.upload = { ...party.upload!, timeAdded: new Date(Date.now() - age) };
    given.encodings.stored.clear();
    await given.encodings.begin(1, old, 8);
    return old;
  };
  await crash(30_000);
  await t.throwsAsync(json(given, 1, TWO), { code: "forbidden" }, "it is young");
  const held = await crash(120_000);
  await given.cache.holdUpload(held, 60);
  await t.throwsAsync(json(given, 1, TWO), { code: "forbidden" }, "somebody holds it");
  given.pass(61_000);
  const receipt = await json(given, 1, TWO);
  t.is(given.encodings.stored.get(1)!.receiptToken, receipt.receiptToken);
  t.is(given.encodings.rowsOf(1), hex(1) + hex(2));
});

test("an upload that lost its slot or whose project was deleted is rejected at its end", async (t) => {
  const given = setUp();
  given.database.beforeFinish = async () => {
    const { upload } = given.database.party(1);
    await given.database.takeOverUpload(1, upload!.receiptToken, "e".repeat(48), undefined);
  };
  await t.throwsAsync(json(given, 1, TWO), { code: "forbidden" });
  t.like(given.database.party(1), { state: "in_progress", upload: { receiptToken: "e".repeat(48) } });

  const deleted = setUp();
  deleted.database.beforeFinish = async () => {
    deleted.database.isDeleted = true;
  };
  await t.throwsAsync(json(deleted, 1, TWO), { code: "forbidden" });
  t.is(deleted.encodings.stored.size, 0);
});
