import http from "node:http";
import https from "node:https";

/** A request fails after this long without a byte from or to the server, in milliseconds. */
const SILENCE_TIMEOUT_MS = 20_000;

/** Sends the client's requests like Node does, but with a timeout. */
export function transport(secure: boolean, timeoutMs = SILENCE_TIMEOUT_MS): Pick<typeof http, "request"> {
  const { request } = secure ? https : http;
  return {
    request(options: http.RequestOptions, onResponse: (response: http.IncomingMessage) => void) {
      let answer: http.IncomingMessage | undefined;
      const sent = request({ ...options, timeout: timeoutMs }, (response) => {
        answer = response;
        onResponse(response);
      });
      sent.on("timeout", () => {
        // Received data is unread: the reader is slow, the server is not silent.
        if (answer !== undefined && answer.readableLength > 0) {
          sent.setTimeout(timeoutMs);
          return;
        }
        const message = `No answer from the object store within ${timeoutMs} ms.`;
        sent.destroy(Object.assign(new Error(message), { code: "ETIMEDOUT" }));
      });
      return sent;
    },
  } as Pick<typeof http, "request">;
}
