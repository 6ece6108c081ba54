import { LinkageError } from "../../../src/core/errors.js";
import type { JsonHandler } from "../../../src/core/json/json-scanner.js";
import { CollectedText } from "../../../src/core/json/json-text-sink.js";

/** A reader of JSON in chunks. */
export interface JsonReading {
  write(bytes: Uint8Array): void;
  end(): void;
}

/** Records all events by name, and strings after a character for their kind. */
class RecordingHandler implements JsonHandler {
  readonly events: string[] = [];
  private readonly text = new CollectedText(1 << 12);

  openObject = () => void this.events.push("{");
  closeObject = () => void this.events.push("}");
  openArray = () => void this.events.push("[");
  closeArray = () => void this.events.push("]");
  literal = () => void this.events.push("literal");
  beginKey = () => this.begin();
  endKey = () => this.end("key ");
  beginString = () => this.begin();
  endString = () => this.end("string ");
  beginNumber = () => this.begin();
  endNumber = () => this.end("number ");

  private begin(): CollectedText {
    this.text.clear();
    return this.text;
  }

  private end(kind: string): void {
    this.events.push(kind + this.text.text());
  }
}

/** The events that chunks cause, or the LinkageError that they throw; other errors are rethrown. */
export function record(
  make: (handler: JsonHandler) => JsonReading,
  chunks: Iterable<Uint8Array>,
): readonly string[] | LinkageError {
  const handler = new RecordingHandler();
  try {
    const reading = make(handler);
    for (const chunk of chunks) reading.write(chunk);
    reading.end();
    return handler.events;
  } catch (error) {
    if (error instanceof LinkageError) return error;
    throw error;
  }
}
