import { type IncomingHttpHeaders, request } from "node:http";
import { connect } from "node:net";
import type { Problem } from "../service/client.js";

export interface Call {
  readonly method?: string;
  /** The local address that the call comes from, such as 127.0.0.2. */
  readonly from?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
  /** Sends the body in chunks, without a Content-Length. */
  readonly chunked?: boolean;
}

export interface CallAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** Sends a request on its own connection. */
export function call(url: string, options: Call = {}): Promise<CallAnswer> {
  const { method = "GET", from, headers = {}, body, chunked = false } = options;
  const length =
    body === undefined || chunked ? {} : { "Content-Length": String(Buffer.byteLength(body as string)) };
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      method,
      agent: false,
      headers: { ...length, ...headers },
      ...(from === undefined ? {} : { localAddress: from }),
    });
    let hasAnswer = false;
    sent.on("error", (error) => {
      if (!hasAnswer) reject(error); // otherwise the server closed the connection, as it may after it refuses a body
    });
    sent.on("response", (response) => {
      hasAnswer = true;
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("error", reject);
      response.on("end", () =>
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          text: Buffer.concat(parts).toString(),
        }),
      );
    });
    sent.end(body);
  });
}

/** Sends a raw request to a port of 127.0.0.1; resolves with the raw answer. */
export function callRaw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let answer = "";
    socket.setEncoding("utf8").on("data", (part: string) => {
      answer += part;
    });
    socket.on("error", reject).on("close", () => resolve(answer));
    socket.write(text);
  });
}

/** What is wrong with a gateway's problem document; `undefined` if it is valid. */
export function flawOf({ status, headers, text }: CallAnswer): string | undefined {
  if (headers["content-type"] !== "application/problem+json") return `type ${headers["content-type"]}`;
  const problem = JSON.parse(text) as Problem;
  const { type, title, detail } = problem;
  if (Object.keys(problem).join() !== "type,title,status,detail") return `members ${Object.keys(problem)}`;
  if (problem.status !== status) return `status ${problem.status} in an answer with ${status}`;
  if (type !== "about:blank" || title === "" || title === "Error" || detail === "") return text;
  return undefined;
}
