import test from "ava";
import { runs } from "./contract/runs.js";
import { startEmbedded } from "./embedded.js";
import { holdsContracts } from "./test-service.js";

holdsContracts(test, "embedded", startEmbedded, [runs]);
