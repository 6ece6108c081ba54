import type { Manifest } from "./manifests.js";

/** The first bytes of objects encoded in Protocol Buffers. */
const MAGIC = Buffer.from("k8s\0");

type Fields = ReadonlyMap<number, readonly Buffer[]>;

/**
 * Decodes a Secret that Helm sends as a release record: in Protocol Buffers, wrapped in a message that names its kind.
 * Reads only what Helm writes: name, labels, type and data.
 */
export function readSecretMessage(body: Buffer): Manifest {
  if (!body.subarray(0, MAGIC.length).equals(MAGIC)) throw new Error("expected a message of Kubernetes");
  const wrapper = fieldsOf(body.subarray(MAGIC.length));
  const kind = fieldsOf(only(wrapper, 1));
  if (String(only(kind, 2)) !== "Secret") throw new Error(`expected a Secret, got a ${only(kind, 2)}`);
  const secret = fieldsOf(only(wrapper, 2));
  const metadata = fieldsOf(only(secret, 1));
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: String(only(metadata, 1)), labels: mapOf(metadata, 11, "utf8") },
    type: String(only(secret, 3)),
    data: mapOf(secret, 2, "base64"),
  };
}

function only(fields: Fields, number: number): Buffer {
  const [value] = fields.get(number) ?? [];
  if (value === undefined) throw new Error(`expected a field ${number}, got none`);
  return value;
}

function mapOf(fields: Fields, number: number, encoding: BufferEncoding): Record<string, string> {
  const pairs = (fields.get(number) ?? []).map((entry) => {
    const pair = fieldsOf(entry);
    return [String(only(pair, 1)), only(pair, 2).toString(encoding)];
  });
  return Object.fromEntries(pairs);
}

/** The length-delimited fields of a message: strings, messages and map entries. */
function fieldsOf(message: Buffer): Fields {
  const fields = new Map<number, Buffer[]>();
  let at = 0;
  const readNumber = () => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = message[at++];
      if (byte === undefined) throw new Error("expected more bytes of a message, got an end");
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const tag = readNumber();
    const kind = tag % 8;
    if (kind === 0) readNumber();
    else if (kind === 2) {
      const byteLength = readNumber();
      const number = Math.floor(tag / 8);
      fields.set(number, [...(fields.get(number) ?? []), message.subarray(at, at + byteLength)]);
      at += byteLength;
    } else throw new Error(`expected a number or bytes in a message, got kind ${kind}`);
  }
  return fields;
}
