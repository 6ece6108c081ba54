import type { Project } from "../project.js";
import type { UploadLimits } from "./upload-stores.js";

/** Encodings are compared in words of so many bytes. */
const WORD_LENGTH = 8;

/** Why encodings of some size are of no use to a project. */
export interface SizeProblem {
  /** Bytes that would be fine, in words. */
  readonly expected: string;
  readonly received: string;
}

/** Bytes in an encoding as the linkage schema has it (`clkConfig.l` bits); `undefined` where it does not say. */
export function schemaEncodingSize(schema: Project["schema"]): number | undefined {
  const clkConfig = schema["clkConfig"];
  if (typeof clkConfig !== "object" || clkConfig === null) return undefined;
  const bits = Number((clkConfig as Record<string, unknown>)["l"] ?? Number.NaN);
  return Number.isInteger(bits) && bits > 0 ? Math.floor(bits / 8) : undefined;
}

/** Finds out whether a project can use encodings of so many bytes: by its size, or its schema, and the limits. */
export function findSizeProblem(
  byteLength: number,
  project: Pick<Project, "schema" | "encodingSize">,
  limits: Pick<UploadLimits, "minEncodingSize" | "maxEncodingSize">,
): SizeProblem | undefined {
  const received = `${byteLength} bytes`;
  const { minEncodingSize, maxEncodingSize } = limits;
  if (byteLength < minEncodingSize || byteLength > maxEncodingSize) {
    return { expected: `${minEncodingSize} to ${maxEncodingSize} bytes`, received };
  }
  const agreed = project.encodingSize ?? schemaEncodingSize(project.schema);
  if (agreed !== undefined && byteLength !== agreed) {
    return { expected: `${agreed} bytes, as the project has it`, received };
  }
  if (byteLength % WORD_LENGTH !== 0) return { expected: "a multiple of 8 bytes (64 bits)", received };
  return undefined;
}
