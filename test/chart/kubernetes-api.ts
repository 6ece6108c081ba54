import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { discover, KINDS } from "./kubernetes-discovery.js";
import type { Manifest } from "./manifests.js";
import { readSecretMessage } from "./secret-message.js";

type Stored = Manifest & Record<string, unknown>;

/** A change made by a client. */
export interface Change {
  readonly verb: "create" | "change" | "replace" | "delete";
  readonly kind: string;
  readonly name: string;
}

/**
 * As much of a cluster's API as Helm needs to install, upgrade, test, roll back and uninstall. It stores objects and
 * records the changes to them, in order. Nothing is checked, defaulted or run; jobs and test pods succeed at once,
 * unless they are named in `failing`. Lists in a patch replace the old ones, although Kubernetes would merge some.
 */
export class KubernetesApi {
  readonly changes: Change[] = [];
  /** Names of the jobs and pods that fail. */
  readonly failing = new Set<string>();
  readonly #objects = new Map<string, Stored>();
  readonly #server: Server;
  #version = 1;

  constructor() {
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** The configuration for clients. */
  get kubeconfig(): string {
    const { port } = this.#server.address() as AddressInfo;
    return JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "only",
      contexts: [{ name: "only", context: { cluster: "only", user: "only" } }],
      clusters: [{ name: "only", cluster: { server: `http://127.0.0.1:${port}` } }],
      users: [{ name: "only", user: {} }],
    });
  }

  find(kind: string, name: string): Manifest | undefined {
    return [...this.#objects.values()].find((one) => one.kind === kind && one.metadata.name === name);
  }

  /** All stored objects except Helm's release records. */
  get objects(): Manifest[] {
    return [...this.#objects.values()].filter(({ type }) => type !== "helm.sh/release.v1");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<unknown> {
    const url = new URL(request.url ?? "/", "http://localhost");
    const body = bodyOf(request, await buffer(request));
    const found = discover(url.pathname);
    if (found !== undefined) {
      send(response, 200, found);
      return;
    }
    const path = /^\/(?:api|apis\/([^/]+))\/(v\d+)\/namespaces\/([^/]+)\/([a-z]+)(?:\/([^/]+))?$/.exec(
      url.pathname,
    );
    const [, group, version, , resource = "", name] = path ?? [];
    const groupVersion = group === undefined ? version : `${group}/${version}`;
    const kind = KINDS[groupVersion ?? ""]?.[resource];
    if (kind === undefined || groupVersion === undefined) return fail(response, 404, "NotFound");
    if (request.method === "POST") return this.#create(response, kind, body as Stored);
    if (name === undefined) return this.#list(response, url.searchParams, kind, groupVersion);
    const key = `${kind}/${name}`;
    const stored = this.#objects.get(key);
    if (stored === undefined) return fail(response, 404, "NotFound");
    if (request.method === "GET") return send(response, 200, stored);
    if (request.method === "DELETE") {
      this.#objects.delete(key);
      this.#note("delete", kind, name);
      return send(response, 200, { kind: "Status", apiVersion: "v1", status: "Success" });
    }
    const changed = request.method === "PUT" ? body : merge(stored, body);
    this.#note(request.method === "PUT" ? "replace" : "change", kind, name);
    return send(response, 200, this.#store(kind, changed as Stored));
  }

  #create(response: ServerResponse, kind: string, object: Stored): ServerResponse {
    const { name } = object.metadata;
    if (this.#objects.has(`${kind}/${name}`)) return fail(response, 409, "AlreadyExists");
    this.#note("create", kind, name);
    return send(response, 201, this.#store(kind, { ...object, ...this.#statusOf(kind, name) }));
  }

  #statusOf(kind: string, name: string): object {
    const hasFailed = this.failing.has(name);
    if (kind === "Job") {
      return {
        status: { conditions: [{ type: hasFailed ? "Failed" : "Complete", status: "True", reason: "Test" }] },
      };
    }
    return kind === "Pod" ? { status: { phase: hasFailed ? "Failed" : "Succeeded" } } : {};
  }

  #store(kind: string, object: Stored): Stored {
    const resourceVersion = String(++this.#version);
    const stored = {
      ...object,
      kind,
      metadata: { ...object.metadata, resourceVersion, uid: resourceVersion },
    };
    this.#objects.set(`${kind}/${object.metadata.name}`, stored);
    return stored;
  }

  #note(verb: Change["verb"], kind: string, name: string): void {
    if (!name.startsWith("sh.helm.release.")) this.changes.push({ verb, kind, name });
  }

  #list(response: ServerResponse, query: URLSearchParams, kind: string, apiVersion: string): ServerResponse {
    const labels = pairsOf(query.get("labelSelector"));
    const name = pairsOf(query.get("fieldSelector"))["metadata.name"];
    const items = [...this.#objects.values()].filter(
      (one) =>
        one.kind === kind &&
        (name === undefined || one.metadata.name === name) &&
        Object.entries(labels).every(([label, value]) => one.metadata.labels?.[label] === value),
    );
    const resourceVersion = String(this.#version);
    if (query.get("watch") === null) {
      return send(response, 200, { kind: `${kind}List`, apiVersion, metadata: { resourceVersion }, items });
    }
    // The watch returns the current objects; later changes are not sent.
    response.writeHead(200, { "Content-Type": "application/json" });
    for (const object of items) response.write(`${JSON.stringify({ type: "ADDED", object })}\n`);
    const annotations = { "k8s.io/initial-events-end": "true" };
    const object = { kind, apiVersion, metadata: { resourceVersion, annotations } };
    response.write(`${JSON.stringify({ type: "BOOKMARK", object })}\n`);
    return response;
  }
}

function bodyOf({ headers, method }: IncomingMessage, bytes: Buffer): unknown {
  if (bytes.length === 0 || method === "DELETE") return undefined;
  return headers["content-type"]?.includes("protobuf") ? readSecretMessage(bytes) : JSON.parse(String(bytes));
}

/** `a=b,c=d` */
function pairsOf(selector: string | null): Record<string, string> {
  const pairs = (selector ?? "").split(",").filter((pair) => pair !== "");
  return Object.fromEntries(pairs.map((pair) => pair.split("=") as [string, string]));
}

function merge(old: unknown, patch: unknown): unknown {
  if (patch === null || typeof patch !== "object" || Array.isArray(patch)) return patch;
  const merged: Record<string, unknown> = { ...(old as Record<string, unknown> | undefined) };
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith("$")) continue; // directives for merging lists
    if (value === null) delete merged[key];
    else merged[key] = merge(merged[key], value);
  }
  return merged;
}

function send(response: ServerResponse, status: number, body: object): ServerResponse {
  return response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
}

function fail(response: ServerResponse, code: number, reason: string): ServerResponse {
  const status = { kind: "Status", apiVersion: "v1", status: "Failure", reason, message: reason, code };
  return send(response, code, status);
}
