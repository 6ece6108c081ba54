import type { ExecutionContext } from "ava";
import test from "ava";
import { chain, chord, group, signature } from "../../src/celery/index.js";
import { type Circumstances, type Fleet, startFleet } from "./fleet.js";
import { PYTHON_LINES, type PythonLine } from "./python-celery.js";
import { until } from "./until.js";

async function startBoth(t: ExecutionContext, line: PythonLine): Promise<Fleet> {
  const fleet = await startFleet(t, line);
  await Promise.all([fleet.typeScriptWorker(), fleet.pythonWorker()]);
  return fleet;
}

/**
 * Resolves once chords have left no keys except expiring ones: Celery ≥ 5.7 remembers for a while that they have ended,
 * and older versions do not know the set of counted members.
 */
async function noGroupKeys(fleet: Fleet): Promise<void> {
  const pattern = fleet.app.backend.groupKeys("*").group;
  await until("the keys of the chord gone", 120_000, async () => {
    const keys = await fleet.store.keys(pattern);
    const expiring = await Promise.all(
      keys.map(async (key) => /\.[cd]$/.test(key) && (await fleet.store.ttl(key)) > 0),
    );
    return expiring.every(Boolean) ? true : undefined;
  });
}

for (const line of PYTHON_LINES) {
  test.serial(
    `${line} Celery: each task of a mixed chain sent by Python knows its parent and root`,
    async (t) => {
      const fleet = await startBoth(t, line);
      const [steps, ids] = await fleet.python.run<[Circumstances[], string[]]>(`
      parts = [trail.s([]).set(queue="py"), trail.s().set(queue="ts"), trail.s().set(queue="py")]
      result = chain(*parts).apply_async()
      return [result.get(timeout=120), [result.parent.parent.id, result.parent.id, result.id]]
    `);
      const about = (all: Circumstances[]) =>
        all.map(({ lang, id, parent_id, root_id }) => [lang, id, parent_id, root_id]);
      const [first, second, third] = ids as [string, string, string];
      t.deepEqual(about(steps), [
        ["py", first, null, first],
        ["ts", second, first, first],
        ["py", third, second, first],
      ]);
      t.is((await fleet.stored(second))!.parent_id, first);
      t.is((await fleet.stored(third))!.parent_id, second);
      const children = await fleet.python.run(`return [child.id for child in AsyncResult(id).children]`, {
        id: second,
      });
      t.deepEqual(children, [third]);
    },
  );

  test.serial(`${line} Celery: runs a mixed chain sent by TypeScript`, async (t) => {
    const fleet = await startBoth(t, line);
    const parts = ["py", "ts", "py"].map((queue, n) =>
      signature("tasks.add", n === 0 ? [1, 2] : [10 ** n], {}, { queue }),
    );
    t.is(await fleet.app.apply(chain(parts)).then((result) => result.get(120_000)), 113);
  });

  for (const last of ["py", "ts"]) {
    test.serial(
      `${line} Celery: a mixed chord that ends in ${last} gets ordered results and leaves no keys`,
      async (t) => {
        const fleet = await startBoth(t, line);
        const code = `
        def seconds(queue):
            return 0.7 if queue == last else 0
        header = [sleep.s(seconds(queue), queue).set(queue=queue) for queue in ("py", "ts")]
        return chord(header, echo.s().set(queue=body)).apply_async().get(timeout=120)
      `;
        for (const body of ["py", "ts"])
          t.deepEqual(await fleet.python.run(code, { last, body }), ["py", "ts"]);
        await noGroupKeys(fleet);
        const parts = ["py", "ts"].map((queue) =>
          signature("tasks.sleep", [queue === last ? 0.7 : 0, queue], {}, { queue }),
        );
        const result = await fleet.app.apply(chord(parts, signature("tasks.echo", [], {}, { queue: "py" })));
        t.deepEqual(await result.get(120_000), ["py", "ts"]);
        await noGroupKeys(fleet);
      },
    );

    test.serial(
      `${line} Celery: a failed TypeScript part fails the chord and calls the errback (${last} last)`,
      async (t) => {
        const fleet = await startBoth(t, line);
        const code = `
        first, second = (0, 0.7) if last == "ts" else (0.7, 0)
        header = [sleep.s(first, 1).set(queue="py"), fail_after.s(second, "part").set(queue="ts")]
        body = tsum.s().set(queue="py").on_error(errback.s().set(queue="py"))
        result = chord(header, body).apply_async()
        try:
            return AsyncResult(result.id).get(timeout=120)
        except Exception as error:
            return [result.id, result.parent.results[1].id, result.state, type(error).__name__, str(error)]
      `;
        const [id, partId, ...rest] = await fleet.python.run<string[]>(code, { last });
        const why = `Dependency ${partId} raised ValueError('part')`;
        t.deepEqual(rest, ["FAILURE", "ChordError", why]);
        t.deepEqual(await fleet.notes("errbacks", 1), [{ id }]);
      },
    );

    test.serial(
      `${line} Celery: a part killed right after it was counted completes the chord once (${last} last)`,
      async (t) => {
        const fleet = await startFleet(t, line, { visibilityTimeoutSeconds: 2 });
        const start = () => fleet.typeScriptWorker({}, { diesAfterChordPart: true });
        let [ours] = last === "py" ? [await start()] : [];
        const id = await fleet.python.run<string>(`
        header = [add.s(1, 1).set(queue="ts"), add.s(20, 20).set(queue="py")]
        return chord(header, collect.s().set(queue="py")).apply_async().id
      `);
        if (ours === undefined) {
          await fleet.pythonWorker();
          const [, part] = await until("Python's part", 120_000, async () => {
            const found = await fleet.store.keys(`${fleet.app.backend.resultKey("")}*`);
            return found.length > 0 ? ["", found[0]!] : undefined;
          });
          t.truthy(part);
          ours = await start();
        }
        t.is(await ours.waitForEnd(), "SIGKILL");
        await fleet.typeScriptWorker();
        if (last === "py") {
          await fleet.nothingUnacknowledged();
          await fleet.pythonWorker();
        }
        t.is((await fleet.ended(id)).result, 42);
        await fleet.nothingUnacknowledged();
        t.deepEqual(await fleet.notes("collected", 1), [[2, 40]]);
        await noGroupKeys(fleet);
      },
    );
  }

  for (const [first, second] of [
    ["py", "ts"],
    ["ts", "py"],
  ] as const) {
    const name = `a chord part counted by ${first} is not counted again when ${second} repeats it`;
    test.serial(`${line} Celery: ${name}`, async (t) => {
      const fleet = await startFleet(t, line);
      const send = `
        header = [sleep.s(0, 2).set(queue=first), sleep.s(0, 40).set(queue="later")]
        return chord(header, collect.s().set(queue="py")).apply_async().id
      `;
      const id = await fleet.python.run<string>(send, { first });
      const [part] = await fleet.store.lrange(first, 0, -1);
      const [later] = await fleet.store.lrange("later", 0, -1);
      await Promise.all([fleet.pythonWorker(), fleet.typeScriptWorker()]);
      const { id: partId } = JSON.parse(part!).headers as { id: string };
      await fleet.ended(partId);
      await fleet.nothingUnacknowledged();
      await fleet.store.del(fleet.app.backend.resultKey(partId));
      await fleet.store.rpush(second, part!);
      await fleet.ended(partId);
      await fleet.nothingUnacknowledged();
      t.is(await fleet.stored(id), undefined);
      await fleet.store.rpush(second, later!);
      t.is((await fleet.ended(id)).result, 42);
      t.deepEqual(await fleet.notes("collected", 1), [[2, 40]]);
    });
  }

  test.serial(
    `${line} Celery: a task, a group, a sum and another task run as a chain from either client`,
    async (t) => {
      const fleet = await startBoth(t, line);
      const code = `
      a, b, c, d, e = queues
      flow = (add.s(1, 1).set(queue=a) | group(add.s(1).set(queue=b), add.s(2).set(queue=c))
              | tsum.s().set(queue=d) | add.s(100).set(queue=e))
      return flow.apply_async().get(timeout=120)
    `;
      const paths = [
        ["ts", "py", "ts", "py", "ts"],
        ["ts", "ts", "ts", "ts", "py"],
        ["py", "ts", "py", "ts", "py"],
      ];
      for (const queues of paths) {
        t.is(await fleet.python.run(code, { queues }), 107, queues.join());
        const add = (args: unknown[], n: number) => signature("tasks.add", args, {}, { queue: queues[n] });
        const flow = chain([
          add([1, 1], 0),
          group([add([1], 1), add([2], 2)]),
          signature("tasks.tsum", [], {}, { queue: queues[3] }),
          add([100], 4),
        ]);
        t.is(await fleet.app.apply(flow).then((result) => result.get(120_000)), 107, `ours ${queues.join()}`);
      }
      await noGroupKeys(fleet);
    },
  );

  test.serial(`${line} Celery: callbacks and errbacks run across languages`, async (t) => {
    const fleet = await startBoth(t, line);
    const [linked, failed] = await fleet.python.run<[string, string]>(`
      callback = add.s(10).set(queue="py", task_id="callback")
      linked = add.apply_async((1, 2), queue="ts", link=callback)
      failed = fail.apply_async(("bad",), queue="ts", link_error=errback.s().set(queue="py"))
      return [linked.id, failed.id]
    `);
    t.like(await fleet.ended("callback"), { result: 13, parent_id: linked });
    t.deepEqual(await fleet.notes("errbacks", 1), [{ id: failed }]);
    const own = await fleet.app.send(
      "tasks.fail",
      ["bad"],
      {},
      {
        queue: "py",
        linkError: [signature("tasks.errback", [], {}, { queue: "ts" })],
      },
    );
    t.deepEqual((await fleet.notes<{ id: string }>("errbacks", 2))[1], { id: own.taskId });
  });

  test.serial(`${line} Celery: a chain stops at a failed TypeScript task`, async (t) => {
    const fleet = await startBoth(t, line);
    const states = await fleet.python.run(`
      result = chain(fail.s("bad").set(queue="ts"), add.s(1).set(queue="py")).apply_async()
      try:
          AsyncResult(result.id).get(timeout=120)
      except ValueError as error:
          return [result.parent.state, result.state, str(error)]
    `);
    t.deepEqual(states, ["FAILURE", "FAILURE", "bad"]);
  });
}
