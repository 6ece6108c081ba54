import test from "ava";
import { startFleet } from "./fleet.js";
import { PYTHON_LINES } from "./python-celery.js";

interface Flow {
  readonly name: string;
  /** A Python canvas; q(n) is the queue of the n-th task. */
  readonly flow: string;
  /** The repr of its result in Python, or of the exception. */
  readonly expected: string;
  /** Celery 5.1 never completes it. */
  readonly hangsInOldest?: true;
}

const FLOWS: readonly Flow[] = [
  {
    name: "a group",
    expected: "[0, 2, 4, 6]",
    flow: `group(add.s(n, n).set(queue=q(n)) for n in range(4))`,
  },
  {
    name: "a group after a task",
    expected: "[3, 4]",
    flow: `add.s(1, 1).set(queue=q(0)) | group(add.s(n).set(queue=q(n)) for n in (1, 2))`,
  },
  {
    name: "a group of chains",
    expected: "[10, 20, 30]",
    flow: `group(add.s(n, 1).set(queue=q(n)) | mul.s(10).set(queue=q(n + 1)) for n in range(3))`,
  },
  {
    name: "a chord of chains",
    expected: "60",
    flow: `
    chord([add.s(n, 1).set(queue=q(n)) | mul.s(10).set(queue=q(n + 1)) for n in range(3)], tsum.s().set(queue=q(4)))`,
  },
  {
    name: "a chord whose body is a chain",
    expected: "12",
    flow: `
    chord([add.s(n, 1).set(queue=q(n)) for n in range(3)], tsum.s().set(queue=q(3)) | mul.s(2).set(queue=q(4)))`,
  },
  {
    name: "a chord of one part",
    expected: "2",
    flow: `chord([add.s(1, 1).set(queue=q(0))], tsum.s().set(queue=q(1)))`,
  },
  {
    name: "a chord in a chain",
    expected: "18",
    flow: `
    chain(add.s(1, 1).set(queue=q(0)),
          chord([add.s(n).set(queue=q(n)) for n in range(3)], tsum.s().set(queue=q(3))),
          mul.s(2).set(queue=q(4)))`,
  },
  {
    name: "two chords in sequence",
    expected: "35",
    flow: `
    chain(add.s(1, 1).set(queue=q(0)),
          group(add.s(n).set(queue=q(n)) for n in (1, 2)), tsum.s().set(queue=q(3)),
          group(mul.s(n).set(queue=q(n)) for n in (2, 3)), tsum.s().set(queue=q(5)))`,
  },
  {
    name: "a chord in a chord",
    expected: "13",
    flow: `
    chord([chord([add.s(n, 1).set(queue=q(n)) for n in range(2)], tsum.s().set(queue=q(2))),
           add.s(5, 5).set(queue=q(3))], tsum.s().set(queue=q(4)))`,
  },
  {
    name: "a group in a chord",
    expected: "[2, 1, 10]",
    flow: `
    chord([group(add.s(n, 1).set(queue=q(n)) for n in range(2)), add.s(5, 5).set(queue=q(3))],
          echo.s().set(queue=q(4)))`,
  },
  {
    name: "a chain that ends in a group in a chord",
    expected: "[[3, 4], 10]",
    hangsInOldest: true,
    flow: `
    chord([add.s(1, 1).set(queue=q(0)) | group(add.s(n).set(queue=q(n)) for n in (1, 2)),
           add.s(5, 5).set(queue=q(3))], echo.s().set(queue=q(4)))`,
  },
  {
    name: "groups after groups",
    expected: "[6, 6]",
    flow: `
    chain(group(add.s(n, n).set(queue=q(n)) for n in (1, 2)), group(tsum.s().set(queue=q(n)) for n in (3, 4)))`,
  },
  {
    name: "immutable tasks",
    expected: "8",
    flow: `chain(add.s(1, 1).set(queue=q(0)), add.si(3, 4).set(queue=q(1)), add.s(1).set(queue=q(2)))`,
  },
  {
    name: "an immutable body",
    expected: "7",
    flow: `chord([add.s(n, 1).set(queue=q(n)) for n in range(2)], add.si(3, 4).set(queue=q(2)))`,
  },
  {
    name: "keyword arguments",
    expected: "12",
    flow: `
    chain(add.s(x=1, y=2).set(queue=q(0)), add.s(y=3).set(queue=q(1)), mul.s(y=2).set(queue=q(2)))`,
  },
  {
    name: "a part with a countdown",
    expected: "6",
    flow: `
    chord([add.s(1, 1).set(queue=q(0), countdown=0.3), add.s(2, 2).set(queue=q(1))], tsum.s().set(queue=q(2)))`,
  },
  {
    name: "a retried part",
    expected: "6",
    flow: `
    chord([retrying.s(2, 0.1, "part").set(queue=q(0)), add.s(2, 2).set(queue=q(1))], tsum.s().set(queue=q(2)))`,
  },
  {
    name: "a chain with a retried task",
    expected: "11",
    flow: `
    chain(retrying.s(1, 0.1, "chain").set(queue=q(0)), add.s(10).set(queue=q(1)))`,
  },
  {
    name: "a chain with a failure",
    expected: "ValueError('bad')",
    flow: `
    chain(add.s(1, 1).set(queue=q(0)), fail.si("bad").set(queue=q(1)), add.s(1).set(queue=q(2)))`,
  },
  {
    name: "a chord in a chain with a failure",
    expected: `ChordError("Dependency ID raised ValueError('bad')")`,
    hangsInOldest: true,
    flow: `
    chain(add.s(1, 1).set(queue=q(0)),
          chord([add.s(1).set(queue=q(1)), fail.si("bad").set(queue=q(2))], tsum.s().set(queue=q(3))),
          add.s(1).set(queue=q(4)))`,
  },
  {
    name: "a chord of chains with a failure",
    expected: `ChordError("Dependency ID raised ValueError('bad')")`,
    flow: `
    chord([fail.s("bad").set(queue=q(0)) | add.s(1).set(queue=q(1)), add.s(2, 2).set(queue=q(2))],
          tsum.s().set(queue=q(3)))`,
  },
  {
    name: "a failure before a group that follows a group",
    expected: "ValueError('bad')",
    hangsInOldest: true,
    flow: `
    chain(group(add.s(1, 1).set(queue=q(0)), fail.s("bad").set(queue=q(1))),
          group(tsum.s().set(queue=q(n)) for n in (2, 3)))`,
  },
  {
    name: "a failure before a chord",
    expected: "ValueError('bad')",
    hangsInOldest: true,
    flow: `
    chain(fail.s("bad").set(queue=q(0)),
          chord([add.s(1).set(queue=q(1)), add.s(2).set(queue=q(2))], tsum.s().set(queue=q(3))))`,
  },
  {
    name: "a chord in a chain in a chord",
    expected: "[7, 10]",
    flow: `
    chord([chain(add.s(1, 1).set(queue=q(0)), group(add.s(n).set(queue=q(n)) for n in (1, 2)), tsum.s().set(queue=q(3))),
           add.s(5, 5).set(queue=q(4))], echo.s().set(queue=q(5)))`,
  },
];

/** The queue of the n-th task. */
const PATHS = {
  "Python alone": `lambda n: "py"`,
  "all ours": `lambda n: "ts"`,
  "ours first": `lambda n: "ts" if n % 2 == 0 else "py"`,
  "Python first": `lambda n: "py" if n % 2 == 0 else "ts"`,
} as const;

const APPLY = `
      result = flow.apply_async()
      last = AsyncResult(result.id) if not isinstance(result, GroupResult) else result
      try:
          return repr(last.get(timeout=120))
      except Exception as error:
          import re
          return re.sub("[0-9a-f-]{36}", "ID", repr(error))
`;

for (const line of PYTHON_LINES) {
  for (const { name, flow, expected, hangsInOldest } of FLOWS) {
    test.serial(`${line} Celery: ${name} gives the same result as in Python`, async (t) => {
      const fleet = await startFleet(t, line);
      await Promise.all([fleet.pythonWorker(), fleet.typeScriptWorker()]);
      for (const [path, code] of Object.entries(PATHS)) {
        if (line === "oldest" && hangsInOldest && path !== "all ours") continue;
        const came = await fleet.python.run<string>(`
      q = ${code}
      flow = (${flow.trim()})
${APPLY}`);
        t.is(came, expected, path);
      }
      await fleet.nothingUnacknowledged();
    });
  }
}
