import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { type Operation, type OperationId, openApiDocument, operationList } from "./openapi.js";
import { HttpProblem } from "./problem.js";

/** Keywords of the OpenAPI document that JSON Schema does not define. */
const KEYWORDS = ["example", "components"];

/** Errors name a place, up to this length, and the rule; they do not repeat the schema's text or the input. */
const MAX_PLACE_LENGTH = 100;

const ajv = new Ajv2020({ strict: true, strictTypes: false, strictTuples: false, coerceTypes: false });
formats.default(ajv, ["binary"]);
ajv.addVocabulary(KEYWORDS);
ajv.addSchema({ $id: "/", components: openApiDocument.components });

/** Validators of the calls' JSON bodies, compiled on first use. */
const bodies = new Map<OperationId, ValidateFunction>();

/**
 * Validates a small JSON body against the document.
 *
 * @throws HttpProblem 400, which names the place and the rule
 */
export function validateBody({ id, requestContent }: Operation, body: unknown): void {
  let validate = bodies.get(id);
  if (validate === undefined) {
    validate = ajv.compile(absolute(requestContent!["application/json"]!.schema));
    bodies.set(id, validate);
  }
  if (!validate(body)) throw new HttpProblem(400, sentence(validate.errors![0]!));
}

/**
 * Checks that all headers required by a call are present.
 *
 * @throws HttpProblem 400
 */
export function validateHeaders(
  operation: Operation,
  headers: Readonly<Record<string, string | string[] | undefined>>,
): void {
  const needed = operation.parameters.filter((parameter) => parameter.in === "header" && parameter.required);
  const names = needed.map(({ name }) => name);
  for (const name of operation.needsToken ? ["Authorization", ...names] : names) {
    if (!headers[name.toLowerCase()]) throw new HttpProblem(400, `The header ${name} is required.`);
  }
}

export function operationOf(id: OperationId): Operation {
  return operationList.find((operation) => operation.id === id)!;
}

/** Makes a schema's references absolute, so that they refer to the document. */
function absolute(schema: object): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/', '"$ref":"/#/')) as object;
}

function sentence({ instancePath, keyword, message = keyword, params }: ErrorObject): string {
  const place = instancePath === "" ? "The body" : instancePath.slice(1).replaceAll("/", ".");
  const allowed = keyword === "enum" ? `: ${(params["allowedValues"] as unknown[]).join(", ")}` : "";
  return `${place.slice(0, MAX_PLACE_LENGTH)} ${message}${allowed}.`;
}
