// Passwords with the characters that end or change a URL: the programs build the addresses of all stores from them.
import test from "ava";
import { ServiceClient } from "../../service/client.js";
import { base64Rows, randomRows } from "../../service/data.js";
import { StartedCluster } from "../../service/started-cluster.js";

const PASSWORD = "p#a/s?s@w%o[r]d: ü%20";
const clks = base64Rows(randomRows(1, 10));

test("passwords with # / ? @ % [ ] and spaces work for all stores and are not logged", async (t) => {
  const cluster = await StartedCluster.start({ redisPassword: PASSWORD });
  t.teardown(() => cluster.close());
  const client = new ServiceClient(cluster.url);
  const project = await client.createProject();
  for (const party of [0, 1]) await client.upload(project, party, { clks });
  t.is((await client.complete<{ groups: unknown[] }>(project, 1)).groups.length, 10);
  for (const secret of [PASSWORD, cluster.postgres.password, cluster.s3.secretKey]) {
    for (const form of [secret, encodeURIComponent(secret), encodeURI(secret)]) {
      t.false(cluster.output.includes(form));
    }
  }
});
