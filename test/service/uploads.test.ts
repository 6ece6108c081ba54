import test from "ava";
import { uploads } from "./contract/uploads.js";
import { startEmbedded } from "./embedded.js";
import { holdsContracts } from "./test-service.js";

holdsContracts(test, "embedded", startEmbedded, [uploads]);
