import test from "ava";
import { startFleet } from "./fleet.js";
import { PYTHON_LINES } from "./python-celery.js";

/** Python code that defines `values`: values of many types, by name. */
const VALUES = `
      from datetime import date, datetime, time, timedelta, timezone
      from decimal import Decimal
      from uuid import UUID
      values = {
          "aware datetime": datetime(2020, 1, 2, 3, 4, 5, 678901, timezone.utc),
          "naive datetime": datetime(2020, 1, 2, 3, 4, 5, 678901),
          "date": date(2020, 1, 2),
          "time": time(3, 4, 5),
          "uuid": UUID("12345678-1234-5678-1234-567812345678"),
          "decimal": Decimal("1.10"),
          "bytes": b"\\xff\\x00a",
          "nan": float("nan"),
          "infinity": [float("inf"), float("-inf")],
          "big integer": [2 ** 70, -(2 ** 70), 2 ** 53 + 1],
          "float": [0.1, 1e300, 5e-324],
          "text": "é😀\\x7f\\u2028 \\"'\\\\ NaN",
          "empty": [[], {}, "", None, True, False, 0],
          "nested": {"a": {"b": [1, {"c": None}]}, "__type__": "unknown"},
      }
`;

for (const line of PYTHON_LINES) {
  test.serial(
    `${line} Celery: values round-trip through a TypeScript task as through a Python task`,
    async (t) => {
      const fleet = await startFleet(t, line);
      await fleet.typeScriptWorker();
      await fleet.pythonWorker();
      const answers = await fleet.python.run<Record<string, [string, string]>>(`${VALUES}
      def answer(value, queue):
          return repr(echo.apply_async((value,), queue=queue).get(timeout=120))
      answers = {}
      for name, value in values.items():
          try:
              app.backend.encode(value)
          except Exception:
              continue  # this line cannot send it
          answers[name] = [answer(value, "ts"), answer(value, "py")]
      return answers
    `);
      t.true(Object.keys(answers).length >= 12, Object.keys(answers).join());
      for (const [name, [ours, theirs]] of Object.entries(answers)) t.is(ours, theirs, name);
    },
  );

  test.serial(`${line} Celery: reads compressed messages`, async (t) => {
    const fleet = await startFleet(t, line);
    await fleet.typeScriptWorker();
    const code = `return echo.apply_async(("x" * 10000,), queue="ts", compression=compression).get(timeout=120)`;
    for (const compression of ["zlib", "gzip"]) {
      t.is(await fleet.python.run(code, { compression }), "x".repeat(10_000));
    }
  });

  test.serial(`${line} Celery: numbers that JSON cannot represent reach Python unchanged`, async (t) => {
    const fleet = await startFleet(t, line);
    await fleet.pythonWorker();
    const shown = async (value: unknown) =>
      (await fleet.app.send("tasks.show", [value], {}, { queue: "py" })).get(120_000);
    t.is(await shown(2n ** 70n), "int 1180591620717411303424");
    t.is(await shown(Number.NaN), "float nan");
    t.is(await shown(Number.NEGATIVE_INFINITY), "float -inf");
    t.is(await shown("é😀"), "str 'é😀'");
    const big = await fleet.app.send("tasks.mul", [2n ** 40n, 2n ** 40n], {}, { queue: "py" });
    t.is(await big.get(120_000), 2n ** 80n);
  });
}
