import { connect, type Socket } from "node:net";
import type { NewProject } from "../service/client.js";

const BYTE_LENGTH = 128;

/** A party's upload whose body the test sends step by step. */
export class SlowUpload {
  /** Resolves with the answer when the server has closed the connection. */
  readonly answer: Promise<{ readonly status: number; readonly text: string }>;
  readonly #socket: Socket;
  readonly #byteLength: number;
  #sent = 0;

  /** @param from the local address that it comes from */
  constructor(port: number, project: NewProject, party: number, recordCount: number, from = "127.0.0.1") {
    this.#byteLength = recordCount * BYTE_LENGTH;
    this.#socket = connect({ port, host: "127.0.0.1", localAddress: from });
    this.#socket.on("error", () => {}); // the answer shows the outcome
    let text = "";
    this.#socket.setEncoding("utf8").on("data", (part: string) => {
      text += part;
    });
    this.answer = new Promise((resolve) => {
      this.#socket.on("close", () => resolve({ status: Number(text.split(" ")[1]), text }));
    });
    this.#socket.write(
      [
        `POST /api/v1/projects/${project.project_id}/binaryclks HTTP/1.1`,
        "Host: service",
        "Connection: close",
        `Authorization: ${project.update_tokens[party]}`,
        "Content-Type: application/octet-stream",
        `Content-Length: ${this.#byteLength}`,
        `Hash-Count: ${recordCount}`,
        `Hash-Size: ${BYTE_LENGTH}`,
        "",
        "",
      ].join("\r\n"),
    );
  }

  /** Sends `byteLength` more bytes; resolves once the system has accepted them. */
  send(byteLength: number): Promise<void> {
    this.#sent += byteLength;
    return new Promise((resolve) => this.#socket.write(Buffer.alloc(byteLength, 0x5a), () => resolve()));
  }

  /** Sends the rest. */
  finish(): Promise<void> {
    return this.send(this.#byteLength - this.#sent);
  }

  /** Closes the connection before the body is complete. */
  abort(): void {
    this.#socket.destroy();
  }
}
