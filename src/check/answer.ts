import { CheckFailed, expectThat } from "./expectations.js";

const MAX_TEXT_LENGTH = 200;

/** A service's response to a request. */
export class Answer {
  /** @param request the request as shown in messages: `GET /status` */
  constructor(
    readonly request: string,
    readonly status: number,
    readonly headers: Headers,
    readonly text: string,
  ) {}

  /** @throws CheckFailed if the status is not one of these */
  expect(...statuses: number[]): this {
    const isExpected = statuses.includes(this.status);
    expectThat(
      isExpected,
      `${this.request} returned ${this.status} instead of ${statuses.join(" or ")}${this.#excerpt()}`,
    );
    return this;
  }

  /** The JSON body of a response that must have one of these statuses. */
  json<Body = unknown>(...statuses: number[]): Body {
    this.expect(...statuses);
    try {
      return JSON.parse(this.text) as Body;
    } catch {
      throw new CheckFailed(`${this.request}: expected JSON${this.#excerpt()}`);
    }
  }

  /** Checks that a refusal is valid `application/problem+json`; returns its title. */
  problem(...statuses: number[]): string {
    const body = this.json<Record<string, unknown> | null>(...statuses);
    const type = this.headers.get("content-type") ?? "none";
    expectThat(
      type.startsWith("application/problem+json"),
      `${this.request} returned the type ${type} instead of application/problem+json`,
    );
    for (const key of ["type", "title", "detail"]) {
      expectThat(
        typeof body?.[key] === "string",
        `${this.request}: expected a ${key} in the problem${this.#excerpt()}`,
      );
    }
    expectThat(
      body?.["status"] === this.status,
      `${this.request}: expected the status in the problem${this.#excerpt()}`,
    );
    return String(body["title"]);
  }

  #excerpt(): string {
    const text = this.text.trim();
    if (text === "") return " and no body";
    return ` with ${text.slice(0, MAX_TEXT_LENGTH)}${text.length > MAX_TEXT_LENGTH ? "…" : ""}`;
  }
}
