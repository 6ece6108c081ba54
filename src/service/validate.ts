import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { type Operation, type OperationId, openApiDocument, operationList } from "./openapi.js";
import { HttpProblem } from "./problem.js";

/** Words that are the document's, not the schemas'. */
const KEYWORDS = ["example", "components"];

/** A fault is told by its place and the rule; a schema's own text, or what came, is not repeated. */
const MAX_PLACE_LENGTH = 100;

const ajv = new Ajv2020({ strict: true, strictTypes: false, strictTuples: false, coerceTypes: false });
formats.default(ajv, ["binary"]);
ajv.addVocabulary(KEYWORDS);
ajv.addSchema({ $id: "/", components: openApiDocument.components });

/** By call, what its JSON has to be; compiled at first use. */
const bodies = new Map<OperationId, ValidateFunction>();

/**
 * Checks the JSON of a small body against the document.
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
 * Checks that all headers are there that a call needs.
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
    if (!headers[name.toLowerCase()]) throw new HttpProblem(400, `${name}: expected this header, got none`);
  }
}

export function operationOf(id: OperationId): Operation {
  return operationList.find((operation) => operation.id === id)!;
}

/** References from within one schema to the document's. */
function absolute(schema: object): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/', '"$ref":"/#/')) as object;
}

function sentence({ instancePath, keyword, message = keyword, params }: ErrorObject): string {
  const place = instancePath === "" ? "body" : instancePath.slice(1).replaceAll("/", ".");
  const allowed = keyword === "enum" ? `: ${(params["allowedValues"] as unknown[]).join(", ")}` : "";
  return `${place.slice(0, MAX_PLACE_LENGTH)}: ${message}${allowed}`;
}
