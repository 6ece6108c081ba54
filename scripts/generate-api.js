// Generates what the service imports from src/service/openapi.yaml: the document itself and its types.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import openapiTs, { astToString } from "openapi-typescript";
import { parse } from "yaml";

const at = (name) => fileURLToPath(new URL(`../src/service/${name}`, import.meta.url));
const document = parse(readFileSync(at("openapi.yaml"), "utf8"));

writeFileSync(
  at("openapi-document.generated.ts"),
  `/** openapi.yaml, as it is served. */
export const OPENAPI_JSON = ${JSON.stringify(JSON.stringify(document))};
`,
);
writeFileSync(at("openapi-types.generated.ts"), astToString(await openapiTs(structuredClone(document))));
