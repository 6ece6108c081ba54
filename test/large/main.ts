// npm run test:large: uploads of 1 GiB, alone and four at once; prints a line of JSON for each.
import { ALLOWED_BYTES, describeLarge, type LargeForm, MIB, uploadLarge } from "../service/large-uploads.js";

const FORMS: readonly LargeForm[] = ["clks", "clknblocks", "binaryclks"];

let failed = 0;
for (const form of FORMS) {
  for (const count of [1, 4]) {
    const upload = await uploadLarge(form, 1024 * MIB, count);
    const isRight =
      upload.statuses.every((status) => status === 201) &&
      upload.peakBytes - upload.idleBytes < ALLOWED_BYTES;
    if (!isRight) failed++;
    console.log(
      JSON.stringify({ form, count, isRight, statuses: upload.statuses, ...describeLarge(upload) }),
    );
  }
}
console.log(failed === 0 ? "all passed" : `${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
