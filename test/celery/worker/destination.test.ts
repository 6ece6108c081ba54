import test from "ava";
import { isFor, matchesPattern } from "../../../src/celery/worker/destination.js";

const toAll = { destination: [], pattern: null, matcher: null };

test("a command addresses all nodes, named nodes, or those matching its pattern", (t) => {
  t.true(isFor("node@host", toAll));
  t.true(isFor("node@host", { ...toAll, destination: ["other@host", "node@host"] }));
  t.false(isFor("node@host", { ...toAll, destination: ["other@host"] }));
  t.false(isFor("node@host", { destination: ["other@host"], pattern: "*", matcher: "glob" }));
  t.true(isFor("node@host", { destination: [], pattern: "node@*", matcher: "glob" }));
  t.false(isFor("node@host", { destination: [], pattern: "other@*", matcher: "glob" }));
  t.true(
    isFor("node@host", { destination: [], pattern: "other@*", matcher: null }),
    "as Python: no matcher, no pattern",
  );
});

test("globs match as Python's fnmatch does", (t) => {
  const matches = (pattern: string) => matchesPattern("node1@host.x", pattern, "glob");
  for (const pattern of [
    "*",
    "node?@*",
    "n[aeo]de1@host.x",
    "node[!a-z]@host?x",
    "*1@*.x",
    "[]n]ode1@host.x",
  ]) {
    t.true(matches(pattern), pattern);
  }
  for (const pattern of [
    "",
    "node",
    "ode1*",
    "NODE*",
    "node[1@host.x",
    "node1@hostax",
    "node[!1]@*",
    "node[z-a]*",
  ]) {
    t.false(matches(pattern), pattern);
  }
  t.true(matchesPattern("a[b", "a[b", "glob"));
  t.true(matchesPattern("a^b", "a[^x]b", "glob"));
  t.false(matchesPattern("a.b", "a[^x]b", "glob"));
});

test("regular expressions match as Python's re.match does: anchored at the start only", (t) => {
  const matches = (pattern: string) => matchesPattern("node1@host", pattern, "pcre");
  for (const pattern of [
    "node",
    "(a|node)1",
    "(?P<a>n)ode",
    "(?i)NODE",
    "node1@host\\Z",
    "\\Anode",
    ".*(?P<x>o).*(?P=x)",
  ]) {
    t.true(matches(pattern), pattern);
  }
  for (const pattern of ["host", "NODE", "node\\Z", "(", "node2|host", "[z-a]"])
    t.false(matches(pattern), pattern);
});

test("a pattern that is too long, too slow or has an unknown matcher matches nothing", (t) => {
  t.true(matchesPattern("node", "n*".padEnd(1000, "*"), "glob"));
  t.false(matchesPattern("node", "n*".padEnd(1001, "*"), "glob"));
  t.false(matchesPattern("node", "n*", "regex"));
  t.false(matchesPattern("node", 5, "glob"));
  const start = Date.now();
  t.false(matchesPattern("a".repeat(60), "(a+)+!", "pcre"));
  t.false(matchesPattern("a".repeat(60), `${"*a".repeat(400)}b`, "glob"));
  t.true(Date.now() - start < 60_000); // matching has a time limit
});
