import { OPENAPI_JSON } from "./openapi-document.generated.js";
import type { operations } from "./openapi-types.generated.js";

/** The calls of the API, by their names in openapi.yaml. */
export type OperationId = keyof operations;

type Content<Part> = Part extends { content: { "application/json": infer Body } } ? Body : never;

/** The JSON that a call takes. */
export type RequestBody<Id extends OperationId> = Content<
  NonNullable<operations[Id] extends { requestBody?: infer Body } ? Body : never>
>;

/** The JSON that a call answers with. */
export type ResponseBody<Id extends OperationId, Status extends number> = operations[Id] extends {
  responses: infer Responses;
}
  ? Status extends keyof Responses
    ? Content<Responses[Status]>
    : never
  : never;

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "header";
  readonly required?: boolean;
  readonly description?: string;
  readonly schema: object;
}

export interface MediaType {
  readonly schema: object;
}

export interface Response {
  readonly description: string;
  readonly content?: Readonly<Record<string, MediaType>>;
}

/** One call, with all references to parameters and responses resolved. */
export interface Operation {
  readonly id: OperationId;
  readonly method: "get" | "post" | "delete";
  /** With parameters as `{name}`. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly description: string;
  /** Whether it takes the header `Authorization`. */
  readonly needsToken: boolean;
  readonly parameters: readonly Parameter[];
  /** By media type; `undefined` if the call takes no body. */
  readonly requestContent: Readonly<Record<string, MediaType>> | undefined;
  /** By status. */
  readonly responses: Readonly<Record<string, Response>>;
}

type Reference = { readonly $ref: string };

interface WrittenOperation {
  readonly operationId: OperationId;
  readonly tags: readonly [string];
  readonly summary: string;
  readonly description?: string;
  readonly security?: readonly object[];
  readonly parameters?: readonly (Parameter | Reference)[];
  readonly requestBody?: { readonly content: Readonly<Record<string, MediaType>> };
  readonly responses: Readonly<Record<string, Response | Reference>>;
}

interface PathItem {
  readonly parameters?: readonly (Parameter | Reference)[];
  readonly get?: WrittenOperation;
  readonly post?: WrittenOperation;
  readonly delete?: WrittenOperation;
}

/** The parts of openapi.yaml that the service reads. */
export interface OpenApiDocument {
  readonly info: { readonly title: string; readonly summary: string; readonly description: string };
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, PathItem>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

/** The document as it is served. */
export const openApiJson: string = OPENAPI_JSON;

export const openApiDocument = JSON.parse(OPENAPI_JSON) as OpenApiDocument;

/** All calls, in the order of the document. */
export const operationList: readonly Operation[] = Object.entries(openApiDocument.paths).flatMap(
  ([path, item]) =>
    (["get", "post", "delete"] as const).flatMap((method) => {
      const written = item[method];
      return written === undefined ? [] : [readOperation(path, method, item, written)];
    }),
);

function readOperation(
  path: string,
  method: Operation["method"],
  item: PathItem,
  written: WrittenOperation,
): Operation {
  return {
    id: written.operationId,
    method,
    path,
    tag: written.tags[0],
    summary: written.summary,
    description: written.description ?? "",
    needsToken: written.security === undefined, // the default, unless a call declares otherwise
    parameters: [...(item.parameters ?? []), ...(written.parameters ?? [])].map(resolve<Parameter>),
    requestContent: written.requestBody?.content,
    responses: Object.fromEntries(
      Object.entries(written.responses).map(([status, response]) => [status, resolve<Response>(response)]),
    ),
  };
}

/** Resolves a reference within the document. */
function resolve<Part extends object>(part: Part | Reference): Part {
  if (!("$ref" in part)) return part;
  const keys = part.$ref.split("/").slice(1);
  return keys.reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], openApiDocument) as Part;
}
