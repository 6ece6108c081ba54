import test from "ava";
import { blocksOfUploads } from "./contract/blocks.js";
import { refusedUploads } from "./contract/refused-uploads.js";
import { startEmbedded } from "./embedded.js";
import { holdsContracts } from "./test-service.js";

holdsContracts(test, "embedded", startEmbedded, [refusedUploads, blocksOfUploads]);
