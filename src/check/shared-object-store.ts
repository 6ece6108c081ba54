import type { Readable } from "node:stream";
import { Client } from "minio";
import { CheckFailed, expectThat } from "./expectations.js";

export interface TemporaryCredentials {
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
  readonly SessionToken: string;
  readonly Expiration: string;
}

/** The location of an object in an object store, as the API returns it. */
export interface ObjectPlace {
  readonly endpoint: string;
  readonly secure: boolean;
  readonly bucket: string;
  readonly path: string;
}

/** An object store, accessed as clients do: with the address and credentials that the service has issued. */
export class SharedObjectStore {
  readonly #client: Client;

  constructor(
    credentials: TemporaryCredentials,
    readonly place: ObjectPlace,
  ) {
    for (const key of ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"] as const) {
      expectThat(typeof credentials?.[key] === "string", `credentials: expected a string as ${key}`);
    }
    expectThat(Date.parse(credentials.Expiration) > Date.now(), "credentials: expected ones that last");
    for (const key of ["endpoint", "bucket", "path"] as const) {
      expectThat(typeof place?.[key] === "string", `the place of an object: expected a string as ${key}`);
    }
    const url = new URL(`${place.secure ? "https" : "http"}://${place.endpoint}`);
    this.#client = new Client({
      endPoint: url.hostname,
      ...(url.port === "" ? {} : { port: Number(url.port) }),
      useSSL: place.secure,
      accessKey: credentials.AccessKeyId,
      secretKey: credentials.SecretAccessKey,
      sessionToken: credentials.SessionToken,
      region: regionOf(url.hostname),
    });
  }

  /** Stores an object below the place; returns its reference for an upload. */
  async put(name: string, content: string | Uint8Array, metadata: Readonly<Record<string, string>> = {}) {
    const { bucket, path } = this.place;
    const buffer = Buffer.from(content);
    await this.#do("put", () =>
      this.#client.putObject(bucket, `${path}/${name}`, buffer, buffer.byteLength, { ...metadata }),
    );
    return { file: { bucket, path: `${path}/${name}` } };
  }

  /** Whether the store refuses an object elsewhere in the bucket. */
  async refuses(path: string): Promise<boolean> {
    try {
      await this.#client.putObject(this.place.bucket, path, Buffer.from("not to be stored"));
      return false;
    } catch (error) {
      return codeOf(error) === "AccessDenied";
    }
  }

  /** The object at the place. */
  async get(): Promise<Uint8Array> {
    const { bucket, path } = this.place;
    return this.#do("get", async () => {
      const parts: Buffer[] = [];
      const stream: Readable = await this.#client.getObject(bucket, path);
      for await (const part of stream) parts.push(part as Buffer);
      return Buffer.concat(parts);
    });
  }

  /** The client's messages may contain its keys, so only the error's code is shown. */
  async #do<Result>(what: "put" | "get", work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      throw new CheckFailed(`the object store at ${this.place.endpoint} does not ${what}: ${codeOf(error)}`);
    }
  }
}

/** Credentials that only allow storing objects cannot query the region. MinIO has just this one. */
function regionOf(host: string): string {
  return /(?:^|\.)s3[.-]([a-z0-9-]+)\.amazonaws\.com$/.exec(host)?.[1] ?? "us-east-1";
}

function codeOf(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: unknown };
  return typeof code === "string" ? code : typeof name === "string" ? name : "it failed";
}
