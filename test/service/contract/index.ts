import type { Contract } from "../test-service.js";
import { blocksOfUploads } from "./blocks.js";
import { encodingSizes } from "./encoding-sizes.js";
import { externalUploads } from "./external-uploads.js";
import { febrl } from "./febrl.js";
import { general } from "./general.js";
import { projects } from "./projects.js";
import { refusedUploads } from "./refused-uploads.js";
import { results } from "./results.js";
import { runs } from "./runs.js";
import { uploads } from "./uploads.js";

/** The service's whole HTTP contract. */
export const contracts: readonly Contract[] = [
  ...[
    general,
    projects,
    uploads,
    refusedUploads,
    blocksOfUploads,
    encodingSizes,
    externalUploads,
    runs,
    results,
    febrl,
  ],
];
