import test from "ava";
import { externalUploads } from "./contract/external-uploads.js";
import { startEmbedded } from "./embedded.js";
import { holdsContracts } from "./test-service.js";

holdsContracts(test, "embedded", startEmbedded, [externalUploads]);
