import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import test from "ava";
import Koa from "koa";
import { answerProblems } from "../../../src/service/answer-problems.js";
import type { Call } from "../../../src/service/call.js";
import { HttpServer } from "../../../src/service/http-server.js";
import { createLog } from "../../../src/service/log.js";
import { HttpProblem } from "../../../src/service/problem.js";
import { checkUploadHeaders, uploadBody } from "../../../src/service/upload-body.js";
import { until } from "../../celery/until.js";

const MAX = 10_000;

/** A server that reads bodies to the end, except on `/early` and `/refused`, and answers with their length. */
async function start(idleMs = 5000) {
  const seen: unknown[] = [];
  let requestCount = 0;
  const app = new Koa();
  app.on("error", () => {}); // from clients that have disconnected
  app.use(async (ctx, next) => {
    ctx.state["log"] = createLog("silent");
    await next();
  });
  app.use(answerProblems as unknown as Koa.Middleware);
  app.use(async (ctx) => {
    requestCount++;
    if (ctx.path === "/refused") throw new HttpProblem(403, "refused");
    checkUploadHeaders(ctx as unknown as Call, MAX);
    let length = 0;
    try {
      const body = uploadBody(ctx as unknown as Call, { maxByteLength: MAX, idleMs, onBytes: () => {} });
      for await (const chunk of body) {
        length += chunk.length;
        if (ctx.path === "/early") throw new HttpProblem(400, "no more");
      }
    } catch (error) {
      seen.push(error);
      throw error;
    }
    ctx.body = String(length);
  });
  const server = new HttpServer(app.callback());
  await server.listen(0, "127.0.0.1");
  return { url: server.url, seen, requestCount: () => requestCount, close: () => server.close(500) };
}

test("reads plain and gzip-compressed bodies up to the limit", async (t) => {
  const server = await start();
  t.teardown(() => server.close());
  const post = async (body: Uint8Array<ArrayBuffer>, headers = {}) => {
    const answer = await fetch(server.url, { method: "POST", body, headers });
    return [answer.status, await answer.text()];
  };
  const bytes = new Uint8Array(MAX).fill(65);
  t.deepEqual(await post(bytes), [200, String(MAX)]);
  t.deepEqual(await post(new Uint8Array(0)), [200, "0"]);
  const gzip = { "Content-Encoding": "gzip" };
  t.deepEqual(await post(new Uint8Array(gzipSync(bytes)), gzip), [200, String(MAX)]);
  t.is((await post(new Uint8Array(gzipSync(new Uint8Array(MAX + 1))), gzip))[0], 413);
  t.is((await post(new Uint8Array(gzipSync(bytes).subarray(0, 20)), gzip))[0], 400);
  t.is((await post(bytes, gzip))[0], 400);
  t.is((await post(bytes, { "Content-Encoding": "br" }))[0], 415);
  t.is((await post(new Uint8Array(MAX + 1)))[0], 413);
});

test("a rejected upload gets its response, and the connection stays usable", async (t) => {
  const server = await start();
  t.teardown(() => server.close());
  // Node's own client waits forever if an answer comes before the end of its body.
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  t.teardown(() => socket.destroy());
  let text = "";
  socket.on("data", (chunk) => (text += chunk));
  const chunk = Buffer.concat([Buffer.from("1000\r\n"), Buffer.alloc(4096), Buffer.from("\r\n")]);
  for (const [path, status] of [
    ["/early", 400],
    ["/refused", 403],
    ["/", 413],
    ["/early", 400],
  ] as const) {
    text = "";
    socket.write(`POST ${path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`);
    // More than fits into the buffers in between.
    for (let n = 0; n < 4000; n++) if (!socket.write(chunk)) await once(socket, "drain");
    socket.write("0\r\n\r\n");
    await until("the answer", 120_000, () => text.includes("}") || undefined);
    t.is(text.slice(0, 12), `HTTP/1.1 ${status}`);
  }
});

test("a client that stops sending gets 408 and is disconnected", async (t) => {
  const server = await start(200);
  t.teardown(() => server.close());
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  socket.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n12345");
  let text = "";
  socket.on("data", (chunk) => (text += chunk));
  await once(socket, "close");
  t.regex(text, /^HTTP\/1.1 408 /);
  t.like(server.seen[0], { status: 408 });
});

test("a client that disconnects ends the read with an error", async (t) => {
  const server = await start();
  t.teardown(() => server.close());
  for (const gzip of ["", "Content-Encoding: gzip\r\n"]) {
    const before = server.seen.length;
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    socket.on("error", () => {});
    socket.write(`POST / HTTP/1.1\r\nHost: a\r\n${gzip}Content-Length: 100\r\n\r\n`);
    socket.write(gzipSync("hello").subarray(0, 12));
    await until("the request", 120_000, () => server.requestCount() > before || undefined);
    socket.destroy();
    await until("the error", 120_000, () => server.seen.length > before || undefined);
    t.is(server.seen.length, before + 1);
    t.true(server.seen.at(-1) instanceof Error);
  }
});

test("a client that expects 100-continue gets it", async (t) => {
  const server = await start();
  t.teardown(() => server.close());
  const sent = request(server.url, {
    method: "POST",
    headers: { Expect: "100-continue", "Content-Length": "5" },
  });
  sent.flushHeaders();
  await once(sent, "continue");
  sent.end("12345");
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  t.is(answer.statusCode, 200);
  t.is(answer.headers.connection, "keep-alive");
  answer.resume();
});
