import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";

const TYPES: Record<string, string> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
};

/** Flags for a container without a desktop, and without calls to the outside. */
const FLAGS = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...[
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
  ],
];

/** How long a page may take, in milliseconds. */
const PAGE_TIMEOUT_MS = 120_000;

/**
 * Serves a folder on a free loopback port, opens `page` in Chromium and returns the JSON that the page posts to
 * `/result`. Ends the browser and the server in any case.
 */
export async function runPage(
  folder: string,
  page: string,
  headers: Record<string, string>,
): Promise<unknown> {
  let server: Server | undefined;
  let browser: ChildProcess | undefined;
  const profile = mkdtempSync(join(tmpdir(), "chromium-"));
  try {
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no result from ${page}`)), PAGE_TIMEOUT_MS);
      timer.unref();
      server = createServer((request, response) => {
        if (request.method === "POST") {
          const chunks: Buffer[] = [];
          request.on("data", (chunk: Buffer) => chunks.push(chunk));
          request.on("end", () => {
            response.end();
            resolve(JSON.parse(Buffer.concat(chunks).toString()));
          });
          return;
        }
        const path = normalize(new URL(request.url!, "http://page").pathname);
        try {
          const content = readFileSync(join(folder, path));
          response.writeHead(200, {
            "content-type": TYPES[extname(path)] ?? "application/octet-stream",
            ...headers,
          });
          response.end(content);
        } catch {
          response.writeHead(404).end();
        }
      });
      server.listen(0, "127.0.0.1", () => {
        const { port } = server!.address() as AddressInfo;
        browser = spawn(
          "chromium",
          [...FLAGS, `--user-data-dir=${profile}`, `http://127.0.0.1:${port}/${page}`],
          {
            stdio: "ignore",
            detached: true, // a group of its own, so that its helpers end with it
          },
        );
        browser.on("error", reject);
      });
    });
  } finally {
    if (browser?.pid !== undefined) {
      const ended = new Promise((resolve) => browser!.on("exit", resolve));
      process.kill(-browser.pid, "SIGKILL");
      await ended;
    }
    server?.closeAllConnections();
    server?.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
