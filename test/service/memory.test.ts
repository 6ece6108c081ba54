// Uploads are never held in memory as a whole. test/large sends larger ones.
import test from "ava";
import { ALLOWED_BYTES, describeLarge, type LargeForm, MIB, uploadLarge } from "./large-uploads.js";

for (const form of ["clks", "clknblocks", "binaryclks"] as const satisfies LargeForm[]) {
  test.serial(`an upload of 256 MiB as ${form} adds less than 200 MiB to the idle service`, async (t) => {
    const upload = await uploadLarge(form, 256 * MIB, 1);
    t.log(describeLarge(upload));
    t.deepEqual(upload.statuses, [201]);
    t.true(upload.peakBytes - upload.idleBytes < ALLOWED_BYTES);
  });
}
