import type { Project } from "../project.js";
import type { UploadLimits } from "./upload-stores.js";

/** Encodings are compared in words of this many bytes. */
const WORD_LENGTH = 8;

/** Why encodings of some size are unusable for a project. */
export interface SizeProblem {
  /** The valid size, in words that fit after "must have". */
  readonly expected: string;
  readonly received: string;
}

/** Bytes in an encoding according to the linkage schema (`clkConfig.l` bits); `undefined` if it has no such value. */
export function schemaEncodingSize(schema: Project["schema"]): number | undefined {
  const clkConfig = schema["clkConfig"];
  if (typeof clkConfig !== "object" || clkConfig === null) return undefined;
  const bits = Number((clkConfig as Record<string, unknown>)["l"] ?? Number.NaN);
  return Number.isInteger(bits) && bits > 0 ? Math.floor(bits / 8) : undefined;
}

/** Checks whether a project can use encodings of `byteLength` bytes: by its size or its schema, and the limits. */
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
    return { expected: `${agreed} bytes in this project`, received };
  }
  if (byteLength % WORD_LENGTH !== 0) return { expected: "a multiple of 8 bytes (64 bits)", received };
  return undefined;
}
