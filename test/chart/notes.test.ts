import test from "ava";
import { notesOf } from "./notes.js";
import { FULL_NAME, RELEASE, render } from "./rendered-chart.js";
import { RENDERING_NAMES, rendering, VALUES } from "./renderings.js";

test("the notes show the next steps", (t) => {
  const notes = notesOf();
  t.regex(notes, /is installed as release linkage in namespace records/);
  t.true(notes.includes(`helm test ${RELEASE} --namespace records`));
  t.true(notes.includes(`port-forward service/${FULL_NAME}-api 8851:8851`));
  t.regex(notesOf({}, { args: ["--is-upgrade"] }), /is upgraded as release linkage/);
});

test("objects named in the notes exist", (t) => {
  for (const name of RENDERING_NAMES) {
    if (name === "minimal") continue;
    const chart = rendering(name);
    const notes = notesOf(VALUES[name]);
    const named = [...notes.matchAll(/(service|deployment|secret)[/ ]([a-z0-9-]+)/g)];
    t.true(named.length >= 2, name);
    for (const [, kind = "", object = ""] of named) {
      if (object === "of-our-own") continue;
      const manifest = chart.manifests.find(
        (one) => one.kind.toLowerCase() === kind && one.metadata.name === object,
      );
      t.truthy(manifest, `${name}: ${kind} ${object}`);
    }
    t.notRegex(notes, /<no value>|%!|map\[/);
    for (const password of name === "everything-on" ? Object.values(chart.credentials) : []) {
      if (password !== "monitor") t.false(notes.includes(password));
    }
  }
});

test("the notes show the address of an ingress, a node or a load balancer", (t) => {
  const ingress = { domain: "linkage.example.org", ingress: { enabled: true } };
  t.regex(notesOf({ api: ingress }), /curl https:\/\/linkage\.example\.org\/api\/v1\/status/);
  t.regex(notesOf({ api: { service: { type: "NodePort" } } }), /nodePort/);
  t.regex(notesOf({ api: { service: { type: "LoadBalancer" } } }), /EXTERNAL-IP/);
  const watched = { workers: { monitor: { enabled: true, ingress: { enabled: true } } }, api: ingress };
  t.regex(notesOf(watched), /https:\/\/linkage\.example\.org\/monitor/);
});

test("the notes warn about incomplete or risky settings", (t) => {
  t.regex(notesOf({ api: { domain: "linkage.example.org" } }), /no ingress routes linkage\.example\.org/);
  t.regex(notesOf({ workers: { celery: { ACKS_LATE: false } } }), /ACKS_LATE is false/);
  t.regex(notesOf(), /Clients outside the cluster cannot upload files/);
  t.notRegex(notesOf({ uploadObjectStore: { enabled: false } }), /cannot upload files/);
  t.is(
    render({ uploadObjectStore: { enabled: false } }).get("ConfigMap", `${FULL_NAME}-settings`).data?.[
      "UPLOAD_OBJECT_STORE_ENABLED"
    ],
    "false",
  );
});
