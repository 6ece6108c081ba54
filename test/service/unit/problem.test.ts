import test from "ava";
import createError from "http-errors";
import { ServiceError } from "../../../src/linkage/errors.js";
import { HttpProblem, isExpected, problemOf } from "../../../src/service/problem.js";

const DETAIL = "This cannot be done.";

for (const [code, status] of [
  ["invalid-request", 400],
  ["forbidden", 403],
  ["not-ready", 404],
  ["run-failed", 500],
  ["project-failed", 500],
  ["feature-disabled", 500],
] as const) {
  test(`${code} gets ${status} with its detail`, (t) => {
    const error = new ServiceError(code, DETAIL);
    t.like(problemOf(error), { type: "about:blank", status, detail: DETAIL });
    t.true(isExpected(error));
  });
}

for (const code of ["invalid-arguments", "missing-encodings", "missing-object", "store-failed"] as const) {
  test(`${code} is an internal error whose detail is hidden from clients`, (t) => {
    const error = new ServiceError(code, DETAIL);
    const problem = problemOf(error);
    t.is(problem.status, 500);
    t.false(problem.detail.includes(DETAIL));
    t.false(isExpected(error));
  });
}

test("HTTP errors keep their status, but only our own keep their detail", (t) => {
  t.like(problemOf(new HttpProblem(415, "another type")), {
    status: 415,
    title: "Unsupported Media Type",
    detail: "another type",
  });
  const parsing = problemOf(createError(400, "Unexpected token in «secret»"));
  t.is(parsing.status, 400);
  t.false(parsing.detail.includes("secret"));
  t.is(problemOf(createError(502, "upstream")).status, 500);
});

test("connection errors get 503, however deeply they are wrapped", (t) => {
  const refused = Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
  t.is(problemOf(refused).status, 503);
  t.is(problemOf(new Error("gave up", { cause: new Error("again", { cause: refused }) })).status, 503);
  t.is(problemOf(new AggregateError([new Error("a"), refused], "all failed")).status, 503);
  t.is(problemOf(Object.assign(new Error("shutting down"), { code: "57P01" })).status, 503);
  t.is(problemOf(new Error("other")).status, 500);
  t.is(problemOf("text").status, 500);
  t.is(problemOf(undefined).status, 500);
});
