import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";

const TYPES: Record<string, string> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
};

/** Flags for a container without a desktop; no requests to outside hosts. */
const FLAGS = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
  "--disable-dev-shm-usage",
];

/** How long a page may take, in milliseconds. */
const PAGE_TIMEOUT_MS = 120_000;

/**
 * Serves a folder on a free loopback port, opens `page` in Chromium and returns the JSON that the page posts first.
 * Always stops the browser and the server, and removes the browser's profile.
 *
 * @param program the browser to start
 */
export async function runPage(
  folder: string,
  page: string,
  headers: Record<string, string>,
  program = "chromium",
): Promise<unknown> {
  let receive: (result: unknown) => void;
  const result = new Promise((resolve) => {
    receive = resolve;
  });
  const server = createServer((request, response) => {
    if (request.method === "POST") {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        response.end();
        receive(JSON.parse(Buffer.concat(chunks).toString()));
      });
      return;
    }
    const path = normalize(new URL(request.url!, "http://page").pathname);
    try {
      const content = readFileSync(join(folder, path));
      const type = TYPES[extname(path)] ?? "application/octet-stream";
      response.writeHead(200, { "content-type": type, ...headers }).end(content);
    } catch {
      response.writeHead(404).end();
    }
  });
  const profile = mkdtempSync(join(tmpdir(), "chromium-"));
  let browser: ChildProcess | undefined;
  let timer: NodeJS.Timeout | undefined;
  try {
    await once(server.listen(0, "127.0.0.1"), "listening");
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/${page}`;
    browser = spawn(program, [...FLAGS, `--user-data-dir=${profile}`, address], {
      stdio: ["ignore", "ignore", "pipe"],
      detached: true, // in its own process group, so that its helpers are killed with it
    });
    let complaints = "";
    browser.stderr!.on("data", (chunk) => (complaints = (complaints + chunk).slice(-2000)));
    const failure = new Promise<never>((_, reject) => {
      const fail = (reason: string) => reject(new Error(`${page}: ${reason}\n${complaints}`));
      browser!.on("error", (error) => fail(error.message));
      browser!.on("close", (code, signal) => fail(`${program} ended by itself (${code ?? signal})`));
      timer = setTimeout(() => fail(`no result within ${PAGE_TIMEOUT_MS} ms`), PAGE_TIMEOUT_MS);
    });
    return await Promise.race([result, failure]);
  } finally {
    clearTimeout(timer);
    if (browser !== undefined) await end(browser);
    server.close();
    server.closeAllConnections();
    rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

/** Kills a browser and its helpers, if it is running. */
async function end(browser: ChildProcess): Promise<void> {
  if (browser.pid === undefined) return;
  const isRunning = browser.exitCode === null && browser.signalCode === null;
  const ended = isRunning ? once(browser, "exit") : undefined;
  try {
    process.kill(-browser.pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
  await ended;
}
