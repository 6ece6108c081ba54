import test from "ava";
import { BrokerKeys } from "../../../src/celery/broker-keys.js";
import { parseTransportOptions } from "../../../src/celery/transport-options.js";

for (const [dialect, text] of [
  [
    "JSON",
    '{"priority_steps": [0, 5], "sep": "\\u0001:", "global_keyprefix": "a:", "visibility_timeout": 60, "master_name": "m"}',
  ],
  [
    "a Python dict",
    `{'priority_steps': (0, 5), 'sep': '\\x01:', 'global_keyprefix': "a:", 'visibility_timeout': 60, 'master_name': 'm',}`,
  ],
] as const) {
  test(`parses transport options given as ${dialect}`, (t) => {
    t.deepEqual(parseTransportOptions(text), {
      prioritySteps: [0, 5],
      separator: "\x01:",
      keyPrefix: "a:",
      visibilityTimeoutSeconds: 60,
      sentinelMaster: "m",
    });
  });
}

test("accepts the visibility timeout in either setting, or the same value in both", (t) => {
  t.deepEqual(parseTransportOptions(" "), {});
  t.deepEqual(parseTransportOptions("", 5), { visibilityTimeoutSeconds: 5 });
  t.deepEqual(parseTransportOptions("{'visibility_timeout': 5}", 5), { visibilityTimeoutSeconds: 5 });
});

for (const [text, problem] of [
  ["{'queue_order_strategy': 'sorted'}", /key "queue_order_strategy" is not one of .*, master_name\.$/],
  [
    "{'visibility_timeout': 6}",
    /visibility_timeout is 6, but CELERY_VISIBILITY_TIMEOUT_SECONDS is 5: set one of them/,
  ],
  ["{'visibility_timeout': '5'}", /visibility_timeout must be a whole number of seconds/],
  ["{'priority_steps': []}", /priority_steps must be a list/],
  ["{'priority_steps': [0, 0]}", /priority_steps must be a list/],
  ["{'priority_steps': [-1]}", /priority_steps must be a list/],
  ["{'priority_steps': 3}", /priority_steps must be a list/],
  ["{'sep': ''}", /sep must be a string that is not empty/],
  ["{'sep': None}", /sep must be a string that is not empty/],
  ["{'master_name': 7}", /master_name must be a string that is not empty/],
  ["{'global_keyprefix': 7}", /global_keyprefix must be a string/],
  ["[]", /must be JSON or a Python literal/],
  ["{'sep': ", /must be JSON or a Python literal/],
] as const) {
  test(`rejects ${text} with a one-sentence error`, (t) => {
    const { message } = t.throws(() => parseTransportOptions(text, 5), { instanceOf: TypeError })!;
    t.regex(message, /^CELERY_BROKER_TRANSPORT_OPTIONS: [^\n]+$/);
    t.regex(message, problem);
  });
}

test("names keys as kombu does", (t) => {
  const keys = new BrokerKeys({ prioritySteps: [9, 0, 5], separator: ":", keyPrefix: "p:" }, 0);
  t.deepEqual(keys.queueLists("q"), ["p:q", "p:q:5", "p:q:9"]);
  t.is(keys.queue("q", 4), "p:q");
  t.is(keys.queue("q", 6), "p:q:5");
  t.is(keys.binding("q", "", "q"), "q::q");
  const withoutZero = new BrokerKeys({ prioritySteps: [2, 5] }, 0);
  t.is(withoutZero.queue("q", 0), "q\x06\x165", "bisect(steps, 0) - 1 is the last");
});
