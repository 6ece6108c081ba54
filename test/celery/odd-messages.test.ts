import { setTimeout as pause } from "node:timers/promises";
import test from "ava";
import { type Fleet, type StoredResult, startFleet } from "./fleet.js";
import { PYTHON_LINES, type PythonError } from "./python-celery.js";
import { nestedArrays, type RawMessage, rawMessage } from "./raw-message.js";
import { until } from "./until.js";

const EMOJI = "😀".repeat(3000);

/** Puts messages into the queue `ts`; resolves with the stored results of their tasks. */
async function ends(
  fleet: Fleet,
  messages: readonly [task: string, message: RawMessage][],
): Promise<StoredResult[]> {
  const sent = messages.map(([task, message]) => rawMessage(task, "ts", message));
  for (const { raw } of sent) await fleet.store.lpush("ts", raw);
  return Promise.all(sent.map(({ id }) => fleet.ended(id)));
}

function errorOf({ status, result }: StoredResult): string {
  const { exc_type: type, exc_module: module } = result as { exc_type?: string; exc_module?: string };
  return `${status} ${module}.${type}`;
}

for (const line of PYTHON_LINES) {
  test.serial(
    `${line} Celery: emoji, lone surrogates and deeply nested headers do not lose tasks`,
    async (t) => {
      const fleet = await startFleet(t, line);
      const worker = await fleet.typeScriptWorker();
      for (const text of [EMOJI, `a${EMOJI}`, `aa${EMOJI}`]) {
        t.is(await (await fleet.app.send("tasks.echo", [text], {}, { queue: "ts" })).get(120_000), text);
        const argsrepr = `${text}\ud83d`;
        const [end] = await ends(fleet, [["tasks.echo", { headers: { argsrepr }, body: [[text]] }]]);
        t.is(end!.result, text);
      }
      t.is(
        await fleet.python.run(`return repr(echo.apply_async(("a\\ud800",), queue="ts").get(timeout=120))`),
        "'a\\ud800'",
      );
      const stamped = await ends(
        fleet,
        [1100, 4000].map((depth) => [
          "tasks.add",
          { headers: { extra: nestedArrays(depth) }, body: [[1, 2]] },
        ]),
      );
      t.deepEqual(
        stamped.map(({ result }) => result),
        [3, 3],
      );
      await fleet.nothingUnacknowledged();
      t.is(await fleet.store.exists("ts.rejected"), 0);
      t.notRegex(worker.output, /rejected/);
    },
  );

  test.serial(`${line} Celery: a missing result is null, in every canvas`, async (t) => {
    const fleet = await startFleet(t, line);
    await fleet.typeScriptWorker({ concurrency: 2 });
    const python = (code: string) =>
      fleet.python.run(`
        nothing = lambda name="ts.nothing": signature(name, queue="ts")
        show = lambda: signature("tasks.echo", queue="ts")
        return ${code}.get(timeout=120)
      `);
    t.is(await python("nothing().apply_async()"), null);
    t.is(await python(`nothing("ts.nothing_elsewhere").apply_async()`), null);
    t.is(await python("chain(nothing(), show()).apply_async()"), null);
    t.deepEqual(await python("group(nothing(), nothing()).apply_async()"), [null, null]);
    t.deepEqual(await python("chord([nothing(), nothing()], show()).apply_async()"), [null, null]);
    t.is(await (await fleet.app.send("ts.nothing", [], {}, { queue: "ts" })).get(120_000), null);
  });

  test.serial(
    `${line} Celery: results that JSON cannot represent fail with EncodeError and are acknowledged`,
    async (t) => {
      const fleet = await startFleet(t, line, { visibilityTimeoutSeconds: 2 });
      const worker = await fleet.typeScriptWorker();
      const link = {
        task: "tasks.errback",
        args: [],
        kwargs: {},
        options: { queue: "ts" },
        subtask_type: null,
        immutable: false,
      };
      const cases: [string, unknown[]][] = [
        ["ts.circular", []],
        ["ts.to_json", []],
        ["ts.nested", [5000]],
        ["ts.nested", [100_000]],
        ["ts.digits", []],
        ["ts.function_elsewhere", []],
      ];
      const failed = await ends(
        fleet,
        cases.map(([task, args]) => [task, { body: [args, {}, { errbacks: [link], callbacks: [link] }] }]),
      );
      for (const end of failed) t.is(errorOf(end), "FAILURE kombu.exceptions.EncodeError");
      t.is((await fleet.notes("errbacks", cases.length)).length, cases.length);
      const [deep, circular, odd, never] = await ends(fleet, [
        ["ts.nested", { body: [[900]] }],
        ["ts.fail_circular", {}],
        ["ts.throw_odd", {}],
        ["ts.retry_never", {}],
      ]);
      t.is(deep!.status, "SUCCESS");
      t.like(circular!.result, { exc_type: "ValueError", exc_module: "builtins" });
      t.is((circular!.result as { exc_message: string[] }).exc_message[0], "bad");
      t.is(errorOf(odd!), "FAILURE builtins.Exception");
      t.is(errorOf(never!), "FAILURE builtins.ValueError");
      const body = await fleet.python.run<string>(`
      part = lambda name: signature(name, queue="ts")
      return chord([part("ts.nothing"), part("ts.circular")], signature("tasks.echo", queue="ts")).apply_async().id
    `);
      t.is(errorOf(await fleet.ended(body)), "FAILURE celery.exceptions.ChordError");
      await fleet.nothingUnacknowledged();
      await pause(3000); // longer than the visibility timeout: nothing is redelivered
      t.is(await fleet.store.llen("ts"), 0);
      t.notRegex(worker.output, /not stored|not settled/);
    },
  );

  test.serial(
    `${line} Celery: malformed messages fail with a clear error, are logged and acknowledged`,
    async (t) => {
      const fleet = await startFleet(t, line);
      const worker = await fleet.typeScriptWorker();
      const good = { task: "tasks.add", args: [], kwargs: {}, options: {} };
      const embeds: unknown[] = [
        5,
        ...["callbacks", "errbacks", "chain"].flatMap((name) => [
          { [name]: 5 },
          { [name]: [5] },
          { [name]: [null] },
          { [name]: [{}] },
          { [name]: [{ ...good, options: { link: [7] } }] },
        ]),
        { chord: 5 },
        { chord: { ...good, options: null } },
        { chord: { ...good, task: "celery.chord", subtask_type: "chord" } },
      ];
      const malformed: RawMessage[] = [
        ...embeds.map((embed) => ({
          body: JSON.stringify([[1, 2], {}, embed]),
          headers: { group: "g", group_index: 0 },
        })),
        { body: "[[1, 2], [], null]" },
        { body: '{"a": 1}' },
        { body: "5" },
        ...Object.entries({ timelimit: 5, eta: "soon", expires: 5, retries: "x", group: 5, root_id: {} }).map(
          ([name, value]) => ({ headers: { [name]: value }, body: [[1, 2]] }),
        ),
      ];
      const unreadable: RawMessage[] = [
        { body: "[[1, 2], {}, " },
        { body: `[[${"1".repeat(4301)}], {}, null]` },
        { body: "[".repeat(6000) + "]".repeat(6000) },
        { envelope: { body: 5 } },
        { headers: { compression: "application/x-bz2" } },
        { headers: { compression: "application/x-lzma" } },
        { headers: { compression: "application/x-gzip" } },
        { headers: { compression: "made-up" } },
        { properties: { delivery_tag: 5 } },
        { properties: { delivery_tag: "é" } },
        { envelope: { properties: 5 } },
      ];
      const all = [...malformed, ...unreadable].map((message): [string, RawMessage] => [
        "tasks.add",
        message,
      ]);
      const failures = await ends(fleet, all);
      t.deepEqual(failures.map(errorOf), [
        ...malformed.map(() => "FAILURE celery.exceptions.InvalidTaskError"),
        ...unreadable.map(() => "FAILURE kombu.exceptions.DecodeError"),
      ]);
      for (const { result } of failures)
        t.regex((result as { exc_message: string[] }).exc_message[0]!, /^The .*\.$/);
      const texts = failures.map(({ result }) => JSON.stringify(result)).join("\n");
      t.regex(texts, /compressed with bzip2/);
      t.regex(texts, /compressed with lzma/);
      await fleet.nothingUnacknowledged();
      const rejections = worker.output.match(/^message rejected: .*$/gm) ?? [];
      t.is(rejections.length, all.length);
      for (const rejection of rejections) t.regex(rejection, /"taskId":"[-0-9a-f]{36}","task":"tasks\.add"/);
      t.is(await fleet.store.llen("ts.rejected"), 3);
      t.is(await (await fleet.app.send("tasks.add", [1, 2], {}, { queue: "ts" })).get(120_000), 3);
    },
  );

  test.serial(
    `${line} Celery: unreadable messages are set aside, logged, and fail any task they name`,
    async (t) => {
      const fleet = await startFleet(t, line);
      const { id, raw } = rawMessage("tasks.add", "ts", { body: [[1, 2]] });
      const bytes = Buffer.from(
        rawMessage("tasks.add", "ts", { body: [[1, 2]] }).raw.replace('"gen1', '"\u00fcgen1'),
        "latin1",
      );
      const notUtf8 = /"id": "([^"]+)"/.exec(bytes.toString("latin1"))![1]!;
      for (const item of [
        "not JSON",
        "5",
        "{}",
        "",
        "\u0000",
        raw.slice(0, raw.indexOf('"properties"')),
        bytes,
      ]) {
        await fleet.store.lpush("ts", item);
      }
      const worker = await fleet.typeScriptWorker();
      t.is(errorOf(await fleet.ended(id)), "FAILURE kombu.exceptions.DecodeError");
      t.is(errorOf(await fleet.ended(notUtf8)), "FAILURE kombu.exceptions.DecodeError");
      await until("all set aside", 120_000, async () =>
        (await fleet.store.llen("ts")) === 0 ? true : undefined,
      );
      await fleet.nothingUnacknowledged();
      t.is(await fleet.store.llen("ts.rejected"), 6);
      t.is((worker.output.match(/^message rejected: /gm) ?? []).length, 7);
    },
  );

  test.serial(
    `${line} Celery: a message over the size limit fails, also if only its decompressed body is`,
    async (t) => {
      const maxMessageBytes = 2 ** 20;
      const fleet = await startFleet(t, line, { app: { maxMessageBytes } });
      await fleet.typeScriptWorker();
      const [fits, large, largeAndDeep] = await ends(fleet, [
        ["tasks.echo", { body: [["x".repeat(700_000)]] }],
        ["tasks.echo", { body: [["x".repeat(2 ** 20)]] }],
        ["tasks.echo", { body: [["y"]], headers: { compression: null, padding: "x".repeat(2 ** 20) } }],
      ]);
      t.is((fits!.result as string).length, 700_000);
      for (const end of [large!, largeAndDeep!]) {
        t.is(errorOf(end), "FAILURE kombu.exceptions.DecodeError");
        t.regex(
          (end.result as { exc_message: string[] }).exc_message[0]!,
          /^The message has \d+ bytes, and this worker accepts 1048576 at most\.$/,
        );
      }
      const error = await t.throwsAsync<PythonError>(
        fleet.python.run(
          `return echo.apply_async(("x" * 2 ** 21,), queue="ts", compression="zlib").get(timeout=120)`,
        ),
      );
      t.is(error!.type, "DecodeError");
      t.regex(error!.message, /more than 1048576 bytes when it is decompressed/);
      await fleet.nothingUnacknowledged();
    },
  );

  test.serial(`${line} Celery: unusual messages held by a dead worker go back to the queue`, async (t) => {
    const fleet = await startFleet(t, line, { visibilityTimeoutSeconds: 1 });
    const { broker } = fleet.app;
    const messages: [RawMessage, unknown][] = [
      [{ headers: { argsrepr: "\ud800" }, body: [["a\ud800"]] }, "a\ud800"],
      [{ headers: { extra: nestedArrays(4000) }, body: [["b"]] }, "b"],
      [{ properties: { delivery_info: null }, body: [["c"]] }, "c"],
      [{ properties: { priority: "high" }, body: [["d"]] }, "d"],
    ];
    const sent = messages.map(([message]) => rawMessage("tasks.echo", "ts", message));
    for (const { raw } of sent) await fleet.store.lpush("ts", raw);
    await broker.registry.beat();
    for (const _ of sent) t.truthy(await broker.claim(["ts"]));
    t.is(await fleet.store.llen("ts"), 0);
    // An unreadable entry must not stop each sweep.
    await fleet.store.hset(broker.keys.unacked, "poison", "[garbage");
    await fleet.store.zadd(broker.keys.unackedIndex, 1, "poison");
    await fleet.typeScriptWorker();
    const results = await Promise.all(sent.map(({ id }) => fleet.ended(id, 60_000)));
    t.deepEqual(
      results.map(({ result }) => result),
      messages.map(([, result]) => result),
    );
    await fleet.nothingUnacknowledged();
    t.is(await fleet.store.llen("unacked.rejected"), 1);
  });
}
