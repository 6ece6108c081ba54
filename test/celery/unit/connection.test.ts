import test from "ava";
import { parseConnection } from "../../../src/celery/connection.js";

const PASSWORD = "p#a/s?s@w%o[r]d;: ü😀";

test("decodes a percent-encoded password with any characters", (t) => {
  const encoded = encodeURIComponent(PASSWORD);
  for (const url of [
    `redis://:${encoded}@host:6380/2`,
    `redis://me:${encoded}@host:6380/2`,
    `rediss://:${encoded}@host:6380/2`,
    `sentinel://:${encoded}@one:26379/2;sentinel://two:26379/2`,
  ]) {
    const { options, database } = parseConnection(url);
    t.is(options.password, PASSWORD, url.slice(0, 12));
    t.is(database, 2);
  }
});

test("rejects an unencoded password, says how to encode it, and does not reveal it", (t) => {
  for (const rest of ["#", "/", "?", "%", "%zz", "12#34", "12/34", "12?34"]) {
    for (const user of ["", "me"]) {
      const url = `redis://${user}:secret${rest}@host:6379/0`.replace("secret12", "12");
      const error = t.throws(() => parseConnection(url), { instanceOf: TypeError }, rest);
      t.regex(error.message, /percent-encode them \(# is %23\)\.$/, rest);
      t.notRegex(error.message, /secret|1234/);
    }
  }
});

test("accepts unencoded characters that a URL parses as intended", (t) => {
  t.is(parseConnection("redis://:p@ss@host").options.password, "p@ss");
  t.is(parseConnection("redis://:p[s]s@host").options.password, "p[s]s");
  t.is(parseConnection("redis://host").options.password, undefined);
  t.is(parseConnection("redis+socket:///run/a@b.sock").options.path, "/run/a@b.sock");
});
