import http from "node:http";
import https from "node:https";

/** After this long without a byte from or to the server, in milliseconds, a request has failed. */
const SILENCE_TIMEOUT_MS = 60_000;

/** How the client sends requests: as Node does, but none waits for ever. */
export function transport(secure: boolean): Pick<typeof http, "request"> {
  const { request } = secure ? https : http;
  return {
    request(options: http.RequestOptions, onResponse: (response: http.IncomingMessage) => void) {
      const sent = request({ ...options, timeout: SILENCE_TIMEOUT_MS }, onResponse);
      sent.on("timeout", () => {
        const message = `no answer from the object store within ${SILENCE_TIMEOUT_MS} ms`;
        sent.destroy(Object.assign(new Error(message), { code: "ETIMEDOUT" }));
      });
      return sent;
    },
  } as Pick<typeof http, "request">;
}
